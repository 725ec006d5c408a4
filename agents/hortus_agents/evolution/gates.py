"""The gates before a self-made tool may be used: scan, its own tests, negative tests. What cannot run is not passed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hortus_agents.errors import SandboxError
from hortus_agents.evolution.cases import same
from hortus_agents.evolution.negative import CASES, MAGNITUDE_S, NegativeReport, Subject, run_negative
from hortus_agents.evolution.powers import stand_in
from hortus_agents.evolution.scan import BanditScanner, Scanner, ScanReport, scan_source
from hortus_agents.json_text import storable
from hortus_agents.messages import JsonObject
from hortus_agents.sandbox.contract import NO_EXTRAS, CallExtras, Sandbox, SandboxLimits, SandboxOutcome

TEST_LIMITS = SandboxLimits(wall_s=5.0, cpu_s=5)
MAX_TESTS = 32
NOT_RUN = "not run: a gate before it was not passed"


@dataclass(frozen=True, slots=True)
class GateReport:
    """What both gates beside the tests came to."""

    scan: ScanReport
    negative: NegativeReport

    @property
    def passed(self) -> bool:
        """Whether both ran and let it through."""
        return self.scan.passed and self.negative.passed

    @property
    def reason(self) -> str:
        """The first thing that keeps it out; empty when nothing does."""
        return self.scan.reason or self.negative.reason

    @property
    def broken(self) -> bool:
        """Whether a gate could not run: that is no verdict on the tool, and no promotion either."""
        return bool(self.scan.error or (self.negative.error and self.scan.passed))

    @property
    def detail(self) -> str:
        """What was done, on one line."""
        stopped = sum(result.verdict == "stopped" for result in self.negative.results)
        findings = self.scan.findings
        return (
            f"scan: {len(findings)} findings, {len(self.scan.blocking)} of them block; "
            f"negative tests: {len(self.negative.results)}, {len(self.negative.failed)} failed, {stopped} stopped"
        )


@dataclass(frozen=True, slots=True)
class ToolGates:
    """The gates, over one sandbox and one scanner. `magnitude_s` bounds calls that ask for any amount of work."""

    sandbox: Sandbox
    scanner: Scanner = field(default_factory=BanditScanner)
    magnitude_s: float = MAGNITUDE_S
    negative_tests: int = CASES

    async def check(self, subject: Subject) -> GateReport:
        """Scan; where the scan lets it through, run the negative tests. Never raises for the tool's sake."""
        scan = await self.scan(subject)
        if not scan.passed:
            return GateReport(scan, NegativeReport((), self.sandbox.tier, NOT_RUN))
        try:
            negative = await run_negative(self.sandbox, subject, magnitude_s=self.magnitude_s, most=self.negative_tests)
        except* SandboxError as group:
            negative = NegativeReport((), self.sandbox.tier, str(group.exceptions[0]))
        return GateReport(scan, negative)

    async def scan(self, subject: Subject) -> ScanReport:
        """Only the scan: nothing runs."""
        return await scan_source(
            subject.source,
            function=subject.function,
            parameters=list(subject.parameters.get("properties", {})),
            permissions=subject.permissions,
            scanner=self.scanner,
        )

    async def run_tests(self, subject: Subject, tests: Sequence[JsonObject]) -> tuple[list[JsonObject], bool]:
        """Run stored cases ({"arguments", "expected"}) again; their rows as stored, and whether all hold.

        Raises:
            SandboxError: A jail could not be started.
        """
        rows: list[JsonObject] = []
        for test in tests[:MAX_TESTS]:
            given = test.get("answers")
            answers = [str(text) for text in given] if isinstance(given, list) else None
            result = await self.sandbox.run_function(
                subject.source,
                function=subject.function,
                arguments=test["arguments"],
                limits=TEST_LIMITS,
                extras=NO_EXTRAS if answers is None else CallExtras(answer_tool=stand_in(answers)),
            )
            got = storable(result.value)
            holds = result.outcome is SandboxOutcome.OK and same(got, test["expected"])
            row: dict[str, Any] = {
                "arguments": test["arguments"],
                "expected": test["expected"],
                "origin": str(test.get("origin", "import")),
                "verdict": "confirmed" if holds else "failed",
            }
            if answers is not None:
                row["answers"] = answers
            if result.outcome is SandboxOutcome.OK:
                row["got"] = got
            else:
                row["error"] = (result.error.strip().splitlines() or [result.outcome.value])[-1][:300]
            rows.append(row)
        return rows, bool(rows) and all(row["verdict"] == "confirmed" for row in rows)
