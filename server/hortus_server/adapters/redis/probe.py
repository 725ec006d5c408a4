"""A look at the broker."""

from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from hortus_server.domain.errors import UnavailableError


@dataclass(frozen=True, slots=True)
class BrokerProbe:
    """Implements Probe."""

    redis: Redis

    @property
    def component(self) -> str:
        """See Probe."""
        return "broker"

    async def check(self) -> str:
        """See Probe."""
        try:
            await self.redis.ping()
        except (RedisError, OSError) as error:
            raise UnavailableError("broker", str(error) or type(error).__name__) from error
        return "answers"
