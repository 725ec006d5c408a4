"""Responses with bodies that are JSON already, past FastAPI's second validation."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from hortus_agents.json_text import written_json
from hortus_server.services.create_once import Answer

JSON = "application/json"


def json_answer(content: BaseModel | Mapping[str, Any], *, status: int = 200) -> Response:
    """A view or a plain document."""
    body = content.model_dump_json().encode() if isinstance(content, BaseModel) else written_json(content)
    return Response(body, status_code=status, media_type=JSON)


def created(answer: Answer) -> Response:
    """A create's answer, marked when it repeats an earlier one."""
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else None
    return Response(written_json(answer.body), status_code=answer.status, media_type=JSON, headers=headers)
