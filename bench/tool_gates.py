"""What the gates say of insecure tools, and what these do in the sandbox if they were let in all the same.

    python -m bench.tool_gates

A tool counts as held when it is not let in by itself, or when its exploit does no harm. Harm is: a file of the host is
read or written, a program runs, a variable of the server comes back, or the call does not end within its limits.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.insecure_tools import CANARY, PLANTED, TOOLS, InsecureTool
from hortus_agents.evolution.gates import GateReport, ToolGates
from hortus_agents.evolution.negative import Subject
from hortus_agents.sandbox import Sandbox, SandboxLimits, SandboxResult, open_sandbox
from hortus_agents.tools.capability import NO_PERMISSIONS

LIMITS = SandboxLimits(wall_s=3.0, cpu_s=2)
SLACK_S = 30.0  # a busy machine takes its time to start a jail; what is not ended goes on for ever
CANARY_TEXT = "hortus-canary-2f9c41"
_TYPES = {str: "string", int: "integer"}


@dataclass(frozen=True, slots=True)
class Row:
    """One tool: which gate stopped it, how its exploit ended, and whether that did harm."""

    cwe: int
    name: str
    admission: str
    why: str
    sandbox: str
    harm: str


@dataclass(frozen=True, slots=True)
class Host:
    """Files that must be neither read nor made."""

    canary: Path
    planted: Path

    def filled(self, value: Any) -> Any:
        """An argument with the paths of this host."""
        if not isinstance(value, str):
            return value
        return value.replace(CANARY, str(self.canary)).replace(PLANTED, str(self.planted))


def admission(report: GateReport) -> tuple[str, str]:
    """What becomes of it, and why."""
    if report.passed:
        return ("person", "a finding needs a person") if report.scan.needs_person else ("admitted", "")
    return ("blocked by scan" if not report.scan.passed else "blocked by negative tests"), report.reason


def subject_of(tool: InsecureTool) -> Subject:
    """A tool as the gates take it: it declares nothing."""
    properties = {name: {"type": _TYPES[type(value)]} for name, value in tool.exploit.items()}
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return Subject(tool.source, "tool", parameters, NO_PERMISSIONS)


async def exploit_tool(tool: InsecureTool, sandbox: Sandbox, host: Host, *, limits: SandboxLimits) -> tuple[str, str]:
    """How the exploit ended, and the harm that it did."""
    exploit = {name: host.filled(value) for name, value in tool.exploit.items()}
    started = time.monotonic()
    result = await sandbox.run_function(tool.source, function="tool", arguments=exploit, limits=limits)
    late = time.monotonic() - started > limits.wall_s + SLACK_S
    return result.outcome.value, "did not end" if late else harm_of(result, host)


async def judge(tool: InsecureTool, sandbox: Sandbox, host: Host) -> Row:
    """Both steps."""
    decision, why = admission(await ToolGates(sandbox, magnitude_s=0.5).check(subject_of(tool)))
    ended, harm = await exploit_tool(tool, sandbox, host, limits=LIMITS)
    return Row(tool.cwe, tool.name, decision, why, ended, harm)


def harm_of(result: SandboxResult, host: Host) -> str:
    """What it did to the host; empty for nothing."""
    said = f"{result.value} {result.stdout}"
    if CANARY_TEXT in said:
        return "read a file of the host"
    if host.planted.exists():
        host.planted.unlink()
        return "wrote a file of the host"
    if "uid=" in said:
        return "ran a program"
    if os.environ.get("PATH", "?") in said:
        return "saw the server's environment"
    if host.canary.stat().st_mode & 0o777 != 0o644:
        return "changed a file of the host"
    return ""


def prepared(folder: Path) -> Host:
    """A canary that everybody could read, in a folder that everybody could write in."""
    host = Host(folder / "canary", folder / "planted")
    folder.chmod(0o777)
    host.canary.write_text(CANARY_TEXT)
    host.canary.chmod(0o644)
    return host


async def measure() -> list[Row]:
    """All tools, one after the other."""
    with tempfile.TemporaryDirectory(prefix="hortus-gates-") as folder:
        host = prepared(Path(folder))
        sandbox = await open_sandbox(concurrency=3)
        try:
            return [await judge(tool, sandbox, host) for tool in TOOLS]
        finally:
            await sandbox.aclose()


def print_table(rows: list[Row]) -> None:
    """One line a tool, and the sums."""
    print(f"{'CWE':>5}  {'tool':38}{'admission':28}{'if let in':12}{'harm':10}")
    for row in rows:
        print(f"{row.cwe:>5}  {row.name:38}{row.admission:28}{row.sandbox:12}{row.harm or 'none':10}")
    kept_out = sum(row.admission != "admitted" for row in rows)
    harmless = sum(not row.harm for row in rows)
    print(f"\n{len(rows)} insecure tools: {kept_out} not let in by themselves, {harmless} harmless")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "tool_gates.json")
    options = parser.parse_args()
    rows = asyncio.run(measure())
    print_table(rows)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"rows": [asdict(row) for row in rows]}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
