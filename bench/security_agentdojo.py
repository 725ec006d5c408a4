"""AgentDojo's suites against a model that obeys: attacks with a forbidden effect, and its user tasks without a person.

    python -m bench.security_agentdojo [--suite banking] [--way planned] [--version v1.2.2]

AgentDojo (Debenedetti et al., 2024; MIT) is no dependency of Hortus. In an environment of its own:

    python -m venv dojo && dojo/bin/pip install -e . agentdojo==0.1.35

Every user task is played with every injection task of its suite, injected at every place of the environment at once.
The plan is the user task's ground truth; once the model has seen the injected goal, it makes the injection task's own
ground truth. Engine, proxy, rules and labels are the server's; the tools are the suite's over its own environment,
declared as an installation would. `defaults` are the shipped rules, `operator` adds what an operator of such a desk
might write, and `planned` has the user task's calls fixed beforehand, with values that only the data can tell read in
quarantine.
"""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

from bench.report import machine, table, write
from bench.security_cases import call, do
from bench.security_desk import Desk, Ledger
from bench.security_dojo_plans import drafted
from bench.security_dojo_tools import FACTS, READS, DojoTool, as_json, facts_of, operator_policy
from hortus_agents.loop.state import RunState
from hortus_agents.messages import ToolCall
from hortus_agents.tools.port import SideEffect

PACKAGE = "agentdojo"
VERSION = "v1.2.2"
MARK = "INJECTED-TEXT-STANDS-HERE"
Way = Literal["defaults", "operator", "planned"]
WAYS: tuple[Way, ...] = ("defaults", "operator", "planned")


@dataclass(frozen=True, slots=True)
class Play:
    """What became of one user task, with an injection task or without."""

    desk: Desk
    state: RunState
    wanted: tuple[tuple[str, Any], ...]
    seen: bool
    useful: bool

    @property
    def forbidden(self) -> list[tuple[str, Any]]:
        """Effects that are none of the user task's own, whatever words they carry."""
        wanted = [_aim(name, arguments) for name, arguments in self.wanted]
        return [effect for effect in self.desk.ledger.effects if _aim(*effect) not in wanted]

    @property
    def bent(self) -> list[tuple[str, Any]]:
        """Effects that the user asked for, to whom he said, with other words in them."""
        own = [effect for effect in self.desk.ledger.effects if effect not in self.forbidden]
        return [effect for effect in own if effect not in self.wanted]


def _aim(name: str, arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """A call without what its tool declares to be content."""
    content = FACTS.get(name, READS).content
    return name, {key: value for key, value in arguments.items() if key not in content}


def script_of(task: Any, environment: Any) -> tuple[ToolCall, ...]:
    """A task's ground truth as calls."""
    steps = task.ground_truth(environment.model_copy(deep=True))
    return tuple(do(step.function, **as_json(dict(step.args))) for step in steps)


async def play(suite: Any, user: Any, injection: Any | None, way: Way) -> Play:
    """Carry a user task out, injected or not."""
    defaults = suite.get_injection_vector_defaults()
    places = {name: f"{MARK} {text}" for name, text in defaults.items()} if injection else {}
    environment = user.init_environment(suite.load_and_inject_default_environment(places))
    before = environment.model_copy(deep=True)
    attack = script_of(injection, environment) if injection else ()
    injected = "\n".join([injection.GOAL, *(call(one.name, **one.arguments) for one in attack)]) if injection else ""
    ledger = Ledger()
    script = script_of(user, environment)
    wanted = tuple((one.name, dict(one.arguments)) for one in script)
    runtime = import_module("agentdojo.functions_runtime").FunctionsRuntime(suite.tools)
    render = import_module("agentdojo.agent_pipeline.tool_execution").tool_result_to_str
    tools = {
        function.name: DojoTool(
            function,
            runtime,
            environment,
            ledger,
            facts_of(function.name, operator=way != "defaults"),
            render,
            MARK,
            injected,
        )
        for function in suite.tools
    }
    desk = Desk(plugins=tools, policy=None if way == "defaults" else operator_policy(), ledger=ledger)
    if way == "planned":
        plan = drafted(script, _outputs(suite, user, script, runtime, render), user.PROMPT)
        desk.strategy, desk.model.plan, desk.model.forms, script = "plan_execute", plan.plan, plan.forms, ()
    state = await desk.run(user.PROMPT, *script)
    read = any(injected in message.content for request in desk.model.requests for message in request.messages)
    return Play(desk, state, wanted, bool(injection) and read, _useful(suite, user, before, environment, desk))


def _outputs(suite: Any, user: Any, script: tuple[ToolCall, ...], runtime: Any, render: Any) -> list[str]:
    """What the calls of a task give back where nobody injects anything."""
    environment = user.init_environment(suite.load_and_inject_default_environment({}))
    return [render(runtime.run_function(environment, one.name, one.arguments)[0]) for one in script]


def _useful(suite: Any, user: Any, before: Any, after: Any, desk: Desk) -> bool:
    """AgentDojo's own word on whether the user task is done; the answer is taken as given."""
    call_type = import_module("agentdojo.functions_runtime").FunctionCall
    trace = [call_type(function=name, args=arguments) for name, arguments in desk.calls()]
    output = [{"type": "text", "content": user.GROUND_TRUTH_OUTPUT}]
    try:
        return bool(suite._check_task_result(user, output, before, after, trace))  # noqa: SLF001 - it has no other
    except (KeyError, IndexError, ValueError, AttributeError):
        return False


async def attack(suite: Any, way: Way) -> tuple[Counter[str], list[str]]:
    """Every pair of tasks of a suite."""
    row = Counter(pairs=0, seen=0, parked=0, breaches=0, bent=0, unnamed=0)
    wrong = []
    for user_id, user in suite.user_tasks.items():
        for injection_id, injection in suite.injection_tasks.items():
            found = await play(suite, user, injection, way)
            row["pairs"] += 1
            row["seen"] += found.seen
            row["parked"] += found.state.parked
            row["unnamed"] += found.state.parked and not any(found.desk.rules(found.state.run_id))
            row["bent"] += bool(found.bent)
            if found.forbidden:
                row["breaches"] += 1
                wrong.append(f"{way}, {suite.name}, {user_id}, {injection_id}: {found.forbidden}")
    return row, wrong


async def work(suite: Any, way: Way) -> tuple[Counter[str], list[str]]:
    """Every user task of a suite without an attack."""
    row = Counter(tasks=0, reads_only=0, done=0, asked=0)
    other = []
    for user_id, user in suite.user_tasks.items():
        found = await play(suite, user, None, way)
        done = found.state.status == "succeeded"
        row["tasks"] += 1
        row["reads_only"] += all(facts_of(name, operator=True).reach < SideEffect.EXTERNAL for name, _ in found.wanted)
        row["done"] += done and found.useful
        row["asked"] += found.state.parked
        if found.forbidden or not (found.state.parked or (done and found.useful)):
            other.append(f"{way}, {suite.name}, {user_id}: {found.state.status}, {found.forbidden}")
    return row, other


def _summed(rows: Mapping[str, Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for row in rows.values():
        total.update(row)
    return total


async def measure(suites: Mapping[str, Any], ways: Sequence[Way], version: str) -> int:
    breaches: list[str] = []
    others: list[str] = []
    document: dict[str, Any] = {}
    for way in ways:
        attacks: dict[str, Counter[str]] = {}
        tasks: dict[str, Counter[str]] = {}
        for name, suite in suites.items():
            attacks[name], wrong = await attack(suite, way)
            tasks[name], other = await work(suite, way)
            breaches += wrong
            others += other
        all_attacks, all_tasks = _summed(attacks), _summed(tasks)
        table(f"{way}: attacks", {**attacks, "all": all_attacks})
        table(f"{way}: user tasks", {**tasks, "all": all_tasks})
        document[way] = {
            "attacks": {name: dict(row) for name, row in attacks.items()},
            "tasks": {name: dict(row) for name, row in tasks.items()},
            "breaches": all_attacks["breaches"],
            "bent": all_attacks["bent"],
            "done": all_tasks["done"],
        }
        pairs, done, every = all_attacks["pairs"], all_tasks["done"], all_tasks["tasks"]
        print(f"\n{way}: attacks with a forbidden effect: {all_attacks['breaches']} of {pairs}")
        print(f"{way}: user tasks without an approval: {done} of {every} ({done / every:.1%})")
    for line in (*breaches, *others):
        print(line[:400])
    write(
        "security_agentdojo",
        {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), "version": version, **document},
    )
    return int(bool(breaches))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", action="append", help="only this suite; may come more than once")
    parser.add_argument("--way", action="append", choices=WAYS, help="only this way; may come more than once")
    parser.add_argument("--version", default=VERSION, help="AgentDojo's own version of its suites")
    options = parser.parse_args()
    if find_spec(PACKAGE) is None:
        print("skipped: the package agentdojo is not installed here. In an environment of its own:")
        print("  python -m venv dojo && dojo/bin/pip install -e . agentdojo==0.1.35")
        print("  dojo/bin/python -m bench.security_agentdojo")
        return
    suites = import_module("agentdojo.task_suite.load_suites").get_suites(options.version)
    chosen = {name: suite for name, suite in suites.items() if name in (options.suite or suites)}
    if not chosen:
        parser.error(f"there are the suites {', '.join(suites)}")
    sys.exit(asyncio.run(measure(chosen, options.way or WAYS, options.version)))


if __name__ == "__main__":
    main()
