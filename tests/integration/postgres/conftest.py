import socket

import pytest
from store_world import World, make_world


@pytest.fixture
async def world(store) -> World:
    return await make_world(store)


@pytest.fixture
async def other(store) -> World:
    """Another tenant, with rows of its own."""
    return await make_world(store, "umbrella")


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
