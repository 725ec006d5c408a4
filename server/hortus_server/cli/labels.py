"""`hortus label`: how sensitive things count, by hand."""

from typing import Annotated

import typer

from hortus_server.cli.client import CommandError
from hortus_server.cli.options import AsJson, Key, Url, open_client
from hortus_server.cli.render import out, print_json, print_table

app = typer.Typer(no_args_is_help=True, help="Sensitivity by hand: of the tenant, of tools, of memories.")
LEVELS = {"confidential": 2, "internal": 1, "none": 0}
WORDS = {level: word for word, level in LEVELS.items()}
Level = Annotated[str, typer.Argument(help="confidential, internal, or none: what labels say by themselves.")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the audit log.")]


@app.command("list")
def list_labels(as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """What was said of the tenant and of tools."""
    found = open_client(url, key).get("/v1/labels")
    if as_json:
        print_json(found)
        return
    own = [{**found["tenant"], "of": "the tenant"}] if found["tenant"] else []
    said = [*own, *({**floor, "of": f"tool {floor['tool']}"} for floor in found["tools"])]
    rows = [{**floor, "at_least": WORDS[floor["sensitivity"]]} for floor in said]
    print_table(("of", "at_least", "reason", "set_by", "set_at"), rows, empty="Labels count as they are.")


@app.command("tenant")
def tenant(level: Level, reason: Reason, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Let all that this tenant's runs read count as so sensitive at least."""
    changed = open_client(url, key).call("PUT", "/v1/labels/tenant", body=_change(level, reason))
    print_json(changed) if as_json else out.print(f"the tenant's data counts as {level} at least")


@app.command("tool")
def tool(name: str, level: Level, reason: Reason, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Let what a tool gives back count as so sensitive at least."""
    changed = open_client(url, key).call("PUT", f"/v1/labels/tools/{name}", body=_change(level, reason))
    print_json(changed) if as_json else out.print(f"what {name} gives back counts as {level} at least")


@app.command("memory")
def memory(
    memory_id: str, level: Level, reason: Reason, as_json: AsJson = False, url: Url = None, key: Key = None
) -> None:
    """Let a memory count as so sensitive at least."""
    changed = open_client(url, key).call("PUT", f"/v1/memories/{memory_id}/sensitivity", body=_change(level, reason))
    print_json(changed) if as_json else out.print(f"memory {memory_id} counts as {level} at least")


def _change(level: str, reason: str) -> dict[str, int | str]:
    if level not in LEVELS:
        raise CommandError(f"no such level: {level}; there are {', '.join(LEVELS)}")
    return {"sensitivity": LEVELS[level], "reason": reason}
