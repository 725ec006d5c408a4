"""For those who run the server: health, readiness, metrics; open, as probes and scrapers carry no keys."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.deps import EdgeDep, NoQuery
from hortus_server.api.responses import Responses, problems
from hortus_server.api.schemas.admin import HealthView, ReadinessView

router = APIRouter(tags=["operations"])
UNAVAILABLE: Responses = {503: {"model": ReadinessView, "description": "PostgreSQL is not usable"}}


@router.get("/healthz", response_model=HealthView, responses=problems(422), dependencies=[NoQuery])
async def get_health(edge: EdgeDep) -> Response:
    """The process answers. For liveness probes: it looks at nothing else."""
    return json_answer(HealthView(status="ok", version=edge.options.version))


@router.get("/readyz", response_model=ReadinessView, responses=problems(422) | UNAVAILABLE, dependencies=[NoQuery])
async def get_readiness(edge: EdgeDep) -> Response:
    """How the components are. 503 only if PostgreSQL is not usable: the API does without each of the others."""
    readiness = await edge.check_readiness()
    return json_answer(ReadinessView.model_validate(readiness), status=503 if readiness.state == "unavailable" else 200)


@router.get(
    "/metrics",
    response_class=Response,
    responses=problems(422) | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    dependencies=[NoQuery],
)
async def get_metrics(edge: EdgeDep) -> Response:
    """Prometheus metrics of this process. They name no tenant."""
    for status, runs in (await edge.list_stuck.counts()).items():
        edge.metrics.runs_stuck.labels(status).set(runs)
    return Response(edge.metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST})
