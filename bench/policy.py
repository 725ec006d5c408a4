"""What the tool proxy and its policies add to a call: admission of an allowed call, and evaluation of 1,000 rules.

    python bench/policy.py [--rounds 2000] [--out bench/results/policy.json]

One process, no database: a worker judges with rules that are compiled and at hand, and the commit before a call, which
is there anyway, says whether they still hold. Floor: the tool looked up in a dict and its arguments validated. All rows
are interleaved. Loading is done once for an agent and a revision of its policies, not for a call.
"""

import argparse
import gc
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from hortus_agents.labels import NOTHING_READ
from hortus_agents.messages import ToolCall, ToolSpec
from hortus_agents.spec import AgentSpec
from hortus_agents.tools.policy import Allow, PolicyRef, ProposedCall, ToolPolicy
from hortus_agents.tools.port import SideEffect, ToolContext, ToolDefinition, ToolOutput
from hortus_agents.tools.proxy import Admitted, ToolProxy
from hortus_agents.tools.rulebook import RulePolicy
from hortus_agents.tools.rules import PolicyRules, Rule, stored_rules

RULES = 1_000
TARGETS_P50_US = {"admit, the defaults": 1_000, "1,000 rules, one for each tool": 1_000}
REF = PolicyRef("bench", 1, UUID(int=1))
SPEC = AgentSpec(plugins=("order",), tools=())
PARAMETERS = {
    "type": "object",
    "properties": {"item": {"type": "string"}, "amount": {"type": "number"}},
    "required": ["item", "amount"],
    "additionalProperties": False,
}
CALL = ToolCall(id="c", name="order", arguments={"item": "tea", "amount": 12})


class OrderTool:
    """A tool with an effect outside; never run here."""

    @property
    def definition(self) -> ToolDefinition:
        """See Tool."""
        spec = ToolSpec(name="order", description="Orders an item.", parameters=PARAMETERS)
        return ToolDefinition(spec, SideEffect.EXTERNAL)

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """See Tool."""
        raise NotImplementedError(f"{context.call_id}: {arguments}")


def about(n: int, arguments: dict[str, Any]) -> Rule:
    return Rule(name=f"r{n}", tools=("order",), arguments=arguments, effect="deny")


MAKERS: dict[str, Callable[[int], Rule]] = {
    "tools": lambda n: Rule(name=f"r{n}", tools=(f"tool_{n}",), effect="deny"),
    "globs": lambda n: Rule(name=f"r{n}", tools=(f"tool_{n}_*",), effect="deny"),
    "texts": lambda n: about(n, {"properties": {"item": {"const": f"item {n}"}}, "required": ["item"]}),
    "numbers": lambda n: about(n, {"properties": {"amount": {"minimum": 1_000 + n}}}),
    "patterns": lambda n: about(n, {"properties": {"item": {"pattern": f"^item {n}$"}}}),
}


def rules(kind: str) -> PolicyRules:
    """1,000 rules of which only the last one fits the call."""
    made = [MAKERS[kind](n) for n in range(RULES - 1)]
    return PolicyRules(rules=(*made, Rule(name="last", tools=("order",), effect="allow")))


def judge(policy: ToolPolicy) -> Callable[[], None]:
    proposed = ProposedCall(OrderTool().definition, CALL.arguments, SPEC)

    def work() -> None:
        if not isinstance(policy.judge(proposed), Allow):
            raise TypeError("the call is allowed")

    return work


def admit(policy: ToolPolicy | None) -> Callable[[], None]:
    proxy = ToolProxy([OrderTool()], policy=policy)

    def work() -> None:
        if not isinstance(proxy.admit(CALL, SPEC, labels=NOTHING_READ), Admitted):
            raise TypeError("the call is admitted")

    return work


def floor() -> Callable[[], None]:
    tools = {"order": PARAMETERS}

    def work() -> None:
        if best_match(Draft202012Validator(tools[CALL.name]).iter_errors(CALL.arguments)) is not None:
            raise TypeError("the arguments are valid")

    return work


def cases() -> dict[str, Callable[[], None]]:
    compiled = {kind: RulePolicy([(REF, rules(kind))], revision=1) for kind in MAKERS}
    return {
        "floor: lookup and validation": floor(),
        "admit, the defaults": admit(None),
        "admit, 1,000 rules, one for each tool": admit(compiled["tools"]),
        "1,000 rules, one for each tool": judge(compiled["tools"]),
        "1,000 rules, a glob for each tool": judge(compiled["globs"]),
        "1,000 rules on one tool, by a text": judge(compiled["texts"]),
        "1,000 rules on one tool, by a number": judge(compiled["numbers"]),
        "1,000 rules on one tool, by a pattern": judge(compiled["patterns"]),
    }


def measure(rounds: int) -> dict[str, dict[str, float]]:
    works = cases()
    samples: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    gc.collect()
    for place in range(rounds):
        for name, work in works.items():
            # What goes through 1,000 rules leaves the caches to nobody else: a tenth of the rounds is enough of it.
            if "on one tool" in name and place % 10:
                continue
            started = time.perf_counter_ns()
            work()
            samples[name].append((time.perf_counter_ns() - started) / 1000)
    rows = {name: summary(values) for name, values in samples.items()}
    source = [rule.model_dump(mode="json") for rule in rules("patterns").rules]
    compiling = []
    for _ in range(20):
        started = time.perf_counter_ns()
        RulePolicy([(REF, stored_rules(source))], revision=1)
        compiling.append((time.perf_counter_ns() - started) / 1000)
    return {**rows, "load and compile 1,000 rules": summary(compiling)}


def summary(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "p50_us": round(statistics.median(ordered), 1),
        "p99_us": round(ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))], 1),
        "min_us": round(ordered[0], 1),
        "n": len(ordered),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2_000)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "policy.json")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    found = measure(options.rounds)
    print(f"{'':46}{'p50 us':>10}{'p99 us':>10}{'min us':>10}")
    for name, row in found.items():
        print(f"{name:46}{row['p50_us']:10.1f}{row['p99_us']:10.1f}{row['min_us']:10.1f}")
    report = {
        "row": "policy",
        "at": datetime.now(UTC).isoformat(),
        "machine": {
            "cpus": os.cpu_count(),
            "kernel": platform.release(),
            "python": platform.python_version(),
            "load_1m": load,
        },
        "targets_p50_us": TARGETS_P50_US,
        "rows": found,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
