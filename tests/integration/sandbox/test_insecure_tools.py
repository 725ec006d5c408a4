"""Insecure tools by weakness: what the scan keeps out, and that the rest does no harm; `bench.tool_gates` prints it."""

import asyncio
from pathlib import Path

import pytest
from bench.insecure_tools import TOOLS, InsecureTool
from bench.tool_gates import exploit_tool, prepared, subject_of

from hortus_agents.evolution.scan import BanditScanner, ScanReport, scan_source
from hortus_agents.sandbox import Sandbox, SandboxLimits

pytestmark = pytest.mark.asyncio(loop_scope="session")  # that of the shared pool

# What no reading of the source can tell from honest code: limits hold these, or a person looks at them.
LEFT_TO_THE_SANDBOX = {
    "format string", "regex bomb", "regex from input", "memory from input", "endless loop", "decompression bomb",
}  # fmt: skip
LEFT_TO_PEOPLE = {"broken hash"}


async def test_the_scan_keeps_out_what_can_be_read_off_the_source() -> None:
    places = asyncio.Semaphore(2)

    async def scan(tool: InsecureTool) -> ScanReport:
        subject = subject_of(tool)
        async with places:
            return await scan_source(
                subject.source,
                function=subject.function,
                parameters=list(subject.parameters["properties"]),
                permissions=subject.permissions,
                scanner=BanditScanner(),
            )

    async with asyncio.TaskGroup() as group:
        scans = {tool.name: group.create_task(scan(tool)) for tool in TOOLS}
    reports = {name: task.result() for name, task in scans.items()}
    assert len(reports) >= 25
    assert not [report.error for report in reports.values() if report.error]
    assert {name for name, report in reports.items() if report.passed} == LEFT_TO_THE_SANDBOX | LEFT_TO_PEOPLE
    assert {name for name, report in reports.items() if report.passed and report.needs_person} == LEFT_TO_PEOPLE


async def test_let_in_all_the_same_they_do_no_harm(sandbox: Sandbox, tmp_path: Path) -> None:
    host = prepared(tmp_path)
    limits = SandboxLimits(wall_s=1.0, cpu_s=1)
    harms = {tool.name: (await exploit_tool(tool, sandbox, host, limits=limits))[1] for tool in TOOLS}
    assert {name: harm for name, harm in harms.items() if harm} == {}
