"""Credentials of tools: what is known of them without opening them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hortus_server.domain.errors import InvalidInputError
from hortus_server.domain.ids import AgentId, SecretId, TenantId

SHORTEST: Final = 8
"""Characters: what is shorter could not be blotted out of texts without spoiling them."""
LONGEST: Final = 8_192
MOST: Final = 200
"""Of a tenant: every text that leaves a run is searched for all of them."""
MOST_HOSTS: Final = 50
ANYWHERE: Final = "*"
"""In place of hosts: a secret may be sent to whatever host an agent's definition names."""
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_HOST: Final = re.compile(r"(?:[^\s\x00-\x1f\x7f/?#@*:\[\]\\%]{1,253}|\[[0-9a-f:.]{2,45}\])(?::([1-9][0-9]{0,4}))?")
_LAST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret without its value; `agent_id` None: every agent of the tenant that names it may use it.

    `hosts` are all that it may be sent to, as `http_allow` names them; ANYWHERE is any, none is nowhere.
    """

    id: SecretId
    tenant_id: TenantId
    name: str
    description: str
    agent_id: AgentId | None
    hosts: tuple[str, ...]
    version: int
    created_at: datetime
    updated_at: datetime
    used_by: tuple[str, ...] = ()

    def wider_than(self, before: "Secret") -> bool:
        """Whether it may be sent to a host, or used by an agent, that was kept from it before."""
        to_more = ANYWHERE not in before.hosts and not set(self.hosts) <= set(before.hosts)
        return to_more or before.agent_id not in {None, self.agent_id}


@dataclass(frozen=True, slots=True)
class SealedValue:
    """A value under a data key, the data key under the key named `key_id`."""

    value: bytes
    key: bytes
    key_id: str


@dataclass(frozen=True, slots=True)
class SealedVersion:
    """One version of a secret, as it is stored."""

    secret_id: SecretId
    tenant_id: TenantId
    name: str
    agent_id: AgentId | None
    hosts: tuple[str, ...]
    version: int
    sealed: SealedValue

    @property
    def place(self) -> str:
        """What it is sealed to: bytes moved to another tenant, secret or version do not open."""
        return sealing_place(self.tenant_id, self.secret_id, self.version)


def sealing_place(tenant_id: TenantId, secret_id: SecretId, version: int) -> str:
    """The place that a sealed value belongs to."""
    return f"hortus-secret-1/{tenant_id}/{secret_id}/{version}"


def check_name(name: str) -> str:
    """The name itself. Raises InvalidInputError."""
    if not _NAME.fullmatch(name):
        raise InvalidInputError("a secret's name has 1 to 64 letters, digits and `_`, and begins with a letter")
    return name


def check_value(value: str) -> str:
    """The value itself. Raises InvalidInputError, which does not quote it."""
    if not SHORTEST <= len(value) <= LONGEST:
        raise InvalidInputError(f"a secret has {SHORTEST} to {LONGEST} characters")
    if _CONTROL.search(value) or value != value.strip():
        raise InvalidInputError("a secret holds no line breaks or control characters, and no blanks at its ends")
    return value


def check_hosts(hosts: Sequence[str]) -> tuple[str, ...]:
    """Each once, in small letters. Raises InvalidInputError, which says what a host looks like."""
    checked = tuple(dict.fromkeys(host.strip().lower() for host in hosts))
    if checked == (ANYWHERE,):
        return checked
    if len(checked) > MOST_HOSTS:
        raise InvalidInputError(f"a secret has at most {MOST_HOSTS} hosts")
    for host in checked:
        found = _HOST.fullmatch(host)
        if found is None or int(found[1] or 1) > _LAST_PORT:
            raise InvalidInputError(
                f"{host[:100]!r} is no host: `name` for the scheme's own port, or `name:port`; `*` alone is any"
            )
    return checked
