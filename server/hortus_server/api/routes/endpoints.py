"""The model endpoints, as the workers find them."""

from fastapi import APIRouter
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.deps import Admin, EdgeDep, NoQuery
from hortus_server.api.responses import LIST
from hortus_server.api.schemas.endpoints import EndpointsView, endpoint_json
from hortus_server.domain.errors import UnavailableError

router = APIRouter(prefix="/v1/admin/models", tags=["admin"])


@router.get("", response_model=EndpointsView, responses=LIST, dependencies=[NoQuery])
async def list_endpoints(edge: EdgeDep, _caller: Admin) -> Response:
    """Circuits, bounds and load of each endpoint; 503 while the broker is down."""
    if edge.read_endpoints is None:
        raise UnavailableError("models", "this process hears nothing of model endpoints")
    return json_answer({"items": [endpoint_json(found) for found in await edge.read_endpoints()]})
