"""The static scan of a self-made tool: our own rules against what it declares, and bandit's.

The scan reads, it runs nothing. It is no wall either, the sandbox is: it keeps code out that has no business in a
library, and tells people what to look at.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from hortus_agents.evolution.static_check import StaticCheckError, check_source
from hortus_agents.messages import JsonObject
from hortus_agents.tools.capability import ToolPermissions

TIMEOUT_S = 30.0
MAX_FINDINGS = 50
MAX_OUTPUT = 1 << 20  # bytes of the scanner's report
TEXT = 200  # characters of a finding's text

Weight = Literal["blocks", "person", "noted"]
"""`blocks`: not promoted. `person`: not promoted without a person. `noted`: kept, and nothing follows."""

# Low in bandit's scale, which weighs programs with an owner; here nobody has looked at the code.
_BLOCKING = frozenset({"B105", "B106", "B107", "B311"})
# Checksums have honest uses that the scanner cannot tell from signatures.
_PERSON = frozenset({"B303", "B324"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the scan saw. `rule` is bandit's id, or `hortus` for our own rules; `line` counts from 1, or 0."""

    rule: str
    weight: Weight
    text: str
    line: int = 0
    severity: str = ""
    cwe: int | None = None


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What the scan came to. With `error` a scanner could not run, and then nothing is passed."""

    findings: tuple[Finding, ...]
    scanner: str
    error: str = ""

    @property
    def passed(self) -> bool:
        """Whether all scanners ran and found nothing that blocks."""
        return not self.error and not self.blocking

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """Findings that keep a tool out."""
        return tuple(finding for finding in self.findings if finding.weight == "blocks")

    @property
    def needs_person(self) -> bool:
        """Whether a person has to look at a finding."""
        return any(finding.weight == "person" for finding in self.findings)

    @property
    def reason(self) -> str:
        """Why it did not pass, for the model that has to mend the source; empty when it did."""
        if self.error:
            return f"the scan could not run: {self.error}"
        return "; ".join(
            f"line {found.line}: {found.text} ({found.rule})" if found.line else found.text
            for found in self.blocking[:3]
        )

    @property
    def row(self) -> JsonObject:
        """The report as it is stored."""
        return {
            "passed": self.passed,
            "scanner": self.scanner,
            "error": self.error,
            "findings": [asdict(finding) for finding in self.findings],
        }


class ScannerUnavailableError(Exception):
    """The scanner is missing, broke, or did not end in time."""


class Scanner(Protocol):
    """Finds insecure patterns in a source."""

    name: str

    async def find(self, source: str) -> list[Finding]:
        """Raises ScannerUnavailableError."""
        ...


class BanditScanner:
    """bandit in a process of its own: no environment, bounded memory, CPU and time (about 0.25 s)."""

    name = "bandit"

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s

    async def find(self, source: str) -> list[Finding]:
        """See Scanner."""
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", "hortus_agents.evolution.scan_process"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"LANG": "C.UTF-8"},
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise ScannerUnavailableError(f"bandit could not be started: {error}") from error
        try:
            async with asyncio.timeout(self._timeout_s):
                out, _ = await process.communicate(source.encode(errors="replace"))
        except TimeoutError as error:
            raise ScannerUnavailableError(f"bandit took longer than {self._timeout_s:g} s") from error
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, 9)
                await process.wait()
        return _read_findings(out, process.returncode or 0)


async def scan_source(
    source: str, *, function: str, parameters: Sequence[str], permissions: ToolPermissions, scanner: Scanner
) -> ScanReport:
    """Our own rules, then the scanner; both always run where the source parses."""
    findings: list[Finding] = []
    try:
        check_source(source, function=function, parameters=parameters, permissions=permissions)
    except StaticCheckError as error:
        findings.append(Finding("hortus", "blocks", str(error)[:TEXT]))
    try:
        findings += await scanner.find(source)
    except ScannerUnavailableError as error:
        return ScanReport(tuple(findings), scanner.name, str(error))
    return ScanReport(tuple(findings[:MAX_FINDINGS]), scanner.name)


def _read_findings(out: bytes, status: int) -> list[Finding]:
    if len(out) > MAX_OUTPUT:
        raise ScannerUnavailableError(f"bandit's report has {len(out)} bytes")
    try:
        report = json.loads(out)
        broken = report["errors"]
        findings = [_finding(result) for result in report["results"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ScannerUnavailableError(f"bandit ended with status {status} and no report") from error
    if broken:
        raise ScannerUnavailableError(f"bandit could not read the source: {str(broken[0])[:TEXT]}")
    return findings


def _finding(result: dict[str, Any]) -> Finding:
    rule, severity = str(result["test_id"]), str(result["issue_severity"]).lower()
    weight: Weight = "noted"
    if rule in _PERSON:
        weight = "person"
    elif rule in _BLOCKING or severity in {"medium", "high"}:
        weight = "blocks"
    cwe = result.get("issue_cwe") or {}
    return Finding(
        rule, weight, str(result["issue_text"])[:TEXT], int(result["line_number"]), severity, cwe.get("id") or None
    )
