"""The API process: the edge from settings and services, and its server."""

import uvloop

from hortus_server.api.edge import EdgePorts, make_edge
from hortus_server.api.options import edge_options
from hortus_server.api.people import PeoplePorts
from hortus_server.api.server import make_server
from hortus_server.domain.users import OidcRules
from hortus_server.security_settings import OidcSettings
from hortus_server.settings import Settings
from hortus_server.telemetry.logs import configure_logs
from hortus_server.wiring import Services, load_settings, open_services


def edge_ports(services: Services) -> EdgePorts:
    """What the edge takes of a process's services."""
    return EdgePorts(
        store=services.store,
        queue=services.queue,
        live=services.live,
        streams=services.streams,
        webhooks=services.webhooks,
        index=services.memory_index,
        workers=services.workers,
        models=services.models,
        endpoint_reports=services.endpoint_reports,
        buckets=services.buckets,
        probes=services.probes,
        sealer=services.sealer,
        revealed=services.revealed,
        people=PeoplePorts(services.passwords, services.provider, _oidc_rules(services.settings.oidc)),
    )


def run_api() -> None:
    """Serve until a signal."""
    settings = load_settings()
    configure_logs(settings.log, process="api")
    uvloop.run(serve_api(settings))


async def serve_api(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises UnavailableError when PostgreSQL does not answer at the start."""
    async with open_services(settings, role="api") as services:
        edge = make_edge(edge_options(settings.api, settings.limits), edge_ports(services))
        await make_server(edge, settings.api).serve()


def _oidc_rules(settings: OidcSettings) -> OidcRules:
    return OidcRules(
        domains=frozenset(domain.lower().lstrip("@") for domain in settings.domains),
        role=settings.role,
        roles=settings.roles,
        tenant=settings.tenant or None,
    )
