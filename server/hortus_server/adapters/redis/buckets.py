"""Token buckets in Redis or Valkey, by its own clock, so that all processes see one."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from hortus_server.adapters.redis.client import notice_cancellation
from hortus_server.adapters.redis.keys import tenant_key
from hortus_server.domain.errors import UnavailableError
from hortus_server.domain.ids import TenantId
from hortus_server.domain.rates import Draw, Grant

TIMEOUT_S: Final = 0.25  # of a request's time; without an answer the process decides by itself
_SCRIPT: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local given = {}
for place, key in ipairs(KEYS) do
  local rate, burst = tonumber(ARGV[place * 3 - 2]), tonumber(ARGV[place * 3 - 1])
  local wanted = tonumber(ARGV[place * 3])
  local state = redis.call('HMGET', key, 'level', 'at')
  local level = tonumber(state[1]) or burst
  local at = tonumber(state[2]) or now
  level = math.min(burst, level + math.max(0, now - at) * rate)
  local granted = math.min(wanted, math.floor(level))
  level = level - granted
  redis.call('HSET', key, 'level', tostring(level), 'at', string.format('%.6f', now))
  redis.call('PEXPIRE', key, math.ceil(burst / rate * 1000) + 1000)
  given[place * 2 - 1] = granted
  given[place * 2] = tostring(level)
end
return given
"""


class RedisBuckets:
    """Implements SharedBuckets. A bucket that was not used for as long as it takes to fill is forgotten: it is full."""

    def __init__(self, redis: Redis, *, timeout_s: float = TIMEOUT_S) -> None:
        self._script = redis.register_script(_SCRIPT)
        self._timeout_s = timeout_s

    async def draw(self, tenant_id: TenantId, draws: Sequence[Draw]) -> Sequence[Grant]:
        """See the port."""
        keys = [tenant_key(tenant_id, "rate", draw.name) for draw in draws]
        numbers = [number for draw in draws for number in (draw.rate.per_second, draw.rate.burst, draw.wanted)]
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = cast("list[Any]", await self._script(keys=keys, args=numbers))
        except (RedisError, OSError, TimeoutError) as error:
            raise UnavailableError("broker", str(error) or type(error).__name__) from error
        notice_cancellation()
        return [Grant(int(granted), float(level)) for granted, level in zip(answer[::2], answer[1::2], strict=True)]
