"""`hortus models`: which endpoints answer for which models, as the workers find them."""

from typing import Any

from hortus_server.adapters.embedded.doctor import Check
from hortus_server.cli.client import CommandError
from hortus_server.cli.options import AsJson, Key, Url, open_client
from hortus_server.cli.render import print_json, print_table

COLUMNS = ("endpoint", "models", "state", "requests", "waiting", "last_error")


def models(as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Model endpoints: up or down, requests under way, bounds."""
    items = open_client(url, key).get("/v1/admin/models")["items"]
    if as_json:
        print_json(items)
    else:
        print_table(COLUMNS, [_row(item) for item in items], empty="no worker has reported; is one running?")


def _row(item: dict[str, Any]) -> dict[str, Any]:
    in_flight, limit, waiting = (
        sum(one[name] for one in item["processes"]) for name in ("in_flight", "limit", "waiting")
    )
    state = item["state"] if item["down_since"] is None else f"{item['state']} since {item['down_since']}"
    return {
        "endpoint": item["url"],
        "models": ", ".join(item["models"]),
        "state": state,
        "requests": f"{in_flight} of {limit}",
        "waiting": waiting,
        "last_error": item["last_error"],
    }


def endpoints_down() -> list[str]:
    """A line for each endpoint that some worker finds down. Raises CommandError where no server can be asked."""
    items = open_client(None, None).get("/v1/admin/models")["items"]
    return [
        f"{item['url']} is down{'' if item['state'] == 'down' else ' for some workers'} since {item['down_since']}:"
        f" {item['last_error']}"
        for item in items
        if item["state"] != "up"
    ]


async def check_endpoints() -> Check:
    """For `hortus doctor`: what the workers of a running server say of their model endpoints."""
    name = "model endpoints"
    try:
        down = endpoints_down()
    except CommandError as error:
        return Check(name=name, outcome="ok", detail=f"not asked: {error}")
    if not down:
        return Check(name=name, outcome="ok", detail="every endpoint that workers reported is up")
    mend = "see that the model server runs and can be reached from the workers; runs wait for it meanwhile"
    return Check(name=name, outcome="warn", detail="; ".join(down), mend=mend)
