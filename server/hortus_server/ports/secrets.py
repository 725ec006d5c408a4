"""Where secrets are kept, and what seals them."""

from collections.abc import Sequence
from typing import Protocol

from hortus_server.domain.errors import HortusError
from hortus_server.domain.ids import AgentId, TenantId
from hortus_server.domain.records import Page
from hortus_server.domain.secrets import SealedValue, SealedVersion, Secret
from hortus_server.ports.paging import PageRequest


class SealBrokenError(HortusError):
    """A sealed value cannot be opened: its key is missing, or it was changed or moved."""

    code = "seal_broken"


class Sealer(Protocol):
    """Envelope encryption under keys that only the process's environment holds."""

    @property
    def key_id(self) -> str:
        """The key that seals now."""
        ...

    def seal(self, value: str, place: str) -> SealedValue:
        """Seal a value to a place."""
        ...

    def open(self, sealed: SealedValue, place: str) -> str:
        """The value. Raises SealBrokenError, which does not tell anything of it."""
        ...

    def reseal(self, sealed: SealedValue, place: str) -> SealedValue:
        """The same value and data key, under the key that seals now. Raises SealBrokenError."""
        ...


class SecretRepository(Protocol):
    """Secrets of tenants; the newest two versions of each are kept, so that an old value is still recognised."""

    async def hold(self, tenant_id: TenantId, name: str) -> Secret | None:
        """The secret, which nobody else changes until the commit; `used_by` is not looked for."""
        ...

    async def claim(
        self, tenant_id: TenantId, *, name: str, description: str, agent_id: AgentId | None, hosts: Sequence[str]
    ) -> Secret:
        """Make the secret or change it, with its next version."""
        ...

    async def change(
        self, tenant_id: TenantId, *, name: str, description: str, agent_id: AgentId | None, hosts: Sequence[str]
    ) -> Secret:
        """Change all but its value and version. Raises NotFoundError."""
        ...

    async def store(self, secret: Secret, sealed: SealedValue) -> None:
        """Store the version that `claim` gave, and forget all but it and the one before."""
        ...

    async def get(self, tenant_id: TenantId, name: str) -> Secret:
        """Raises NotFoundError."""
        ...

    async def list(self, tenant_id: TenantId, page: PageRequest) -> Page[Secret]:
        """Secrets, newest first, with the names of agents whose current version names them."""
        ...

    async def delete(self, tenant_id: TenantId, name: str) -> Secret:
        """Delete it with all versions. Raises NotFoundError."""
        ...

    async def count(self, tenant_id: TenantId) -> int:
        """How many the tenant has."""
        ...


class SecretSeals(Protocol):
    """Stored values, and what they are sealed with, over all tenants."""

    async def sealed(self, tenant_id: TenantId, names: Sequence[str] | None = None) -> Sequence[SealedVersion]:
        """The kept versions of these, or of all, newest first; unknown names are left out."""
        ...

    async def stale(self, key_id: str, *, skip: int, limit: int) -> Sequence[SealedVersion]:
        """Versions of all tenants under another key, less the first `skip`, held for `replace`.

        Those that others hold are left out.
        """
        ...

    async def replace(self, version: SealedVersion, sealed: SealedValue) -> None:
        """The same version under another key."""
        ...

    async def keys_in_use(self) -> Sequence[tuple[str, int]]:
        """Ids of the keys that stored versions are under, and how many each."""
        ...

    async def unbound(self) -> int:
        """How many secrets may be sent to any host."""
        ...
