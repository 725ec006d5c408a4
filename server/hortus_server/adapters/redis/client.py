"""Connections to Redis or Valkey."""

import asyncio

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
        driver_info=None,  # what it would tell the server is looked up anew, on disk, for every connection
    )
    return client


def notice_cancellation() -> None:
    """Raise CancelledError where this task was cancelled; call it behind a call of the client.

    The client's own timeouts swallow a cancellation that meets an answer; who waits for the task would wait for ever.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
