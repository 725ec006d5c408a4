"""`hortus audit`: who did what, and whether the log still says so."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from hortus_server.adapters.postgres.store import PostgresStore
from hortus_server.cli.client import CommandError
from hortus_server.cli.direct import find_database
from hortus_server.cli.options import AsJson, Key, Url, open_client
from hortus_server.cli.render import out, print_json, print_table
from hortus_server.domain.audit_chain import Finding
from hortus_server.domain.ids import TenantId
from hortus_server.services.audit_files import Anchors, read_anchors, verify_lines
from hortus_server.services.verify_audit import AuditReport, audited_tenants, verify_audit

app = typer.Typer(no_args_is_help=True, help="The audit log: who did what.")
COLUMNS = ("seq", "at", "actor", "action", "subject")

Actor = Annotated[str | None, typer.Option(help="Id, or the name of then.")]
Action = Annotated[str | None, typer.Option(help="run.cancelled, or a family: run.*")]
Subject = Annotated[str | None, typer.Option(help="kind:id")]
Since = Annotated[str | None, typer.Option(help="Not before; ISO 8601 with a zone.")]
Until = Annotated[str | None, typer.Option(help="Before; ISO 8601 with a zone.")]


@app.command("list")
def list_entries(
    actor: Actor = None,
    action: Action = None,
    subject: Subject = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 50,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Entries, newest first."""
    page = open_client(url, key).get(
        "/v1/audit", actor=actor, action=action, subject=subject, since=since, until=until, limit=limit
    )
    if as_json:
        print_json(page)
        return
    rows = [{**entry, "actor": entry["actor"]["name"] or entry["actor"]["id"]} for entry in page["items"]]
    print_table(COLUMNS, rows, empty="No entries.")


@app.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="Where to; what is there is replaced.")],
    actor: Actor = None,
    action: Action = None,
    subject: Subject = None,
    since: Since = None,
    until: Until = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Write the log as lines of JSON, oldest first."""
    which = {"actor": actor, "action": action, "subject": subject, "since": since, "until": until}
    staged = file.with_name(f"{file.name}.part")
    lines = 0
    with staged.open("wb") as target:
        for line in open_client(url, key).lines("/v1/audit/export", which):
            target.write(line.encode() + b"\n")
            lines += 1
    staged.replace(file)
    out.print(f"{lines} entries in {file}")


@app.command("verify")
def verify(
    anchor: Annotated[Path | None, typer.Option(help="Anchors that were kept elsewhere: lines of JSON.")] = None,
    file: Annotated[Path | None, typer.Option(help="Check an export of a whole log instead.")] = None,
    direct: Annotated[
        bool, typer.Option("--direct", help="Read the database, all tenants, instead of asking a server.")
    ] = False,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Find edited, moved, removed and cut off entries; status 1 when there are any."""
    anchors = read_anchors(_lines(anchor)) if anchor else {}
    if file is not None:
        reports = [_of(report) for report in verify_lines(_lines(file), anchors)]
    elif direct:
        reports = [_of(report) for report in asyncio.run(_verify_directly(anchors))]
    else:
        reports = [_ask(anchors, url, key)]
    if as_json:
        print_json({"intact": all(report["intact"] for report in reports), "logs": reports})
    else:
        _show(reports)
    if not all(report["intact"] for report in reports):
        raise typer.Exit(1)


def _ask(anchors: Anchors, url: str | None, key: str | None) -> dict[str, Any]:
    client = open_client(url, key)
    tenant_id = client.get("/v1/me")["tenant_id"]
    own = anchors.get(TenantId(UUID(tenant_id)), {})
    body = {"anchors": [{"seq": seq, "hash": digest} for seq, digest in sorted(own.items())[-1_000:]]}
    answer = client.call("POST", "/v1/audit/verify", body=body, timeout_s=600.0)
    return {"tenant_id": tenant_id, **answer}


async def _verify_directly(anchors: Anchors) -> list[AuditReport]:
    store = await PostgresStore.open(await find_database(), application_name="hortus-audit")
    try:
        tenants = {head.tenant_id: None async for head in audited_tenants(store)} | dict.fromkeys(anchors)
        return [await verify_audit(store, tenant, anchors=anchors.get(tenant, {})) for tenant in tenants]
    finally:
        await store.close()


def _of(report: AuditReport) -> dict[str, Any]:
    head = report.head
    return {
        "tenant_id": str(report.tenant_id),
        "intact": report.intact,
        "entries": report.entries,
        "head": {"seq": head.seq, "at": head.at.isoformat(), "hash": head.hash} if head else None,
        "findings": [_finding(finding) for finding in report.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {"damage": finding.damage, "first": finding.first, "last": finding.last, "message": finding.message}


def _show(reports: Sequence[Mapping[str, Any]]) -> None:
    for report in reports:
        head = report["head"]
        end = f", head {head['seq']} {head['hash']}" if head else ""
        out.print(f"tenant {report['tenant_id']}: {report['entries']} entries{end}", soft_wrap=True)
        for finding in report["findings"]:
            out.print(f"  [red]{finding['damage']}[/]: {finding['message']}", soft_wrap=True)
        if report["intact"]:
            out.print("  intact")
    if not reports:
        out.print("no entries yet")


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as source:
            yield from source
    except (OSError, json.JSONDecodeError) as error:
        raise CommandError(f"{path}: {error}") from error
