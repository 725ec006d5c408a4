"""`hortus tool`: what agents wrote for themselves, and what people do about it."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from hortus_server.cli.client import CommandError
from hortus_server.cli.options import AsJson, Key, Url, open_client
from hortus_server.cli.render import one_line, out, print_json, print_page, print_table

app = typer.Typer(no_args_is_help=True, help="Tools that agents wrote, or that were imported: see, enable, take back.")

Reason = Annotated[str, typer.Option(prompt=True, help="Kept with the tool and in the audit log.")]
Version = Annotated[int | None, typer.Option(min=1, help="Which one; unless told, what makes sense.")]


@app.command("list")
def list_tools(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 50,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Newest first; `waiting version` waits for a person."""
    page = open_client(url, key).get("/v1/tools", limit=limit)
    if as_json:
        print_json(page)
        return
    rows = [{**item, "description": one_line(item["description"], 60)} for item in page["items"]]
    print_table(("name", "active_version", "waiting_version", "description", "updated_at"), rows, empty="No tool yet.")


@app.command("show")
def show(
    tool: str,
    version: Version = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Its versions; with --version one of them: source, what it declares, scan, tests, negative tests."""
    client = open_client(url, key)
    if version is None:
        found = client.get(f"/v1/tools/{tool}/versions")
        columns = ("version", "state", "state_reason", "origin", "uses", "failures", "created_at")
        print_page(found, columns, empty="No version.", as_json=as_json)
        return
    one = client.get(f"/v1/tools/{tool}/versions/{version}")
    if as_json:
        print_json(one)
        return
    out.print(f"[bold]{escape(tool)}[/] version {version}: {one['state']} {escape(one['state_reason'] or '')}")
    declared = [f"{kind} {', '.join(names)}" for kind, names in one["permissions"].items() if names]
    out.print(f"declares: {escape('; '.join(declared)) or 'nothing beyond computing'}")
    for name in ("scan_report", "test_report", "negative_report"):
        report = one[name]
        verdict = "never run" if report is None else "passed" if report.get("passed") is True else "not passed"
        out.print(f"{name.replace('_report', '')}: {verdict}")
    print_table(("rule", "weight", "line", "text"), (one["scan_report"] or {}).get("findings", []), empty="No finding.")
    out.print(one["source"], markup=False, highlight=False)


@app.command("enable")
def enable(
    tool: str, reason: Reason, version: Version = None, as_json: AsJson = False, url: Url = None, key: Key = None
) -> None:
    """Put a version to use; it must have passed its tests, the scan and the negative tests."""
    _change(tool, "enable", {"version": version, "reason": reason}, as_json=as_json, url=url, key=key)


@app.command("disable")
def disable(tool: str, reason: Reason, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Out of use everywhere, from the next call on."""
    _change(tool, "disable", {"reason": reason}, as_json=as_json, url=url, key=key)


@app.command("rollback")
def roll_back(
    tool: str, reason: Reason, version: Version = None, as_json: AsJson = False, url: Url = None, key: Key = None
) -> None:
    """Back to an earlier version, everywhere."""
    _change(tool, "rollback", {"version": version, "reason": reason}, as_json=as_json, url=url, key=key)


@app.command("check")
def check(tool: str, version: int, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Have a worker scan and test a version again."""
    record = open_client(url, key).post(f"/v1/tools/{tool}/versions/{version}/check")
    if as_json:
        print_json(record)
    else:
        out.print(f"a worker checks version {version} of {escape(tool)}; `hortus tool show` tells what came of it")


@app.command("export")
def export(tool: str, version: int, file: Path, url: Url = None, key: Key = None) -> None:
    """Write one version to a file, with the hash of each part."""
    bundle = open_client(url, key).get(f"/v1/tools/{tool}/versions/{version}/bundle")
    file.write_text(json.dumps(bundle, indent=2, ensure_ascii=False) + "\n", "utf-8")
    out.print(f"{escape(str(file))}: {escape(tool)} version {version}, source sha256 {bundle['sha256']['source']}")


@app.command("import")
def import_tool(file: Path, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Take a tool from a file. It is verified, scanned and tested on the server, and waits for a person."""
    try:
        bundle = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} cannot be read as a bundle: {error}") from error
    imported = open_client(url, key).post("/v1/tools/import", bundle)
    if as_json:
        print_json(imported)
    else:
        tool, version = imported["tool"], imported["version"]
        out.print(f"{escape(tool['name'])} version {version['version']}: {version['state']}")


def _change(tool: str, act: str, body: dict[str, Any], *, as_json: bool, url: str | None, key: str | None) -> None:
    changed = open_client(url, key).post(f"/v1/tools/{tool}/{act}", body)
    if as_json:
        print_json(changed)
    else:
        active = changed["active_version"]
        now = "no version is in use" if active is None else f"version {active} is in use"
        out.print(f"{escape(changed['name'])}: {now}")
