"""What services need of big payloads."""

from collections.abc import Sequence
from typing import Protocol

from hortus_agents.labels import Sensitivity
from hortus_server.domain.ids import RunId, TenantId
from hortus_server.domain.records import Artifact
from hortus_server.domain.run_files import RunFile


class ArtifactRepository(Protocol):
    """Big payloads by content hash."""

    async def put(self, tenant_id: TenantId, content: bytes, *, media_type: str) -> Artifact:
        """Store once; the same bytes again change nothing."""
        ...

    async def get(self, tenant_id: TenantId, sha256: str) -> tuple[Artifact, bytes]:
        """Raises NotFoundError."""
        ...

    async def sensitivity(self, tenant_id: TenantId, sha256: str) -> Sensitivity | None:
        """The highest by the labels of the calls that left it; None where no call is known."""
        ...

    async def part(self, tenant_id: TenantId, sha256: str, *, start: int, length: int) -> bytes:
        """So many bytes from `start` (0 is the first), fewer at the end. Raises NotFoundError."""
        ...

    async def files(self, tenant_id: TenantId, run_id: RunId, *, after: int, calls: int) -> Sequence[RunFile]:
        """What the run's next calls above number `after` have left, all of each of them; at most so many calls."""
        ...

    async def file(self, tenant_id: TenantId, run_id: RunId, *, seq: int, name: str) -> RunFile:
        """Raises NotFoundError."""
        ...
