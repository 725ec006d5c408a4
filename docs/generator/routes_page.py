"""docs/api.md: every route in one line."""

from dataclasses import fields
from typing import Any

from tables import MADE, prose, row

from hortus_server.api.app import create_app
from hortus_server.api.edge import EdgeOptions, EdgePorts, make_edge


def openapi_document() -> dict[str, Any]:
    """What `/openapi.json` serves; describing the routes calls none of the absent ports."""
    absent: dict[str, Any] = {port.name: None for port in fields(EdgePorts)}
    edge = make_edge(EdgeOptions(version="v1"), EdgePorts(**{**absent, "probes": ()}))
    return create_app(edge).openapi()


def api_page() -> str:
    """Every route in one line, by tag."""
    document = openapi_document()
    text = f"""# Routes
{MADE}
The whole description, with schemas, examples and the frames of streams, is at `/openapi.json` (OpenAPI 3.1) of a
running server. The WebSockets are `/v1/sessions/{{session_id}}/stream?after=N` and `/v1/stream`.

{document["info"]["description"]}"""
    for tag in document["tags"]:
        text += f"\n## {tag['name']}\n\n{tag['description']}\n\n| route | scope | |\n|---|---|---|\n"
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if tag["name"] in operation["tags"]:
                    scope = operation.get("x-required-scope")
                    told = operation["description"].split("\n\nScope:")[0]
                    text += row(f"`{method.upper()} {path}`", f"`{scope}`" if scope else "", prose(told))
    return text
