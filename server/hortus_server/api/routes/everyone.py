"""All users of the installation, for those who run it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from hortus_server.api.answers import json_answer
from hortus_server.api.deps import Admin, EdgeDep, NoQuery, PageQuery, PeopleDep
from hortus_server.api.responses import CHANGE, LIST
from hortus_server.api.schemas.people import PersonChange, PersonPage, PersonView
from hortus_server.api.schemas.wire import page_json
from hortus_server.domain.ids import UserId

router = APIRouter(prefix="/v1/admin/people", tags=["admin"])


class PeopleQuery(PageQuery):
    """Which users."""

    email: str = Field(default="", max_length=254, description="only those whose address holds this")


@router.get("", response_model=PersonPage, responses=LIST)
async def list_people(edge: EdgeDep, caller: Admin, query: Annotated[PeopleQuery, Query()]) -> Response:
    """Users of the whole installation, newest first, for administrators of the tenant that operates it."""
    caller.demand_operation()
    async with edge.store.system_transaction() as uow:
        page = await uow.everyone.list(query.page, email=query.email.strip().lower())
    return json_answer(page_json(page, PersonView.of))


@router.patch("/{user_id}", response_model=PersonView, responses=CHANGE, dependencies=[NoQuery])
async def change_person(user_id: UUID, body: PersonChange, people: PeopleDep, caller: Admin) -> Response:
    """Keep a user out of every tenant: logins, open links and the keys of its making end at once. Or let it in again.

    Keys stay revoked, and logins ended, when the user is let in again. 409 for oneself and for the last owner of a
    tenant.
    """
    caller.demand_operation()
    changed = await people.disable_user(caller.authority, caller.tenant_id, UserId(user_id), disabled=body.disabled)
    return json_answer(PersonView.of(changed))
