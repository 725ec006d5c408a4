"""What services need of big payloads."""

from typing import Protocol

from hortus_server.domain.ids import TenantId
from hortus_server.domain.records import Artifact


class ArtifactRepository(Protocol):
    """Big payloads by content hash."""

    async def put(self, tenant_id: TenantId, content: bytes, *, media_type: str) -> Artifact:
        """Store once; the same bytes again change nothing."""
        ...

    async def get(self, tenant_id: TenantId, sha256: str) -> tuple[Artifact, bytes]:
        """Raises NotFoundError."""
        ...
