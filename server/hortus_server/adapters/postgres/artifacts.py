"""Big payloads in PostgreSQL, by content hash."""

from hashlib import sha256 as hash_sha256
from typing import Any

from psycopg import AsyncConnection

from hortus_server.adapters.postgres import rows
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.errors import NotFoundError
from hortus_server.domain.ids import TenantId
from hortus_server.domain.records import Artifact

_STATEMENTS = load_statements("artifacts.sql")


class PostgresArtifacts:
    """See `ArtifactRepository`."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._sql = Executor(connection, _STATEMENTS)

    async def put(self, tenant_id: TenantId, content: bytes, *, media_type: str) -> Artifact:
        """See the port."""
        digest = hash_sha256(content).hexdigest()
        artifact = await self._sql.one(
            "put_artifact",
            Artifact,
            tenant_id=tenant_id,
            sha256=digest,
            media_type=media_type,
            size=len(content),
            content=content,
        )
        if artifact is None:
            artifact = await self._sql.one("describe_artifact", Artifact, tenant_id=tenant_id, sha256=digest)
        if artifact is None:
            raise NotFoundError("artifact", digest)
        return artifact

    async def get(self, tenant_id: TenantId, sha256: str) -> tuple[Artifact, bytes]:
        """See the port."""
        found = await self._sql.one("get_artifact", rows.artifact_with_content, tenant_id=tenant_id, sha256=sha256)
        if found is None:
            raise NotFoundError("artifact", sha256)
        return found
