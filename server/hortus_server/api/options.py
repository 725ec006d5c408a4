"""What the settings say of the edge."""

from datetime import timedelta
from importlib.metadata import version
from ipaddress import ip_network
from urllib.parse import urlsplit

from hortus_server.api.edge import EdgeOptions
from hortus_server.domain.rates import RateDefaults
from hortus_server.domain.stuck import Patience
from hortus_server.domain.users import LoginRules
from hortus_server.settings import ApiSettings


def edge_options(settings: ApiSettings, rates: RateDefaults) -> EdgeOptions:
    """The edge's bounds from the settings."""
    secret = settings.cookie_secret.get_secret_value().encode() if settings.cookie_secret else None
    return EdgeOptions(
        version=version("hortus"),
        body_limit_bytes=settings.body_limit_bytes,
        socket_frame_limit_bytes=settings.socket_frame_limit_bytes,
        heartbeat_s=settings.heartbeat_s,
        reader_buffer=settings.reader_buffer,
        connections=settings.connections,
        queue_depth=settings.queue_depth,
        cookie_secret=secret,
        public_origin=_origin(settings.public_url),
        send_timeout_s=settings.send_timeout_s,
        patience=_patience(settings),
        logins=LoginRules(idle=timedelta(seconds=settings.login_idle_s), absolute=timedelta(days=settings.login_days)),
        rates=rates,
        trusted_proxies=tuple(ip_network(str(one)) for one in settings.trusted_proxies),
    )


def _patience(settings: ApiSettings) -> Patience:
    return Patience(
        queued=timedelta(seconds=settings.stuck_queued_s),
        running=timedelta(seconds=settings.stuck_running_s),
        waiting=timedelta(seconds=settings.stuck_waiting_s),
        paused=timedelta(seconds=settings.stuck_paused_s),
    )


def _origin(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
