import pytest
from stack_parts import free_port
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
    return free_port()
