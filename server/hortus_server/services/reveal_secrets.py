"""The secrets of one run: opened for its outgoing calls, and blotted out of everything that comes back."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from yarl import URL

from hortus_agents.errors import ToolDeniedError, ToolFailedError
from hortus_agents.events import NewEvent
from hortus_agents.tools.grants import host_allowed
from hortus_agents.tools.redaction import Redactor
from hortus_server.domain.errors import HortusError, UnavailableError
from hortus_server.domain.ids import AgentId, TenantId
from hortus_server.domain.records import Claim
from hortus_server.domain.secrets import ANYWHERE, SealedVersion
from hortus_server.ports.secrets import SealBrokenError, Sealer
from hortus_server.ports.store import Store

log = structlog.get_logger()

MAX_TENANTS: Final = 1_000
MAX_VALUES: Final = 1_000  # of a tenant
MAX_LOGGED: Final = 1_000  # values that are looked for in every line of the log
FRESH_S: Final = 5.0
NOTHING: Final = Redactor(())


@dataclass(slots=True)
class RevealedSecrets:
    """The values that this process has opened, tenant by tenant; those that were needed last are remembered.

    A tenant's texts are searched for its own values only: others' must not be told by what is blotted out.
    """

    _values: OrderedDict[TenantId, dict[str, None]] = field(default_factory=OrderedDict)
    _redactors: dict[TenantId, Redactor] = field(default_factory=dict)
    _logged: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _logs: Redactor = NOTHING

    def note(self, tenant_id: TenantId, values: Sequence[str]) -> Redactor:
        """From now on these are blotted out of the tenant's texts, and out of all logs."""
        if not values:
            return self.of(tenant_id)
        known = self._values.setdefault(tenant_id, {})
        self._values.move_to_end(tenant_id)
        if len(self._values) > MAX_TENANTS:
            self._redactors.pop(self._values.popitem(last=False)[0], None)
        if not known.keys() >= set(values):
            # A value stays known when its secret is deleted or set anew: runs under way may still hold it.
            _remember(known, values, most=MAX_VALUES)
            self._redactors[tenant_id] = Redactor(known)
            _remember(self._logged, values, most=MAX_LOGGED)
            self._logs = Redactor(self._logged)
        return self._redactors.get(tenant_id, NOTHING)

    def of(self, tenant_id: TenantId) -> Redactor:
        """What blots the tenant's values out."""
        return self._redactors.get(tenant_id, NOTHING)

    def in_log(self, text: str) -> str:
        """A text of the log without any value that was opened here."""
        return self._logs.text(text)

    def in_events(self, tenant_id: TenantId, events: Sequence[NewEvent]) -> Sequence[NewEvent]:
        """A run's events without the values of its tenant."""
        redactor = self.of(tenant_id)
        return events if redactor.empty else [_redacted(event, redactor) for event in events]


def _remember(known: dict[str, None], values: Sequence[str], *, most: int) -> None:
    for value in values:
        known.pop(value, None)
        known[value] = None
    for oldest in list(known)[: max(len(known) - most, 0)]:
        del known[oldest]


@dataclass(frozen=True, slots=True)
class SecretUser:
    """The run that uses secrets, for its agent, in its tenant; `names` are those that the agent's definition names."""

    tenant_id: TenantId
    agent_id: AgentId
    names: tuple[str, ...]

    @classmethod
    def of(cls, claim: Claim) -> "SecretUser":
        """A claimed run."""
        run = claim.run
        names = tuple(sorted({entry.secret for entry in claim.spec.http_headers}))
        return cls(run.tenant_id, run.agent_id, names)


@dataclass(slots=True)
class RunSecrets:
    """See `SecretSource`. Values are looked up again after `FRESH_S` seconds, so that a new version soon counts."""

    store: Store
    sealer: Sealer | None
    revealed: RevealedSecrets
    user: SecretUser
    _opened: dict[str, str] = field(default_factory=dict)
    _refused: dict[str, str] = field(default_factory=dict)
    _hosts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _redactor: Redactor | None = None
    _looked_at: float | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # one look-up at a time

    async def reveal(self, name: str, *, url: URL) -> str:
        """See the port."""
        try:
            await self._look()
        except UnavailableError as error:
            raise ToolFailedError(f"the secret {name} cannot be used now: {error}") from error
        value = self._opened.get(name)
        if value is None:
            reason = self._refused.get(name, "there is no such secret")
            raise ToolFailedError(f"the secret {name} cannot be used: {reason}; the call was not made")
        hosts = self._hosts[name]
        if ANYWHERE not in hosts and not host_allowed(url, hosts):
            raise ToolDeniedError(
                f"the secret {name} may not be sent to {url.host_port_subcomponent}, which is none of the hosts that "
                "it is bound to; the call was not made"
            )
        return value

    async def redact(self, text: str) -> str:
        """See the port; a text is withheld where a value that may stand in it cannot be opened."""
        if not self.user.names:
            return self.revealed.of(self.user.tenant_id).text(text)
        try:
            await self._look()
        except HortusError as error:
            log.warning("redaction_unavailable", error=str(error))
            return _withheld(", ".join(self.user.names), str(error))
        if self._redactor is None:
            name, reason = next(iter(self._refused.items()))
            return _withheld(name, reason)
        return self._redactor.text(text)

    def holds(self, arguments: Mapping[str, Any]) -> bool:
        """See the port."""
        redactor = self.revealed.of(self.user.tenant_id)
        return not redactor.empty and redactor.tree(dict(arguments)) != arguments

    async def _look(self) -> None:
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if self._looked_at is not None and now - self._looked_at < FRESH_S:
                return
            async with self.store.transaction(self.user.tenant_id) as uow:
                versions = await uow.secret_seals.sealed(self.user.tenant_id, self.user.names)
            self._open(versions)
            self._looked_at = now

    def _open(self, versions: Sequence[SealedVersion]) -> None:
        self._opened, self._refused = {}, {}
        self._hosts = {version.name: version.hosts for version in versions}
        values: list[str] = []
        unopened = False
        for version in versions:
            newest = version.name not in self._opened and version.name not in self._refused
            if version.agent_id not in {None, self.user.agent_id}:
                self._refused[version.name] = "it belongs to another agent"
                continue
            try:
                value = self._value(version)
            except SealBrokenError as error:
                # Not worth a traceback, nor that old values hold up new ones.
                log.warning("secret_not_opened", name=version.name, version=version.version, error=str(error))
                if newest:
                    unopened = True
                    self._refused = {version.name: str(error), **self._refused}
                continue
            values.append(value)
            if newest:
                self._opened[version.name] = value
        redactor = self.revealed.note(self.user.tenant_id, values)
        self._redactor = None if unopened else redactor

    def _value(self, version: SealedVersion) -> str:
        if self.sealer is None:
            raise SealBrokenError("this server has no key for secrets (HORTUS_SECRETS_KEY)")
        return self.sealer.open(version.sealed, version.place)


def _withheld(name: str, reason: str) -> str:
    return f"[withheld: the secret {name}, which might stand in this text, cannot be used: {reason}]"


def _redacted(event: NewEvent, redactor: Redactor) -> NewEvent:
    payload = event.payload
    content = payload.model_dump(mode="json")
    redacted = redactor.tree(content)
    if "partial_output" in redacted:
        redacted["partial_output"] = redactor.cut(redacted["partial_output"])
    if redacted == content:
        return event
    return event.model_copy(update={"payload": type(payload).model_validate(redacted)})
