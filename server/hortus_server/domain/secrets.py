"""Credentials of tools: what is known of them without opening them."""

import re
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
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret without its value; `agent_id` None: every agent of the tenant that names it may use it."""

    id: SecretId
    tenant_id: TenantId
    name: str
    description: str
    agent_id: AgentId | None
    version: int
    created_at: datetime
    updated_at: datetime
    used_by: tuple[str, ...] = ()


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
