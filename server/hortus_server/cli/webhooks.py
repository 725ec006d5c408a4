"""`hortus webhook`: endpoints that are told of events."""

from typing import Annotated

import typer

from hortus_server.cli.options import AsJson, Key, Url, open_client
from hortus_server.cli.render import out, print_json, print_page

app = typer.Typer(no_args_is_help=True, help="Endpoints that are told of events, and their deliveries.")

Limit = Annotated[int, typer.Option(min=1, max=200, help="How many at most.")]


@app.command("create")
def create(
    endpoint: str,
    event: Annotated[
        list[str] | None, typer.Option(help="A type (run.succeeded), a family (run.*) or *; may be repeated.")
    ] = None,
    agent: Annotated[str | None, typer.Option(help="Only sessions of this agent.")] = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Tell an endpoint of events, by default of all about runs; its signing secret is shown once."""
    body = {"url": endpoint, "events": event or ["run.*"], "agent": agent, "description": description}
    made = open_client(url, key).post("/v1/webhooks", body)
    if as_json:
        print_json(made)
    else:
        out.print(f"webhook {made['id']}\n{made['secret']}\n[dim]the secret is shown once; keep it safe[/]")


@app.command("list")
def list_webhooks(limit: Limit = 50, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Newest first."""
    page = open_client(url, key).get("/v1/webhooks", limit=limit)
    columns = ("url", "events", "enabled", "disabled_reason", "failing_since", "id")
    print_page(page, columns, empty="No webhooks.", as_json=as_json)


@app.command("rotate")
def rotate(
    webhook_id: str,
    overlap_s: Annotated[
        int, typer.Option("--overlap", min=0, max=30 * 86_400, help="Seconds that the old secret stays valid.")
    ] = 86_400,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Give it a new secret, shown once; for a while messages carry both signatures."""
    made = open_client(url, key).post(f"/v1/webhooks/{webhook_id}/secret", {"overlap_s": overlap_s})
    print_json(made) if as_json else out.print(f"{made['secret']}\n[dim]shown once; keep it safe[/]")


@app.command("deliveries")
def deliveries(
    webhook_id: str,
    state: Annotated[str | None, typer.Option(help="pending, sending, delivered or dead.")] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """What is and was owed to it, newest first."""
    page = open_client(url, key).get(f"/v1/webhooks/{webhook_id}/deliveries", limit=limit, state=state)
    columns = ("event_type", "state", "attempts", "next_attempt_at", "last_error", "created_at", "id")
    print_page(page, columns, empty="No deliveries.", as_json=as_json)


@app.command("replay")
def replay(
    webhook_id: str,
    delivery_id: Annotated[str | None, typer.Argument(help="One delivery; without it, all dead ones.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Send again: one delivery, or up to a thousand dead ones."""
    client = open_client(url, key)
    if delivery_id is None:
        made = client.post(f"/v1/webhooks/{webhook_id}/replay")
        text = f"{made['replayed']} deliveries are due again"
    else:
        made = client.post(f"/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay")
        text = f"delivery {delivery_id} is due again"
    print_json(made) if as_json else out.print(text)


@app.command("enable")
def enable(webhook_id: str, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Send to it again, what was owed when it was disabled too."""
    made = open_client(url, key).call("PATCH", f"/v1/webhooks/{webhook_id}", body={"enabled": True})
    print_json(made) if as_json else out.print(f"webhook {webhook_id} is enabled")


@app.command("disable")
def disable(webhook_id: str, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Send nothing more to it, and owe it nothing more."""
    made = open_client(url, key).call("PATCH", f"/v1/webhooks/{webhook_id}", body={"enabled": False})
    print_json(made) if as_json else out.print(f"webhook {webhook_id} is disabled")


@app.command("delete")
def delete(webhook_id: str, url: Url = None, key: Key = None) -> None:
    """Delete it with its deliveries."""
    open_client(url, key).call("DELETE", f"/v1/webhooks/{webhook_id}")
    out.print(f"webhook {webhook_id} is deleted")
