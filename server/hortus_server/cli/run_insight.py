"""`hortus run trace`, `stuck` and `requeue`: what runs did, and why they do not get on."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.tree import Tree

from hortus_server.cli.client import ApiClient
from hortus_server.cli.options import AsJson, Key, Url, open_client
from hortus_server.cli.render import out, print_json, print_table

STYLES = {"ok": "green", "failed": "red", "running": "cyan", "note": "dim"}


def trace(
    run_id: str,
    parts: Annotated[int, typer.Option(min=1, help="Parts of a long run to show, of 1,000 events each.")] = 10,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """What a run did, as a tree with times, tokens and cost."""
    found = list(_parts(open_client(url, key), run_id, parts))
    if as_json:
        print_json(found[0] if len(found) == 1 else found)
        return
    first, last = found[0], found[-1]
    run, spent = first["run"], first["spent"]
    head = f"run {run['id']} [bold]{run['status']}[/]  agent version {first['agent_version']}"
    used = f"{spent['tokens']} tokens, {spent['cost_micros'] / 1e6:g} money, {first['elapsed_s']:.1f} s"
    tree = Tree(f"{head}  [dim]{used}[/]")
    for part in found:
        _grow(tree, part["spans"])
    out.print(tree)
    versions = {one["id"]: one for part in found for one in part["tool_versions"]}
    if versions:
        out.print("tools: " + ", ".join(escape(f"{one['name']} v{one['version']}") for one in versions.values()))
    if last["next_after"] is not None:
        out.print(f"[yellow]there is more, after event {last['next_after']}; see --parts[/]")


def stuck(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 50,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Runs that have been silent for too long, and what the system sees of why."""
    page = open_client(url, key).get("/v1/runs/stuck", limit=limit)
    if as_json:
        print_json(page)
        return
    rows = [
        {
            "run_id": one["run_id"],
            "status": one["status"],
            "silent_s": round(one["silent_s"]),
            "last_event": one["last_event"]["type"],
            "reasons": "; ".join(f"{reason['cause']}: {reason['detail']}" for reason in one["reasons"]),
        }
        for one in page["items"]
    ]
    print_table(("run_id", "status", "silent_s", "last_event", "reasons"), rows, empty="No run is stuck.")
    if page["next_cursor"]:
        out.print("[yellow]there may be more; see --limit[/]")


def requeue(
    run_id: str,
    force: Annotated[bool, typer.Option("--force", help="Take it from a worker that lives, too.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Send a run's wake-up again, and end the lease of a worker that is gone."""
    run = open_client(url, key).post(f"/v1/runs/{run_id}/requeue", {"force": force})
    print_json(run) if as_json else out.print(f"run {run['id']}: {run['status']}, wake-up sent")


def _parts(client: ApiClient, run_id: str, most: int) -> Iterator[dict[str, Any]]:
    after: int | None = 0
    for _ in range(most):
        part = client.get(f"/v1/runs/{run_id}/trace", after=after)
        yield part
        after = part["next_after"]
        if after is None:
            return


def _grow(tree: Tree, spans: Iterable[dict[str, Any]]) -> None:
    for span in spans:
        _grow(tree.add(_line(span)), span["children"])


def _line(span: dict[str, Any]) -> str:
    facts = []
    if span["duration_ms"]:
        facts.append(f"{span['duration_ms'] / 1000:.2f} s")
    if span["tokens"]:
        facts.append(f"{span['tokens']['prompt_tokens']}+{span['tokens']['completion_tokens']} tokens")
    facts += [f"“{use['title']}” {use['score']:.2f}" for use in span["memories"]]
    if span["detail"]:
        facts.append(span["detail"])
    told = escape("  " + ", ".join(facts)) if facts else ""
    return f"[{STYLES[span['state']]}]{span['kind']}[/] {escape(span['label'])}[dim]{told}[/]"
