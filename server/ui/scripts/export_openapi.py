"""Print the API's OpenAPI document, from which the UI's types are made; it needs no service."""

import json
import sys
from typing import Any, cast

from hortus_server.api.app import create_app
from hortus_server.api.edge import EdgeOptions, EdgePorts, make_edge


def openapi_document() -> dict[str, Any]:
    """The document of an application whose ports are absent: describing the routes calls none of them."""
    absent = cast("Any", None)
    edge = make_edge(EdgeOptions(version="v1"), EdgePorts(store=absent, queue=absent, live=absent, streams=absent))
    return create_app(edge).openapi()


if __name__ == "__main__":
    json.dump(openapi_document(), sys.stdout, indent=1, sort_keys=True)
    sys.stdout.write("\n")
