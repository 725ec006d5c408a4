import asyncio
import os
import signal

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from hortus_server.adapters.embedded.home import HortusHome
from hortus_server.adapters.embedded.ports import PortBook
from hortus_server.adapters.embedded.valkey import EmbeddedValkey


@pytest.fixture
def valkey(home: HortusHome) -> EmbeddedValkey:
    return EmbeddedValkey(home, PortBook(home.run / "ports.json").assign("valkey"))


async def test_queue_survives_kill_9(valkey: EmbeddedValkey, supervised, recorder, pid_of) -> None:
    async with supervised(valkey.component()):
        async with Redis.from_url(valkey.url) as client:
            await client.rpush("runs", "one", "two")
            # appendfsync everysec concerns power cuts; the kernel keeps what a killed process wrote.
            await asyncio.sleep(0.1)
        os.kill(pid_of("valkey"), signal.SIGKILL)
        await recorder.until("valkey", "ready", times=2)
        async with Redis.from_url(valkey.url) as client:
            assert await client.lrange("runs", 0, -1) == [b"one", b"two"]


async def test_password_is_asked_for_and_is_not_on_the_command_line(
    valkey: EmbeddedValkey, home: HortusHome, supervised
) -> None:
    component = valkey.component()
    async with supervised(component):
        async with Redis(port=valkey.port) as client:
            with pytest.raises(AuthenticationError):
                await client.ping()
        async with Redis.from_url(valkey.url) as client:
            assert (await client.config_get("maxmemory-policy"))["maxmemory-policy"] == "noeviction"
    assert component.command is not None
    assert home.secret("valkey_password") not in " ".join(component.command.argv)
    assert (home.run / "valkey.conf").stat().st_mode & 0o077 == 0
