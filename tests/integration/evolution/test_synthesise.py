"""A run asks for a tool, the tool is made (or not) in the real sandbox, and used."""

import json
import math
from typing import Any

import pytest
from agent_world import SPEC, DictStore, ListModel, QuietScanner, World

from hortus_agents.errors import ModelUnavailableError
from hortus_agents.evolution.gates import ToolGates
from hortus_agents.evolution.negative import Subject
from hortus_agents.evolution.scan import Finding, ScannerUnavailableError
from hortus_agents.evolution.toolbox import ToolPorts, build_registry
from hortus_agents.limits import RunLimits
from hortus_agents.sandbox import Sandbox
from hortus_agents.tools.capability import ToolPermissions

pytestmark = pytest.mark.asyncio(loop_scope="module")  # one jail pool for all

SIGNATURE = json.dumps({
    "name": "to_roman", "description": "Roman numerals of a positive integer.",
    "parameters": [{"name": "number", "type": "integer"}], "returns": "string",
})  # fmt: skip
RIGHT = """```python
def to_roman(number):
    result = ""
    for value, mark in [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"),
                        (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]:
        while number >= value:
            result += mark
            number -= value
    return result

print(to_roman(4))
```"""
WRONG = '```python\ndef to_roman(number):\n    return "I" * number\n```'
RAISING = "```python\ndef to_roman(number):\n    return romans[number]\n```"
FORBIDDEN = "```python\nimport os\ndef to_roman(number):\n    return os.environ['X']\n```"
ANSWER = '{"answer": "MMXXIV"}'


def cases(*pairs: tuple[int, str]) -> str:
    return json.dumps({"cases": [{"arguments": {"number": n}, "expected": roman} for n, roman in pairs]})


CASES = cases((4, "IV"), (9, "IX"), (14, "XIV"))


def ask(**arguments: str) -> str:
    purpose = {"name": "to_roman", "purpose": "write a number as Roman numerals"}
    return json.dumps({"tool": "request_capability", "arguments": purpose | arguments})


def use(number: int) -> str:
    return json.dumps({"tool": "to_roman", "arguments": {"number": number}})


def world(replies: list[Any], sandbox: Sandbox, store: DictStore | None = None, **changes: Any) -> World:
    model = ListModel(replies)
    gates = ToolGates(sandbox, QuietScanner(), magnitude_s=0.1, negative_tests=3)
    registry = build_registry(model, ToolPorts(store=store or DictStore(), sandbox=sandbox, gates=gates))
    spec = SPEC.model_copy(update={"tools": ("request_capability",)})
    return World(model, registry, **({"spec": spec, "task": "What is 2024 in Roman numerals?"} | changes))


def purposes(run: World) -> list[str]:
    return [payload.purpose for payload in run.payloads("model.called")]


async def test_a_tool_is_written_tested_activated_and_used_in_the_next_step(sandbox: Sandbox) -> None:
    store = DictStore()
    run = world([ask(), SIGNATURE, RIGHT, CASES, use(2024), ANSWER], sandbox, store)
    state = await run.finish()
    assert state.status == "succeeded"
    observed = [(payload.name, payload.outcome, payload.content) for payload in run.payloads("tool.finished")]
    assert observed == [
        (
            "request_capability",
            "ok",
            "new tool, to be called now: to_roman(number: integer): Roman numerals of a positive integer.",
        ),
        ("to_roman", "ok", "MMXXIV"),
    ]
    assert [type_ for type_ in run.types if type_.startswith("capability")] == [
        "capability.requested", "capability.proposed", "capability.tested", "capability.checked",
        "capability.activated",
    ]  # fmt: skip
    assert purposes(run) == ["act", "capability.signature", "capability.source", "capability.tests", "act", "act"]
    assert state.spent.model_calls == 6
    called = run.payloads("tool.called")[1]
    assert called.tool_version_id == store.active[0].version_id
    assert [ok for *_, ok in store.uses] == [True]


async def test_what_was_checked_is_kept_with_the_version(sandbox: Sandbox) -> None:
    store = DictStore()
    run = world([ask(), SIGNATURE, RIGHT, CASES, ANSWER], sandbox, store)
    await run.finish()
    tested = run.payloads("capability.tested")[0]
    assert tested.detail.startswith("cases: 3 generated; confirmed 3 (by a stated value 3)")
    assert tested.tier == sandbox.tier
    assert "print" not in store.active[0].source
    assert [row["verdict"] for row in store.active[0].tests] == ["confirmed"] * 3


async def test_the_new_tool_is_named_in_the_schema_of_the_next_step_but_not_in_the_prompts_prefix(
    sandbox: Sandbox,
) -> None:
    run = world([ask(), SIGNATURE, RIGHT, CASES, ANSWER], sandbox)
    await run.finish()
    first, last = run.model.requests[0], run.model.requests[-1]
    assert last.messages[: len(first.messages)] == first.messages
    assert "to_roman" in json.dumps(last.json_schema)
    assert "to_roman" not in json.dumps(first.json_schema)


async def test_a_tool_that_was_just_made_is_used_before_anything_is_answered(sandbox: Sandbox) -> None:
    run = world([ask(), SIGNATURE, RIGHT, CASES, use(2024), ANSWER], sandbox)
    await run.finish()
    offered, free = run.model.requests[4].json_schema, run.model.requests[5].json_schema
    assert offered is not None
    assert free is not None
    assert offered["properties"]["tool"] == {"const": "to_roman"}
    assert "anyOf" in free
    guards = [payload.guard for payload in run.payloads("model.called") if payload.purpose == "act"]
    assert guards == [None, "forced_use", None]


@pytest.mark.parametrize(
    ("bad", "shown"),
    [
        (RAISING, "NameError: name 'romans' is not defined, in the line: return romans[number]"),
        (FORBIDDEN, "line 1: the module os is not allowed"),
        ("I cannot.", "does not parse"),
    ],
)
async def test_a_retry_shows_the_source_and_its_error(sandbox: Sandbox, bad: str, shown: str) -> None:
    tail = [CASES, RIGHT] if bad == RAISING else [RIGHT, CASES]
    run = world([ask(), SIGNATURE, bad, *tail, use(2024), ANSWER], sandbox)
    await run.finish()
    retry = run.model.requests[4 if bad == RAISING else 3]
    assert retry.messages[-1].content.startswith("It is wrong: ")
    assert shown in retry.messages[-1].content
    assert bad.strip("`").removeprefix("python\n")[:9] in retry.messages[-2].content
    assert [payload.passed for payload in run.payloads("capability.tested")] == [False, True]


async def test_a_wrong_result_is_shown_and_the_reference_asked_for(sandbox: Sandbox) -> None:
    run = world([ask(), SIGNATURE, WRONG, CASES, WRONG, RIGHT, use(2024), ANSWER], sandbox)
    await run.finish()
    assert run.model.requests[4].temperature > 0
    assert 'to_roman(number=4) returned "IIII", expected "IV"' in run.model.requests[5].messages[-1].content


async def test_a_reference_that_agrees_with_the_tests_takes_the_candidates_place(sandbox: Sandbox) -> None:
    store = DictStore()
    run = world([ask(), SIGNATURE, WRONG, CASES, RIGHT, use(2024), ANSWER], sandbox, store)
    await run.finish()
    assert [payload.passed for payload in run.payloads("capability.tested")] == [False, True]
    assert "XC" in store.active[0].source


async def test_wrong_expected_values_do_not_keep_a_right_tool_out(sandbox: Sandbox) -> None:
    store = DictStore()
    wrong = cases((4, "IV"), (9, "IX"), (14, "XIIII"))
    run = world([ask(), SIGNATURE, RIGHT, wrong, RIGHT, use(2024), ANSWER], sandbox, store)
    await run.finish()
    assert "confirmed 3 (by a stated value 2)" in run.payloads("capability.tested")[0].detail
    assert len(store.active) == 1


async def test_the_users_example_in_the_task_must_hold(sandbox: Sandbox) -> None:
    store = DictStore()
    task = "14 is XIIII for us. What is 2024 in Roman numerals?"
    example = ask(example_input="14", example_output="XIIII")
    run = world([example, SIGNATURE, RIGHT, CASES, RIGHT, RIGHT, RIGHT, ANSWER], sandbox, store, task=task)
    await run.finish()
    assert store.active == []
    assert run.payloads("tool.finished")[0].outcome == "failed"


async def test_results_beyond_what_a_database_holds_are_kept_as_near_as_can_be(sandbox: Sandbox) -> None:
    wide = json.loads(SIGNATURE) | {"name": "factorial", "returns": "integer"}
    source = "```python\nimport math\ndef factorial(number):\n    return math.factorial(number)\n```"
    expected = {4: 24, 5: 120, 30: math.factorial(30), 200: 1}
    checked = json.dumps({"cases": [{"arguments": {"number": n}, "expected": e} for n, e in expected.items()]})
    store = DictStore()
    task = "What is the factorial of 5?"
    run = world([ask(name="factorial"), json.dumps(wide), source, checked, source, ANSWER], sandbox, store, task=task)
    await run.finish()
    (report,) = store.reports.values()
    assert [row["got"] for row in report.cases] == [24, 120, float(math.factorial(30)), "a number of 1246 bits"]


async def test_after_two_failures_only_the_error_is_told(sandbox: Sandbox) -> None:
    run = world([ask(), SIGNATURE, RAISING, CASES, RAISING, RIGHT, use(2024), ANSWER], sandbox)
    await run.finish()
    third = run.model.requests[5]
    assert [message.role for message in third.messages] == ["system", "user"]
    assert "Earlier versions were wrong: to_roman(number=4) raised NameError" in third.messages[1].content
    assert [payload.attempt for payload in run.payloads("capability.tested")] == [1, 2, 3]


async def test_a_tool_that_never_passes_is_reported_and_the_run_goes_on(sandbox: Sandbox) -> None:
    store = DictStore()
    run = world([ask(), SIGNATURE, RAISING, CASES, RAISING, RAISING, ANSWER], sandbox, store)
    state = await run.finish()
    finished = run.payloads("tool.finished")[0]
    assert finished.outcome == "failed"
    assert finished.content.startswith("could not make to_roman in 3 attempts; the last one: to_roman(number=4) raised")
    assert (state.status, store.active) == ("succeeded", [])
    assert {row.state for row in store.rows.values()} == {"rejected"}


async def test_a_signature_that_is_no_signature_fails_plainly(sandbox: Sandbox) -> None:
    run = world([ask(), "no", "no", ANSWER], sandbox)
    await run.finish()
    assert run.payloads("tool.finished")[0].content.startswith(
        "could not make to_roman: listed gave no valid structure"
    )
    assert [payload.guard for payload in run.payloads("model.called")] == [None, None, "repaired", None]


async def test_a_tool_takes_no_name_of_its_agents_plugins(sandbox: Sandbox) -> None:
    spec = SPEC.model_copy(update={"tools": ("request_capability",), "plugins": ("to_roman",)})
    source = RIGHT.replace("to_roman", "to_roman_2")
    run = world(
        [ask(), SIGNATURE, source, CASES, use(2024).replace("to_roman", "to_roman_2"), ANSWER], sandbox, spec=spec
    )
    await run.finish()
    assert [made.name for made in run.payloads("capability.activated")] == ["to_roman_2"]


async def test_without_cases_and_example_nothing_is_activated(sandbox: Sandbox) -> None:
    store = DictStore()
    run = world([ask(), SIGNATURE, RIGHT, "no", "no", RIGHT, RIGHT, RIGHT, ANSWER], sandbox, store)
    await run.finish()
    assert store.active == []


async def test_a_failing_endpoint_is_retried_and_then_reported(sandbox: Sandbox) -> None:
    down = ModelUnavailableError("down", status=400, retry_after_s=0.0)
    run = world([ask(), down, down, down, ANSWER], sandbox)
    await run.finish()
    assert [payload.purpose for payload in run.payloads("model.failed")] == ["capability.signature"] * 3
    assert run.payloads("tool.finished")[0].content == "could not make to_roman: down"


async def test_a_later_session_reuses_without_a_single_synthesis_call(sandbox: Sandbox) -> None:
    store = DictStore()
    await world([ask(), SIGNATURE, RIGHT, CASES, ANSWER], sandbox, store).finish()
    later = world([use(1999), ANSWER], sandbox, store, run="later", task="Roman numerals of the integer 1999, please")
    await later.finish()
    reused = later.payloads("capability.reused")[0]
    assert reused.tool_version_id == store.active[0].version_id
    assert later.types[0] == "capability.reused"
    assert purposes(later) == ["act", "act"]
    assert later.payloads("tool.finished")[0].content == "MCMXCIX"
    assert "- to_roman(number: integer)" in later.model.requests[0].messages[1].content


async def test_a_request_for_what_exists_is_answered_from_the_library(sandbox: Sandbox) -> None:
    store = DictStore()
    await world([ask(), SIGNATURE, RIGHT, CASES, ANSWER], sandbox, store).finish()
    same = json.dumps({
        "tool": "request_capability",
        "arguments": {"name": "roman_numerals", "purpose": "roman numerals of a positive integer"},
    })  # fmt: skip
    later = world([same, use(1999), ANSWER], sandbox, store, run="later", task="convert 1999")
    await later.finish()
    assert "existing tool" in later.payloads("tool.finished")[0].content
    assert purposes(later) == ["act"] * 3
    assert len(store.rows) == 1


async def test_a_library_tool_that_breaks_the_users_example_is_not_reused(sandbox: Sandbox) -> None:
    store = DictStore()
    await world([ask(), SIGNATURE, RIGHT, CASES, ANSWER], sandbox, store).finish()
    request = json.dumps({
        "tool": "request_capability",
        "arguments": {
            "name": "to_roman", "purpose": "roman numerals of a positive integer",
            "example_input": "4", "example_output": "IIII",
        },
    })  # fmt: skip
    task = "our clock says IIII for 4. What does it say for 3?"
    later = world([request, SIGNATURE, WRONG, cases((1, "I"), (2, "II"), (3, "III")), ANSWER], sandbox, store,
                  run="later", task=task)  # fmt: skip
    await later.finish()
    assert later.payloads("capability.activated")[0].version == 2


class Died(BaseException):
    """The worker is gone."""


@pytest.mark.parametrize("death", range(12))
async def test_a_crash_at_any_stage_repeats_no_finished_model_call(sandbox: Sandbox, death: int) -> None:
    replies = [ask(), SIGNATURE, RIGHT, CASES, use(2024), ANSWER]
    whole = world(list(replies), sandbox)
    await whole.finish()
    store = DictStore()
    run = world(list(replies), sandbox, store)
    left = death

    async def dying(events: Any) -> None:
        nonlocal left
        if left == 0:
            left = -1
            raise Died
        left -= 1
        await World.emit(run, events)

    run.emit = dying  # type: ignore[method-assign]
    # A model call whose event was never committed has to be made again.
    lost = {0: replies[0], 2: SIGNATURE, 3: RIGHT, 5: CASES, 10: replies[4]}
    if death in lost:
        run.model.replies.insert(replies.index(lost[death]) + 1, lost[death])
    with pytest.raises(Died):
        await run.finish()
    run.take_over(generation=2)
    await run.finish()

    extra = {"tool.in_doubt", "run.started", "message.restarted"}
    assert [type_ for type_ in run.types if type_ not in extra] == [t for t in whole.types if t not in extra]
    assert len(store.rows) == 1
    assert len(store.active) == 1


async def test_an_exhausted_budget_stops_a_synthesis_half_way(sandbox: Sandbox) -> None:
    run = world([ask(), SIGNATURE], sandbox, limits=RunLimits(model_calls=2))
    state = await run.finish()
    assert "limit of model_calls" in run.payloads("tool.finished")[0].content
    assert state.status == "budget_exhausted"


async def test_what_the_gates_refuse_is_written_again(sandbox: Sandbox) -> None:
    store = DictStore()
    noisy = RIGHT.replace("def to_roman(number):", "import io\ndef to_roman(number):\n    io.BytesIO(b'x')")
    finding = Finding("B000", "blocks", "insecure", 1)
    model = ListModel([ask(), SIGNATURE, noisy, CASES, RIGHT, RIGHT, '{"answer": "no"}'])
    gates = ToolGates(sandbox, QuietScanner(finding))
    registry = build_registry(model, ToolPorts(store=store, sandbox=sandbox, gates=gates))
    spec = SPEC.model_copy(update={"tools": ("request_capability",)})
    run = World(model, registry, spec=spec, task="What is 4 in Roman numerals?")
    await run.finish()
    assert store.active == []
    assert {row.state for row in store.rows.values()} == {"rejected"}
    assert "insecure (B000)" in run.payloads("tool.finished")[0].content
    assert [payload.passed for payload in run.payloads("capability.checked")] == [False] * 3
    assert "insecure" in str(model.requests[4].messages)


async def test_a_quarantined_tool_is_not_bound_and_the_run_is_told_that_a_person_decides(sandbox: Sandbox) -> None:
    store = DictStore(activates=False)
    run = world([ask(), SIGNATURE, RIGHT, CASES, '{"answer": "later"}'], sandbox, store)
    await run.finish()
    assert [row.state for row in store.rows.values()] == ["quarantined"]
    assert "before a person enables it" in run.payloads("tool.finished")[0].content
    assert run.payloads("capability.quarantined")[0].reason == "a person decides"
    assert run.payloads("capability.activated") == []
    assert run.payloads("step.started")[-1].bound_tools == ("request_capability",)


POWERS = {"network": ["api.example.org"], "secrets": ["API_TOKEN"]}
PRICE_SIGNATURE = json.dumps({
    "name": "price_of", "description": "The price of an article, from the shop.",
    "parameters": [{"name": "article", "type": "string"}], "returns": "integer",
})  # fmt: skip
PRICE = """```python
def price_of(article):
    return int(call_tool("http_get", url="https://api.example.org/" + article)) * 2
```"""
PRICE_CASES = json.dumps({"cases": [
    {"arguments": {"article": name}, "expected": 2 * price, "answers": [str(price)]}
    for name, price in (("ham", 4), ("egg", 5), ("tea", 6))
]})  # fmt: skip


def ask_price(**permissions: Any) -> str:
    wish = {"name": "price_of", "purpose": "look up a price", "permissions": permissions or POWERS}
    return json.dumps({"tool": "request_capability", "arguments": wish})


async def test_a_tool_that_is_to_do_more_than_compute_is_proposed_tested_with_stand_ins_and_waits(
    sandbox: Sandbox,
) -> None:
    store = DictStore()
    run = world([ask_price(), PRICE_SIGNATURE, PRICE, PRICE_CASES, '{"answer": "later"}'], sandbox, store)
    await run.finish()
    (row,) = store.rows.values()
    assert row.state == "quarantined"
    assert row.capability.permissions == ToolPermissions(**POWERS, tools=("http_get",))
    assert [(case["verdict"], case["answers"]) for case in row.capability.tests] == [
        ("confirmed", ["4"]), ("confirmed", ["5"]), ("confirmed", ["6"]),
    ]  # fmt: skip
    assert "before a person enables it" in run.payloads("tool.finished")[0].content
    assert run.payloads("step.started")[-1].bound_tools == ("request_capability",)
    told = run.model.requests[2].messages[1].content
    assert "these hosts only: api.example.org" in told
    gates = ToolGates(sandbox, QuietScanner())
    subject = Subject(row.capability.source, "price_of", row.capability.parameters, row.capability.permissions)
    assert (await gates.run_tests(subject, row.capability.tests))[1] is True


async def test_a_source_that_makes_no_use_of_what_was_asked_for_declares_nothing_and_waits_for_nobody(
    sandbox: Sandbox,
) -> None:
    store = DictStore()
    wish = json.dumps({
        "tool": "request_capability",
        "arguments": {"name": "to_roman", "purpose": "write Roman numerals", "permissions": POWERS | {"writes": ["x"]}},
    })  # fmt: skip
    await world([wish, SIGNATURE, RIGHT, CASES, ANSWER], sandbox, store).finish()
    assert [tool.permissions for tool in store.active] == [ToolPermissions()]


async def test_a_source_that_goes_beyond_what_was_asked_for_is_rejected_before_it_runs(sandbox: Sandbox) -> None:
    store = DictStore()
    replies = [ask_price(tools=["calculate"]), PRICE_SIGNATURE, PRICE, PRICE, PRICE, '{"answer": "no"}']
    run = world(replies, sandbox, store)
    await run.finish()
    assert {row.state for row in store.rows.values()} == {"rejected"}
    assert "call_tool may only call what the permissions declare" in run.payloads("tool.finished")[0].content


async def test_without_a_scanner_nothing_is_promoted(sandbox: Sandbox) -> None:
    class NoScanner(QuietScanner):
        async def find(self, source: str) -> list[Finding]:
            raise ScannerUnavailableError("it is not installed")

    subject = Subject("def f(n):\n    return n", "f", {"type": "object", "properties": {}}, ToolPermissions())
    report = await ToolGates(sandbox, NoScanner()).check(subject)
    assert (report.passed, report.broken) == (False, True)
    assert report.reason == "the scan could not run: it is not installed"
    assert report.negative.results == ()
