from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from agent_world import SPEC, START, DictStore, named

from hortus_agents.errors import ToolFailedError, ToolRetryError
from hortus_agents.events import EventPayload, KeptFile, MemoryRecalled, MemoryWritten, RecalledItem
from hortus_agents.evolution.ports import StoredCandidate
from hortus_agents.sandbox import Sandbox, open_sandbox
from hortus_agents.tools.builtin.python import PythonTool
from hortus_agents.tools.builtin.recall import RecallTool
from hortus_agents.tools.builtin.remember import RememberTool
from hortus_agents.tools.capability import Capability
from hortus_agents.tools.evolved import EvolvedTool
from hortus_agents.tools.memory import MemoryScope, render_items
from hortus_agents.tools.port import ToolContext


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    opened = await open_sandbox()
    yield opened
    await opened.aclose()


@pytest.fixture
def emitted() -> list[EventPayload]:
    return []


@pytest.fixture
def context(emitted: list[EventPayload]) -> ToolContext:
    async def emit(payloads: Sequence[EventPayload]) -> None:
        emitted.extend(payloads)

    return ToolContext(named("t"), named("s"), named("r"), named("a"), 1, "c1", SPEC, emit)


def item(title: str, content: str = "so it was") -> RecalledItem:
    return RecalledItem(memory_id=named(title), title=title, content=content, score=0.5, occurred_at=START)


class ListMemory:
    """A memory that gives what it was made with and keeps what it is told."""

    def __init__(self, *items: RecalledItem, **flags: bool) -> None:
        self.answer = {"items": items, "low_confidence": False, **flags}
        self.notes: dict[str, str] = {}
        self.scopes: list[MemoryScope] = []

    async def recall(self, query: str, *, scope: MemoryScope, limit: int) -> MemoryRecalled:
        self.scopes.append(scope)
        return MemoryRecalled.model_validate({"query": query, **self.answer})

    async def remember(self, text: str, *, scope: MemoryScope, key: str) -> MemoryWritten:
        self.notes[key] = text
        return MemoryWritten(memory_id=named(key), kind="note", title=text, source_first_seq=1, source_last_seq=1)


async def test_recall_gives_dated_lines_and_leaves_an_event(context: ToolContext, emitted: list[Any]) -> None:
    memory = ListMemory(item("Tea"))
    output = await RecallTool(memory).call({"query": "tea"}, context)
    assert output.content == "- 2026-11-02 Tea: so it was"
    assert [event.query for event in emitted] == ["tea"]
    assert memory.scopes[0].agent_id == context.agent_id


async def test_recall_says_when_nothing_surely_fits(context: ToolContext) -> None:
    output = await RecallTool(ListMemory(item("Tea"), low_confidence=True)).call({"query": "x"}, context)
    assert output.content.startswith("nothing surely related")


async def test_recall_says_when_memory_is_down(context: ToolContext) -> None:
    with pytest.raises(ToolFailedError, match="cannot be searched"):
        await RecallTool(ListMemory(unavailable=True)).call({"query": "x"}, context)


async def test_a_note_is_keyed_by_its_call(context: ToolContext, emitted: list[Any]) -> None:
    memory = ListMemory()
    for _ in range(2):
        await RememberTool(memory).call({"text": "milk"}, context)
    assert memory.notes == {"c1": "milk"}
    assert emitted[0].type == "memory.written"


def test_recalled_items_are_cut_from_the_end() -> None:
    text = render_items([item("one", "x" * 60), item("two")], limit=80)
    assert text.startswith("- 2026-11-02 one: xxx")
    assert "two" not in text


async def test_python_gives_what_was_printed_and_the_last_value(sandbox: Sandbox, context: ToolContext) -> None:
    output = await PythonTool(sandbox).call({"code": "print('a')\n6 * 7"}, context)
    assert output.content == "a\n42"
    assert output.tier == sandbox.tier


async def test_python_errors_are_the_models_to_mend(sandbox: Sandbox, context: ToolContext) -> None:
    with pytest.raises(ToolRetryError, match="ZeroDivisionError"):
        await PythonTool(sandbox).call({"code": "1 / 0"}, context)


async def test_python_without_output_says_so(sandbox: Sandbox, context: ToolContext) -> None:
    output = await PythonTool(sandbox).call({"code": "x = 1"}, context)
    assert "print what you need" in output.content


async def test_python_keeps_declared_files_and_nothing_without_a_place_for_them(
    sandbox: Sandbox, context: ToolContext
) -> None:
    async def store_file(name: str, content: bytes) -> KeptFile:
        return KeptFile(name=name, sha256=content.hex(), size=len(content))

    call = {"code": "open('a.txt', 'w').write('hi')", "outputs": ["a.txt", "missing.txt"]}
    output = await PythonTool(sandbox, store_file).call(call, context)
    assert output.files == (KeptFile(name="a.txt", sha256="6869", size=2),)
    assert output.content.endswith("[file a.txt: 2 bytes, artifact 6869]")
    assert (await PythonTool(sandbox).call(call, context)).files == ()


def capability(source: str) -> Capability:
    return Capability(named("tool"), named("v"), 1, "half", "Halves.", {}, {"type": "number"}, source, "half")


async def test_an_evolved_tool_runs_its_function_and_counts_the_use(sandbox: Sandbox, context: ToolContext) -> None:
    found = capability("def half(n):\n    return {'half': n / 2}")
    store = DictStore({found.version_id: StoredCandidate(found, "active")})
    tool = EvolvedTool(found, sandbox=sandbox, library=store)
    output = await tool.call({"n": 5}, context)
    assert output.content == '{"half": 2.5}'
    assert store.uses == [(named("v"), "c1", True)]


async def test_a_version_that_was_disabled_since_it_was_bound_is_refused_and_forgotten(
    sandbox: Sandbox, context: ToolContext
) -> None:
    found = capability("def half(n):\n    return n / 2")
    store = DictStore({found.version_id: StoredCandidate(found, "active")})
    tool = EvolvedTool(found, sandbox=sandbox, library=store)
    await tool.call({"n": 4}, context)
    store.disable(found.version_id)
    emitted: list[Any] = []

    async def emit(payloads: Sequence[Any]) -> None:
        emitted.extend(payloads)

    with pytest.raises(ToolFailedError, match="version 1 was taken out of use"):
        await tool.call({"n": 4}, replace(context, emit=emit))
    assert [payload.type for payload in emitted] == ["capability.disabled"]
    assert len(store.uses) == 1


async def test_an_evolved_tool_that_raises_is_counted_as_failed(sandbox: Sandbox, context: ToolContext) -> None:
    found = capability("def half(n):\n    raise ValueError('odd')")
    store = DictStore({found.version_id: StoredCandidate(found, "active")})
    tool = EvolvedTool(found, sandbox=sandbox, library=store)
    with pytest.raises(ToolRetryError, match="half raised: ValueError: odd"):
        await tool.call({"n": 5}, context)
    assert store.uses == [(named("v"), "c1", False)]
