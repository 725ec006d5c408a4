"""Tools of the installation's own: found by reference, bound and granted by an agent's definition."""

import sys
from types import SimpleNamespace

import pytest
from agent_world import SPEC, EchoTool, named

from hortus_agents.labels import NOTHING_READ
from hortus_agents.messages import ToolCall
from hortus_agents.tools.port import SideEffect
from hortus_agents.tools.proxy import Admitted, NeedsPerson, ToolProxy
from hortus_agents.tools.registry import ToolRegistry
from hortus_server.adapters.plugin_tools import load_plugins

GRANTED = SPEC.model_copy(update={"tools": ("calculate",), "plugins": ("ship",)})
CALL = ToolCall(id="c1", name="ship", arguments={"text": "parcel"})


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    made = SimpleNamespace(tools=lambda: [EchoTool(name="ship")])
    monkeypatch.setitem(sys.modules, "shop_tools", made)
    return made


def test_a_reference_gives_tools_by_their_names(module: SimpleNamespace) -> None:
    assert list(load_plugins(["shop_tools:tools"])) == ["ship"]


@pytest.mark.parametrize("name", ["calculate", "Ship", "ship it", ""])
def test_a_name_that_is_taken_or_none_is_refused(module: SimpleNamespace, name: str) -> None:
    module.tools = lambda: [EchoTool(name=name)]
    with pytest.raises(ValueError, match="shop_tools:tools"):
        load_plugins(["shop_tools:tools"])


def test_a_name_that_comes_twice_is_refused(module: SimpleNamespace) -> None:
    with pytest.raises(ValueError, match="a tool ship already"):
        load_plugins(["shop_tools:tools", "shop_tools:tools"])


@pytest.mark.parametrize("reference", ["no_such_module:tools", "shop_tools:nothing"])
def test_a_reference_to_nothing_is_refused(module: SimpleNamespace, reference: str) -> None:
    with pytest.raises((ImportError, AttributeError)):
        load_plugins([reference])


async def test_an_agent_gets_the_plug_ins_that_it_names_behind_its_built_ins() -> None:
    registry = ToolRegistry({"calculate": EchoTool(name="calculate")}, plugins={"ship": EchoTool(name="ship")})
    for spec, names in ((GRANTED, ["calculate", "ship"]), (SPEC, ["calculate"])):
        binding = await registry.bind(spec, tenant_id=named("t"), versions=())
        assert [tool.name for tool in binding.proxy.specs] == names


def test_naming_a_plug_in_grants_it_and_what_cannot_be_taken_back_still_needs_persons() -> None:
    outside = ToolProxy([EchoTool(name="ship", side_effect=SideEffect.EXTERNAL)])
    assert isinstance(outside.admit(CALL, GRANTED, labels=NOTHING_READ), Admitted)
    asked = outside.admit(CALL, SPEC)
    assert isinstance(asked, NeedsPerson)
    assert asked.verdict.persons == 1
    final = ToolProxy([EchoTool(name="ship", side_effect=SideEffect.IRREVERSIBLE)])
    needed = final.admit(CALL, GRANTED)
    assert isinstance(needed, NeedsPerson)
    assert needed.verdict.persons == 2
