"""Amounts over time, for charts."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.deps import EdgeDep, RunsRead
from hortus_server.api.responses import LIST
from hortus_server.api.schemas.statistics import PeriodView, StatisticsView
from hortus_server.ports.statistics import Width

router = APIRouter(prefix="/v1/statistics", tags=["runs"])


class HistoryQuery(BaseModel):
    """How far back, in which steps."""

    model_config = ConfigDict(extra="forbid")

    width: Width = "hour"
    periods: int = Field(default=24, ge=1, le=168)


@router.get("", response_model=StatisticsView, responses=LIST)
async def get_statistics(edge: EdgeDep, caller: RunsRead, query: Annotated[HistoryQuery, Query()]) -> Response:
    """Runs, tokens, cost and evolved tools by hour or day. At most the newest 200,000 ended runs are counted."""
    async with edge.store.transaction(caller.tenant_id) as uow:
        found = await uow.statistics.history(caller.tenant_id, width=query.width, periods=query.periods)
    items = tuple(PeriodView.model_validate(period) for period in found)
    return json_answer(StatisticsView(width=query.width, items=items))
