"""Error responses as the OpenAPI document shows them."""

from http import HTTPStatus
from typing import Any

from hortus_server.api.errors import PROBLEM_JSON, Problem

Responses = dict[int | str, dict[str, Any]]


def problems(*statuses: int) -> Responses:
    """Problem documents for these statuses."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {PROBLEM_JSON: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}},
        }
        for status in statuses
    }


READ = problems(401, 403, 404, 422, 429, 503)
LIST = problems(401, 403, 422, 429, 503)
CHANGE = problems(400, 401, 403, 404, 409, 413, 415, 422, 429, 503)
SUBMIT = CHANGE
