"""`hortus approval`: what runs ask of people."""

import json
from typing import Annotated, Any

import typer
from rich.markup import escape

from hortus_server.cli.client import CommandError
from hortus_server.cli.options import AsJson, Key, Url, open_client
from hortus_server.cli.render import one_line, out, print_json, print_table, visible

app = typer.Typer(no_args_is_help=True, help="What runs ask of people: approvals, calls in doubt, questions.")

Reason = Annotated[str, typer.Option(help="Kept with the decision.")]
SETTLEMENTS = {"happened": "happened", "run-again": "run_again", "give-up": "give_up"}


@app.command("list")
def list_approvals(
    status: Annotated[str, typer.Option(help="pending, approved, denied, answered, expired, cancelled; or all.")] = (
        "pending"
    ),
    run: Annotated[str | None, typer.Option(help="Only this run's.")] = None,
    session: Annotated[str | None, typer.Option(help="Only this session's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 50,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Newest first; what waits for a decision unless told otherwise."""
    wanted = None if status == "all" else status
    page = open_client(url, key).get("/v1/approvals", status=wanted, run_id=run, session_id=session, limit=limit)
    if as_json:
        print_json(page)
        return
    columns = ("id", "kind", "status", "agent_name", "tool", "reason", "requested_at", "expires_at")
    rows = [{**item, "reason": one_line(item["reason"], 60)} for item in page["items"]]
    print_table(columns, rows, empty="Nothing waits for a person.")


@app.command("show")
def show(approval_id: str, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """One of them: the exact call, and who has decided what."""
    approval = open_client(url, key).get(f"/v1/approvals/{approval_id}")
    if as_json:
        print_json(approval)
        return
    for name, value in approval.items():
        if name != "decisions" and value not in (None, []):
            shown = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
            out.print(f"[bold]{name.replace('_', ' ')}[/]: {escape(visible(shown))}", soft_wrap=True)
    print_table(("decision", "by_name", "reason", "answer", "decided_at"), approval["decisions"], empty="No decision.")


@app.command("approve")
def approve(approval_id: str, reason: Reason = "", as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Let the call happen."""
    _decide(approval_id, {"decision": "approve", "reason": reason}, as_json=as_json, url=url, key=key)


@app.command("deny")
def deny(approval_id: str, reason: Reason = "", as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Refuse the call, or decline to answer; the agent is told why."""
    _decide(approval_id, {"decision": "deny", "reason": reason}, as_json=as_json, url=url, key=key)


@app.command("answer")
def answer(approval_id: str, text: str, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Answer a question."""
    _decide(approval_id, {"decision": "answer", "answer": text}, as_json=as_json, url=url, key=key)


@app.command("settle")
def settle(
    approval_id: str,
    how: Annotated[str, typer.Argument(help="happened, run-again or give-up.")],
    result: Annotated[str | None, typer.Option(help="With happened: what came of the call.")] = None,
    reason: Reason = "",
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Say what became of a call whose worker died, or what to do about it."""
    if how not in SETTLEMENTS:
        raise CommandError(f"say one of: {', '.join(SETTLEMENTS)}")
    body = {"decision": SETTLEMENTS[how], "reason": reason, **({"answer": result} if result else {})}
    _decide(approval_id, body, as_json=as_json, url=url, key=key)


def _decide(approval_id: str, body: dict[str, Any], *, as_json: bool, url: str | None, key: str | None) -> None:
    decided = open_client(url, key).post(f"/v1/approvals/{approval_id}/decide", body)
    if as_json:
        print_json(decided)
    elif decided["status"] == "pending":
        out.print(f"noted; {decided['persons_missing']} more has to decide")
    else:
        out.print(f"{decided['kind']} {decided['id']}: {decided['status']}")
