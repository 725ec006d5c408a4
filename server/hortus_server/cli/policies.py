"""`hortus policy`: rules over tool calls."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from hortus_server.cli.client import CommandError
from hortus_server.cli.options import AsJson, Key, Url, open_client
from hortus_server.cli.render import out, print_json, print_page, print_table

app = typer.Typer(no_args_is_help=True, help="Rules over tool calls: what is allowed, denied, or needs a person.")

RulesFile = Annotated[Path, typer.Option("--rules", help="JSON file: a list of rules, or an object with `rules`.")]
Comment = Annotated[str, typer.Option(help="Why, for those who read the versions.")]
RULE_COLUMNS = ("name", "effect", "tools", "class", "conditions", "reason")


@app.command("list")
def list_policies(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 50,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Newest first."""
    page = open_client(url, key).get("/v1/policies", limit=limit)
    columns = ("name", "agent_id", "current_version", "latest_version", "updated_at", "disabled_at", "id")
    print_page(
        page, columns, empty="No policies: the defaults decide. Write one with `hortus policy set`.", as_json=as_json
    )


@app.command("show")
def show(
    name: str,
    version: Annotated[int | None, typer.Option(min=1, help="Not the one in force, but this.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """The rules, in the order in which they are asked."""
    client = open_client(url, key)
    policy = client.get(f"/v1/policies/{name}")
    chosen = policy["current"] if version is None else client.get(f"/v1/policies/{name}/versions/{version}")
    if as_json:
        print_json({**policy, "current": chosen})
        return
    state = "disabled" if policy["disabled_at"] else "in force"
    out.print(f"policy {policy['name']}, {state} at version {policy['current_version']}; this is {chosen['version']}")
    rows = [{**rule, "class": _classes(rule), "conditions": _conditions(rule)} for rule in chosen["rules"]]
    print_table(RULE_COLUMNS, rows, empty="No rules: what stands behind it decides.")


@app.command("set")
def set_policy(
    name: str,
    rules: RulesFile,
    agent: Annotated[str | None, typer.Option(help="A new policy is for this agent alone.")] = None,
    comment: Comment = "",
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Write a policy, or its next version where there is one; it holds for the next call of every run."""
    client = open_client(url, key)
    known = next((one for one in _all(client) if name in {one["name"], one["id"]}), None)
    body: dict[str, Any] = {"rules": _read_rules(rules), "comment": comment}
    if known is None:
        made = client.post("/v1/policies", {**body, "name": name, "agent": agent})
        version = made["current_version"]
    elif agent is not None:
        raise CommandError(f"policy {name} exists, and for which agent it is cannot change")
    else:
        made = client.post(f"/v1/policies/{known['id']}/versions", body)
        version = made["version"]
    print_json(made) if as_json else out.print(f"policy {name} is at version {version}")


@app.command("rollback")
def rollback(name: str, version: int, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Put an existing version in force again."""
    pinned = open_client(url, key).post(f"/v1/policies/{name}/pin", {"version": version})
    print_json(pinned) if as_json else out.print(f"policy {name} is at version {pinned['current_version']}")


@app.command("simulate")
def simulate(
    tool: Annotated[str | None, typer.Option(help="Judge one call of this tool, made up by hand.")] = None,
    arguments: Annotated[str, typer.Option(help="Its arguments, as JSON.")] = "{}",
    agent: Annotated[str | None, typer.Option(help="Whose call; with --rules, whose policy it would be.")] = None,
    run: Annotated[str | None, typer.Option(help="Judge the past calls of this run.")] = None,
    last: Annotated[int, typer.Option(min=1, max=500, help="Judge so many past calls.")] = 100,
    rules: Annotated[Path | None, typer.Option(help="JSON file with rules that would be in force instead.")] = None,
    untrusted: Annotated[bool, typer.Option(help="The run of the made-up call has read untrusted text.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """What is decided about a call, or about past ones, and what other rules would decide. Nothing is called."""
    body: dict[str, Any] = {}
    if tool is None:
        body["past"] = {"last": last, "run_id": run}
    else:
        body["call"] = {"tool": tool, "arguments": _json(arguments), "agent": agent, "untrusted": untrusted}
    if rules is not None:
        body["proposed"] = {"rules": _read_rules(rules), "agent": agent}
    found = open_client(url, key).post("/v1/policies:simulate", body)
    if as_json:
        print_json(found)
        return
    rows = [
        {"tool": one["tool"], "now": _told(one["current"]), "then": _told(one["proposed"])} for one in found["items"]
    ]
    print_table(("tool", "now", "then"), rows, empty="No calls to judge.")
    if rules is not None:
        out.print(f"{found['differing']} of {len(rows)} would be decided otherwise")


def _all(client: Any) -> list[dict[str, Any]]:
    page = client.get("/v1/policies", limit=200)
    found: list[dict[str, Any]] = page["items"]
    while page["next_cursor"]:
        page = client.get("/v1/policies", limit=200, cursor=page["next_cursor"])
        found += page["items"]
    return found


def _read_rules(path: Path) -> list[Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{path}: {error}") from error
    rules = read.get("rules") if isinstance(read, dict) else read
    if not isinstance(rules, list):
        raise CommandError(f"{path}: neither a list of rules nor an object with `rules`")
    return rules


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise CommandError(f"--arguments is not JSON: {error}") from error


def _classes(rule: dict[str, Any]) -> str:
    low, high = rule["from_class"], rule["to_class"]
    return str(low) if low == high else f"{low} to {high}"


def _conditions(rule: dict[str, Any]) -> str | None:
    said = [name for name in ("arguments", "untrusted", "sensitive", "rate") if rule.get(name) is not None]
    return ", ".join(said) or None


def _told(decision: dict[str, Any] | None) -> str | None:
    return None if decision is None else f"{decision['effect']} ({decision['policy']}: {decision['rule']})"
