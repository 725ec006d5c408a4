"""Tenants, as sent and received."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from hortus_server.api.schemas.people import Email, stripped
from hortus_server.api.schemas.wire import Body, View
from hortus_server.domain.keys import Tenant

TenantName = Annotated[str, Field(min_length=1, max_length=100, examples=["garden"]), AfterValidator(stripped)]


class TenantCreate(Body):
    """A further tenant; with `owner` the answer holds a link for its first owner."""

    name: TenantName
    owner: Email | None = None


class TenantPatch(Body):
    """What is to be different."""

    name: TenantName | None = None
    disabled: bool | None = Field(default=None, examples=[True])


class TenantView(View):
    """A tenant."""

    id: UUID
    name: str
    operates: bool
    created_at: datetime
    disabled_at: datetime | None
    members: int | None = None
    keys: int | None = None

    @classmethod
    def of(cls, tenant: Tenant, members: int | None = None, keys: int | None = None) -> "TenantView":
        """A tenant as it is sent."""
        return cls(
            id=tenant.id,
            name=tenant.name,
            operates=tenant.operates,
            created_at=tenant.created_at,
            disabled_at=tenant.disabled_at,
            members=members,
            keys=keys,
        )


class MadeTenantView(TenantView):
    """A new tenant; `link` lets its first owner in, and is shown once: null in an idempotent repetition."""

    link: str | None


class TenantsView(View):
    """All tenants, by name."""

    items: tuple[TenantView, ...]
