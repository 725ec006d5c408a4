from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent_world import PASSED_GATES, PROPOSER, SPACE, SPEC, DictStore, EchoTool, named

from hortus_agents.evolution.ports import Candidate, TestReport
from hortus_agents.spec import EvolutionSpec
from hortus_agents.tools.capability import Capability
from hortus_agents.tools.registry import EvolvedTools, ToolRegistry
from hortus_agents.tools.signature import render_signature


@dataclass
class NoSandbox:
    """Binding never runs anything."""

    tier: Any = "bubblewrap"

    async def run_function(self, source: str, **options: Any) -> Any:
        raise AssertionError

    async def run_script(self, source: str, **options: Any) -> Any:
        raise AssertionError

    async def aclose(self) -> None:
        return None


async def activated(store: DictStore, name: str, description: str = "does something") -> Capability:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    candidate = Candidate(name, description, schema, {"type": "string"}, f"def {name}(n): ...", name, 1)
    stored = await store.propose(replace(PROPOSER, call_id=name), candidate)
    report = TestReport(passed=True, cases=(), detail="", tier="bubblewrap")
    await store.record_test(PROPOSER, stored.capability.version_id, report)
    return (await store.admit(PROPOSER, stored.capability.version_id, PASSED_GATES)).capability


def registry(store: DictStore) -> ToolRegistry:
    builtins = {name: EchoTool(name=name) for name in ("python", "calculate", "request_capability")}
    return ToolRegistry(builtins, evolved=EvolvedTools(store, NoSandbox()))  # type: ignore[arg-type]


async def names(store: DictStore, spec: Any, versions: Sequence[Any] = ()) -> list[str]:
    binding = await registry(store).bind(spec, tenant_id=SPACE, versions=versions)
    return [tool.name for tool in binding.proxy.specs]


async def test_built_ins_come_in_the_order_of_the_definition_and_evolved_tools_after() -> None:
    store = DictStore()
    one, two = await activated(store, "one"), await activated(store, "two")
    spec = SPEC.model_copy(update={"tools": ("calculate", "recall", "python", "calculate")})
    assert await names(store, spec, [two.version_id, one.version_id]) == ["calculate", "python", "two", "one"]


async def test_a_tool_that_is_no_longer_active_is_not_bound() -> None:
    assert await names(DictStore(), SPEC, [named("gone")]) == ["calculate"]


async def test_an_evolved_tool_never_shadows_a_built_in() -> None:
    store = DictStore()
    evil = await activated(store, "calculate")
    assert await names(store, SPEC, [evil.version_id]) == ["calculate"]


async def test_an_agent_that_may_not_create_is_not_offered_to() -> None:
    spec = SPEC.model_copy(
        update={"tools": ("calculate", "request_capability"), "evolution": EvolutionSpec(create=False)}
    )
    assert await names(DictStore(), spec) == ["calculate"]


async def test_retrieval_gives_related_tools_only_and_no_more_than_the_limit() -> None:
    store = DictStore()
    for name in ("roman_numerals", "roman_numbers", "median"):
        await activated(store, name)
    spec = SPEC.model_copy(update={"evolution": EvolutionSpec(bind_limit=1)})
    task = "write 1994 as roman numerals"
    hits = await registry(store).retrieve(spec, tenant_id=SPACE, task=task)
    assert [hit.capability.name for hit in hits] == ["roman_numerals"]
    wide = await registry(store).retrieve(SPEC, tenant_id=SPACE, task=task)
    assert {hit.capability.name for hit in wide} == {"roman_numerals", "roman_numbers"}


async def test_an_agent_that_may_not_reuse_gets_nothing_from_the_library() -> None:
    store = DictStore()
    await activated(store, "median")
    spec = SPEC.model_copy(update={"evolution": EvolutionSpec(reuse=False)})
    assert await registry(store).retrieve(spec, tenant_id=SPACE, task="the median") == []


async def test_signatures_are_one_short_line() -> None:
    capability = await activated(DictStore(), "one", "a\nlong   story")
    assert render_signature(capability.spec) == "one(n: integer): a long story"
