"""From columns to the frozen records of the domain. Values that PostgreSQL typed are taken as they are."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from hortus_agents.events import Event, WaitReason
from hortus_agents.labels import Label
from hortus_agents.limits import RunLimits
from hortus_agents.spec import AgentSpec
from hortus_server.domain.errors import NotFoundError
from hortus_server.domain.keys import ApiKey
from hortus_server.domain.records import AgentVersion, Artifact, Claim, Memory, Run, Tool, ToolVersion
from hortus_server.domain.schedules import TIMING, CronTiming, Schedule, Timing
from hortus_server.domain.webhooks import TakenDelivery, Webhook

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SpecCache:
    """Validated specs by agent version. A version never changes, so an entry is never wrong; the oldest go first."""

    capacity: int = 512
    _specs: OrderedDict[UUID, AgentSpec] = field(default_factory=OrderedDict)
    _versions: OrderedDict[tuple[UUID, UUID, int], AgentVersion] = field(default_factory=OrderedDict)

    def get(self, version_id: UUID, stored: Mapping[str, Any]) -> AgentSpec:
        """The spec of this version, validated once."""
        spec = self._specs.get(version_id)
        if spec is None:
            spec = self._specs[version_id] = AgentSpec.model_validate(stored)
            if len(self._specs) > self.capacity:
                self._specs.popitem(last=False)
        return spec

    def agent_version(self, *, spec: Mapping[str, Any], **columns: Any) -> AgentVersion:
        """A row of agent_versions."""
        return AgentVersion(spec=self.get(columns["id"], spec), **columns)

    def known(self, tenant_id: UUID, agent_id: UUID, version: int) -> AgentVersion | None:
        """A version that `remember` was given, so that a submission need not ask for it."""
        return self._versions.get((tenant_id, agent_id, version))

    def remember(self, found: AgentVersion) -> None:
        """Keep a version that was read. Only in transactions that did not make it: another may get its number."""
        self._versions[(found.tenant_id, found.agent_id, found.version)] = found
        if len(self._versions) > self.capacity:
            self._versions.popitem(last=False)

    def claim(self, *, spec: Mapping[str, Any], agent_name: str, agent_version: int, **columns: Any) -> Claim:
        """A claimed run joined with its agent's version."""
        claimed = run(**columns)
        return Claim(
            run=claimed,
            spec=self.get(claimed.agent_version_id, spec),
            agent_name=agent_name,
            agent_version=agent_version,
            generation=claimed.generation,
            lease_until=columns["lease_until"],
        )


def expected(kind: str, key: object) -> Callable[[T | None], T]:
    """Makes a row that is not there a NotFoundError."""

    def found(row: T | None) -> T:
        if row is None:
            raise NotFoundError(kind, key)
        return row

    return found


def api_key(*, scopes: list[Any], **columns: Any) -> ApiKey:
    """A row of api_keys, less the hash."""
    return ApiKey(scopes=tuple(scopes), **columns)


def run(*, limits: Mapping[str, Any], waiting_for: Mapping[str, Any] | None, **columns: Any) -> Run:
    """A row of runs."""
    reason = None if waiting_for is None else WaitReason.model_validate(waiting_for)
    return Run(limits=RunLimits.model_validate(limits), waiting_for=reason, **columns)


def tool_version(*, tests: list[Mapping[str, Any]], label: Mapping[str, Any] | None, **columns: Any) -> ToolVersion:
    """A row of tool_versions."""
    return ToolVersion(tests=tuple(tests), label=None if label is None else Label.model_validate(label), **columns)


def tool_with_version(
    *,
    tool_name: str,
    tool_description: str,
    tool_active_version: int | None,
    tool_created_at: datetime,
    tool_updated_at: datetime,
    **columns: Any,
) -> tuple[Tool, ToolVersion]:
    """A row of tool_versions joined with its tool."""
    version = tool_version(**columns)
    tool = Tool(
        id=version.tool_id,
        tenant_id=version.tenant_id,
        name=tool_name,
        description=tool_description,
        active_version=tool_active_version,
        created_at=tool_created_at,
        updated_at=tool_updated_at,
    )
    return tool, version


def memory(*, label: Mapping[str, Any] | None, **columns: Any) -> Memory:
    """A row of memories."""
    return Memory(label=None if label is None else Label.model_validate(label), **columns)


def artifact_with_content(*, content: bytes, **columns: Any) -> tuple[Artifact, bytes]:
    """A row of artifacts."""
    return Artifact(**columns), content


def event(*, type: str, payload: Mapping[str, Any], **columns: Any) -> Event:  # noqa: A002 - a column's name
    """A row of events; the payload is stored without its type, which has a column."""
    return Event.model_validate({**columns, "type": type, "payload": {**payload, "type": type}})


def schedule(*, timing: Mapping[str, Any], **columns: Any) -> Schedule:
    """A row of schedules."""
    return Schedule(timing=_timing(timing), **columns)


def _timing(stored: Mapping[str, Any]) -> Timing:
    if stored["kind"] == "cron":
        # Not checked again: a zone that the time zone database lost must fail where it is used, not where it is read.
        return CronTiming.model_construct(**stored)
    return TIMING.validate_python(stored)


def webhook(*, events: list[str], **columns: Any) -> Webhook:
    """A row of webhooks, less the secrets."""
    return Webhook(events=tuple(events), **columns)


def taken_delivery(*, secret: str, previous_secret: str | None, **columns: Any) -> TakenDelivery:
    """A delivery joined with its webhook's address and valid secrets, the newest first."""
    return TakenDelivery(secrets=(secret, previous_secret) if previous_secret else (secret,), **columns)
