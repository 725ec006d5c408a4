"""Whether a model-written function may be used, when the tests are a model's too.

A small model's expected values are often wrong, so no single source is believed. A case has up to three witnesses:
the candidate's result, the stated expected value, and the result of a reference that was sampled independently from
the signature alone. A candidate passes when

- an example from the user's own words, if there is one, holds exactly;
- it is deterministic, every result has the promised type, and it raises nothing but a ValueError where the reference
  raises one too;
- no case is lost two to one (reference and expected value agree against it);
- at least two cases, and more than half, have a second witness;
- at least two cases agree with a stated expected value, or the user's own example does, so that two samples of one
  model that make the same mistake do not pass by agreeing with each other.

This is evidence of consistency, not proof: witnesses from one model err together. The rows say what each case showed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hortus_agents.evolution.cases import Case, fits, same
from hortus_agents.evolution.powers import stand_in
from hortus_agents.evolution.prompts import render_call, shorten
from hortus_agents.evolution.signature import Signature
from hortus_agents.json_text import storable
from hortus_agents.messages import JsonObject
from hortus_agents.sandbox.contract import (
    NO_EXTRAS,
    CallExtras,
    Sandbox,
    SandboxLimits,
    SandboxOutcome,
    SandboxResult,
)

MIN_CONFIRMED = 2
MIN_ANCHORED = 2  # one value can agree by chance: an empty string, a zero
DETERMINISM_CASES = 2  # a jail costs 50 ms, and what is random shows at once
_FRAME = re.compile(r"^  File .*, line (\d+)", re.MULTILINE)
_CASE_LIMITS = SandboxLimits(wall_s=5.0, cpu_s=5)

Verdict = Literal["confirmed", "failed", "contradicted", "unresolved", "both_refuse"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an implementation did with one case; `error` is empty when it returned `value`, here as it is stored."""

    value: Any
    error: str


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One judged case; `reason` is for the model that has to mend the source."""

    case: Case
    got: Outcome
    reference: Outcome | None
    verdict: Verdict
    anchored: bool
    reason: str = ""

    @property
    def row(self) -> JsonObject:
        """The case as it is stored."""
        row: JsonObject = {
            "arguments": self.case.arguments,
            "expected": self.case.expected,
            "origin": self.case.origin,
            "verdict": self.verdict,
        }
        if self.case.answers is not None:
            row["answers"] = list(self.case.answers)
        row["error" if self.got.error else "got"] = self.got.error or self.got.value
        if self.reference is not None:
            row["reference_error" if self.reference.error else "reference"] = (
                self.reference.error or self.reference.value
            )
        return row


@dataclass(frozen=True, slots=True)
class Judgement:
    """All cases and what follows; `detail` says exactly what was checked, `reason` why it did not pass."""

    results: tuple[CaseResult, ...]
    passed: bool
    detail: str
    reason: str


async def run_cases(
    sandbox: Sandbox, source: str, *, signature: Signature, cases: Sequence[Case], repeat: int = 0
) -> list[Outcome]:
    """Run an implementation on every case, each call in its own jail; the first `repeat` run twice and are compared.

    Raises:
        SandboxError: A jail could not be started.
    """
    outcomes: list[Outcome] = []
    for index, case in enumerate(cases):
        outcome = await _run(sandbox, source, signature, case)
        if index < repeat and not outcome.error:
            again = await _run(sandbox, source, signature, case)
            if again.error or not same(outcome.value, again.value):
                outcome = Outcome(None, "not deterministic: two runs differ")
        outcomes.append(outcome)
    return outcomes


async def _run(sandbox: Sandbox, source: str, signature: Signature, case: Case) -> Outcome:
    result = await sandbox.run_function(
        source,
        function=signature.name,
        arguments=case.arguments,
        limits=_CASE_LIMITS,
        extras=NO_EXTRAS if case.answers is None else CallExtras(answer_tool=stand_in(case.answers)),
    )
    if result.outcome is not SandboxOutcome.OK:
        return Outcome(None, _explained(result, source))
    if not fits(result.value, signature.returns_schema):
        kind = f"{shorten(result.value, 80)} is not of type {signature.returns}"
        return Outcome(None, f"wrong type: {kind}")
    return Outcome(storable(result.value), "")


def _explained(result: SandboxResult, source: str) -> str:
    """What went wrong, and the line where: a small model does not find it by number."""
    lines = result.error.strip().splitlines()
    error = (lines[-1] if lines else result.outcome.value)[:300]
    numbers = _FRAME.findall(result.error)
    code = source.splitlines()
    if not numbers or not 0 < int(numbers[-1]) <= len(code):
        return error
    return f"{error}, in the line: {code[int(numbers[-1]) - 1].strip()[:120]}"


def judge(
    signature: Signature, cases: Sequence[Case], got: Sequence[Outcome], reference: Sequence[Outcome] | None
) -> Judgement:
    """Weigh the witnesses; the three sequences are parallel."""
    results = tuple(
        _judge_case(signature, case, outcome, reference[index] if reference is not None else None)
        for index, (case, outcome) in enumerate(zip(cases, got, strict=True))
    )
    confirmed = sum(result.verdict == "confirmed" for result in results)
    anchored = sum(result.anchored for result in results)
    bad = [result for result in results if result.verdict in {"failed", "contradicted"}]
    open_cases = [result for result in results if result.verdict == "unresolved"]
    reason = ""
    if bad:
        reason = bad[0].reason
    elif confirmed < MIN_CONFIRMED or 2 * confirmed <= len(results):
        reason = open_cases[0].reason if open_cases else "too few cases could be checked"
    elif anchored < MIN_ANCHORED and not any(result.case.origin == "user" for result in results):
        loose = next(result for result in results if not result.anchored)
        reason = f"its results differ from most expected values: {loose.reason}"
    return Judgement(results, not reason, _detail(results, with_reference=reference is not None), reason)


def _judge_case(signature: Signature, case: Case, got: Outcome, reference: Outcome | None) -> CaseResult:
    call = render_call(signature.name, case.arguments)
    stated = shorten(case.expected)
    if got.error:
        if case.origin != "user" and _refuses(got) and _refuses(reference):
            return CaseResult(case, got, reference, "both_refuse", anchored=False)
        return CaseResult(case, got, reference, "failed", anchored=False, reason=f"{call} raised {got.error}")
    anchored = same(got.value, case.expected)
    reason = f"{call} returned {shorten(got.value)}, expected {stated}"
    if anchored:
        return CaseResult(case, got, reference, "confirmed", anchored=True)
    if case.origin == "user":
        return CaseResult(case, got, reference, "failed", anchored=False, reason=reason)
    if reference is None or reference.error:
        return CaseResult(case, got, reference, "unresolved", anchored=False, reason=reason)
    if same(got.value, reference.value):
        return CaseResult(case, got, reference, "confirmed", anchored=False, reason=reason)
    verdict: Verdict = "contradicted" if same(reference.value, case.expected) else "unresolved"
    return CaseResult(case, got, reference, verdict, anchored=False, reason=reason)


def _refuses(outcome: Outcome | None) -> bool:
    """Whether an implementation said that the input is invalid, as it was told to, rather than broke on it."""
    return outcome is not None and outcome.error.startswith("ValueError")


def _detail(results: Sequence[CaseResult], *, with_reference: bool) -> str:
    def count(verdict: Verdict) -> int:
        return sum(result.verdict == verdict for result in results)

    origins = ", ".join(
        f"{number} {origin}"
        for origin in ("user", "requester", "generated")
        if (number := sum(result.case.origin == origin for result in results))
    )
    return (
        f"cases: {origins or 'none'}; confirmed {count('confirmed')} "
        f"(by a stated value {sum(result.anchored for result in results)}), failed {count('failed')}, "
        f"contradicted {count('contradicted')}, unresolved {count('unresolved')}, both refuse {count('both_refuse')}; "
        f"independent reference: {'yes' if with_reference else 'no'}; "
        f"the first {DETERMINISM_CASES} run twice, result type checked"
    )
