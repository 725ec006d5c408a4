"""Big payloads in PostgreSQL, by content hash."""

from collections.abc import Sequence
from hashlib import sha256 as hash_sha256
from typing import Any

from psycopg import AsyncConnection

from hortus_agents.labels import Sensitivity
from hortus_server.adapters.postgres import rows
from hortus_server.adapters.postgres.statements import Executor, load_statements
from hortus_server.domain.errors import NotFoundError
from hortus_server.domain.ids import RunId, TenantId
from hortus_server.domain.records import Artifact
from hortus_server.domain.run_files import RESULT_NAME, RunFile

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

    async def sensitivity(self, tenant_id: TenantId, sha256: str) -> Sensitivity | None:
        """See the port."""
        (found,) = await self._sql.many("artifact_sensitivity", _sensitivity, tenant_id=tenant_id, sha256=sha256)
        return found

    async def part(self, tenant_id: TenantId, sha256: str, *, start: int, length: int) -> bytes:
        """See the port."""
        found = await self._sql.one("get_part", _part, tenant_id=tenant_id, sha256=sha256, start=start, length=length)
        if found is None:
            raise NotFoundError("artifact", sha256)
        return found

    async def files(self, tenant_id: TenantId, run_id: RunId, *, after: int, calls: int) -> Sequence[RunFile]:
        """See the port."""
        return await self._files(tenant_id, run_id, after=after, calls=calls, name=None)

    async def file(self, tenant_id: TenantId, run_id: RunId, *, seq: int, name: str) -> RunFile:
        """See the port."""
        found = await self._files(tenant_id, run_id, after=seq - 1, calls=1, name=name)
        if not found or found[0].seq != seq:
            raise NotFoundError("file", f"{seq}/{name}")
        return found[0]

    async def _files(
        self, tenant_id: TenantId, run_id: RunId, *, after: int, calls: int, name: str | None
    ) -> Sequence[RunFile]:
        return await self._sql.many(
            "run_files",
            RunFile,
            tenant_id=tenant_id,
            run_id=run_id,
            after=after,
            calls=calls,
            name=name,
            result=RESULT_NAME,
        )


def _part(*, content: bytes) -> bytes:
    return content


def _sensitivity(*, sensitivity: Sensitivity | None) -> Sensitivity | None:
    return sensitivity
