"""What `hortus doctor` says of the key that seals secrets."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from hortus_server.adapters.embedded.doctor import Check
from hortus_server.adapters.embedded.plan import SECRETS_KEY, EmbeddedOptions
from hortus_server.adapters.postgres.store import PostgresStore
from hortus_server.adapters.sealing import KeyRing
from hortus_server.cli.client import CommandError
from hortus_server.cli.direct import find_database
from hortus_server.domain.errors import HortusError
from hortus_server.security_settings import SecretsSettings
from hortus_server.settings import SecretsEnvironment

NAME = "secrets key"
HOSTS_NAME = "secrets' hosts"
OTHERS = stat.S_IRWXG | stat.S_IRWXO
CONNECT_S = 2.0
KEEP = "keep a copy of it apart from the database's backups: without it no secret can be opened"


async def check_secrets_key() -> Check:
    """Whether there is a key, whether others can read it, and whether it opens what is stored."""
    try:
        settings = SecretsEnvironment().secrets
    except ValidationError as error:
        return Check(name=NAME, outcome="fail", detail=f"{error.error_count()} settings are wrong", mend="correct them")
    file = settings.key_file or own_key_file(settings)
    try:
        ring = KeyRing.load(settings.key.get_secret_value() if settings.key else None, file)
    except HortusError as error:
        return Check(name=NAME, outcome="fail", detail=str(error), mend="correct HORTUS_SECRETS_KEY or its file")
    if ring is None:
        made = "`hortus up` makes one, or set HORTUS_SECRETS_KEY to what `hortus secrets new-key` prints"
        return Check(name=NAME, outcome="warn", detail="none: secrets cannot be stored", mend=made)
    if settings.key is None and file is not None and _others_may_read(file):
        return Check(name=NAME, outcome="fail", detail=f"others may read {file}", mend=f"chmod 600 {file}")
    return await _against_database(ring)


async def check_secret_hosts() -> Check:
    """Whether there are secrets that whoever writes agents may have sent anywhere."""
    stored = await _ask_database()
    if stored is None:
        return Check(name=HOSTS_NAME, outcome="ok", detail="the database was not asked")
    if stored.unbound:
        detail = f"{stored.unbound} may be sent to any host that an agent's definition names (`hortus secrets list`: *)"
        mend = "`hortus secrets change NAME --host HOST` binds one to the hosts that it is for"
        return Check(name=HOSTS_NAME, outcome="warn", detail=detail, mend=mend)
    return Check(name=HOSTS_NAME, outcome="ok", detail="each is bound to its own")


def own_key_file(settings: SecretsSettings) -> Path | None:
    """The key file that `hortus up` made, where no other key is given."""
    own = EmbeddedOptions.from_environment(os.environ).home.root / "secrets" / SECRETS_KEY
    return own if settings.key is None and settings.key_file is None and own.is_file() else None


def _others_may_read(file: Path) -> bool:
    return bool(file.stat().st_mode & OTHERS)


async def _against_database(ring: KeyRing) -> Check:
    keys = len(ring.key_ids)
    held = f"{ring.key_id}" if keys == 1 else f"{ring.key_id} and {keys - 1} older"
    stored = await _ask_database()
    if stored is None:
        return Check(name=NAME, outcome="ok", detail=f"{held}; the database was not asked")
    in_use = stored.in_use
    lost = {key_id: count for key_id, count in in_use.items() if key_id not in ring.key_ids}
    if lost:
        detail = ", ".join(f"{count} values are under {key_id}" for key_id, count in lost.items())
        mend = "add that key, or set them anew"
        return Check(
            name=NAME, outcome="fail", detail=f"{detail}, which is missing", mend="add that key, or set them anew"
        )
    old = sum(count for key_id, count in in_use.items() if key_id != ring.key_id)
    if old:
        mend = "run `hortus secrets rotate`"
        return Check(name=NAME, outcome="warn", detail=f"{held}; {old} values are under older keys", mend=mend)
    return Check(name=NAME, outcome="ok", detail=f"{held}; {KEEP}")


@dataclass(frozen=True, slots=True)
class _Stored:
    """Versions under each key, and secrets that may go anywhere."""

    in_use: dict[str, int]
    unbound: int


async def _ask_database() -> _Stored | None:
    try:
        found = await find_database()
        settings = found.model_copy(update={"connect_timeout_s": CONNECT_S, "pool_size": 1})
        store = await PostgresStore.open(settings, application_name="hortus-doctor")
    except (CommandError, HortusError, ValidationError):
        return None
    try:
        async with store.system_transaction() as uow:
            return _Stored(dict(await uow.secret_seals.keys_in_use()), await uow.secret_seals.unbound())
    finally:
        await store.close()
