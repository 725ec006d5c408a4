"""Connections to Redis or Valkey."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


def connect_redis(url: str, *, timeout_s: float, retries: int = 1) -> Redis:
    """A client that opens nothing yet.

    The one retry is for connections of the pool that a restart of the server has closed; more is its callers' to do.
    """
    client: Redis = Redis.from_url(
        url,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        socket_keepalive=True,
        health_check_interval=15,
        retry=Retry(NoBackoff(), retries),
    )
    return client
