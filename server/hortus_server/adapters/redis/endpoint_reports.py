"""Reports of model endpoints in Redis or Valkey: a key for each process, gone soon after it."""

import asyncio
from dataclasses import dataclass
from typing import Final, cast

import structlog
from pydantic import TypeAdapter, ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from hortus_server.domain.errors import UnavailableError
from hortus_server.ports.models import EndpointReport

log = structlog.get_logger()

TTL_S: Final = 15
_INDEX: Final = "hortus:model-endpoints"
_MOST_PROCESSES: Final = 10_000
_REPORT: Final[TypeAdapter[EndpointReport]] = TypeAdapter(EndpointReport)


@dataclass(frozen=True, slots=True)
class RedisEndpointReports:
    """Implements EndpointReports. What a lost server knew is there again with the next report."""

    redis: Redis
    timeout_s: float

    async def publish(self, report: EndpointReport) -> None:
        """See the port. Keys last a few reports long; the index forgets those that did not report since."""
        at = report.at.timestamp()
        try:
            async with asyncio.timeout(self.timeout_s), self.redis.pipeline(transaction=False) as pipe:
                pipe.set(_key(report.process_id), _REPORT.dump_json(report), ex=TTL_S)
                pipe.zadd(_INDEX, {report.process_id: at})
                pipe.zremrangebyscore(_INDEX, "-inf", at - 4 * TTL_S)
                pipe.expire(_INDEX, 4 * TTL_S)
                await pipe.execute()
        except (RedisError, OSError, TimeoutError) as error:
            log.debug("endpoint_report_lost", error=str(error) or type(error).__name__)

    async def list(self) -> tuple[EndpointReport, ...]:
        """See the port."""
        try:
            async with asyncio.timeout(self.timeout_s):
                found = cast("list[bytes]", await self.redis.zrevrange(_INDEX, 0, _MOST_PROCESSES - 1))
                texts = await self.redis.mget([_key(name.decode()) for name in found]) if found else []
        except (RedisError, OSError, TimeoutError) as error:
            raise UnavailableError("broker", str(error) or type(error).__name__) from error
        reports = [report for text in texts if text is not None and (report := _parse(text)) is not None]
        return tuple(sorted(reports, key=lambda report: report.process_id))


def _key(process_id: str) -> str:
    return f"{_INDEX}:{process_id}"


def _parse(text: bytes | str) -> EndpointReport | None:
    try:
        return _REPORT.validate_json(text)
    except ValidationError:  # of another version, in the middle of an update
        return None
