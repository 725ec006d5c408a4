"""What `hortus doctor` says of the key that seals secrets."""

import os
import stat
from pathlib import Path

from pydantic import SecretStr, ValidationError

from hortus_server.adapters.embedded import postgres
from hortus_server.adapters.embedded.doctor import Check
from hortus_server.adapters.embedded.plan import SECRETS_KEY, EmbeddedOptions
from hortus_server.adapters.embedded.ports import PortBook
from hortus_server.adapters.embedded.postgres import EmbeddedPostgres
from hortus_server.adapters.postgres.store import PostgresStore
from hortus_server.adapters.sealing import KeyRing
from hortus_server.domain.errors import HortusError
from hortus_server.settings import DatabaseSettings, SecretsEnvironment

NAME = "secrets key"
OTHERS = stat.S_IRWXG | stat.S_IRWXO
CONNECT_S = 2.0
KEEP = "keep a copy of it apart from the database's backups: without it no secret can be opened"


async def check_secrets_key() -> Check:
    """Whether there is a key, whether others can read it, and whether it opens what is stored."""
    options = EmbeddedOptions.from_environment(os.environ)
    try:
        settings = SecretsEnvironment().secrets
    except ValidationError as error:
        return Check(name=NAME, outcome="fail", detail=f"{error.error_count()} settings are wrong", mend="correct them")
    own = options.home.root / "secrets" / SECRETS_KEY
    file = settings.key_file or (own if own.is_file() and settings.key is None else None)
    try:
        ring = KeyRing.load(settings.key.get_secret_value() if settings.key else None, file)
    except HortusError as error:
        return Check(name=NAME, outcome="fail", detail=str(error), mend="correct HORTUS_SECRETS_KEY or its file")
    if ring is None:
        made = "`hortus up` makes one, or set HORTUS_SECRETS_KEY to what `hortus secrets new-key` prints"
        return Check(name=NAME, outcome="warn", detail="none: secrets cannot be stored", mend=made)
    if settings.key is None and file is not None and _others_may_read(file):
        return Check(name=NAME, outcome="fail", detail=f"others may read {file}", mend=f"chmod 600 {file}")
    return await _against_database(ring, options)


def _others_may_read(file: Path) -> bool:
    return bool(file.stat().st_mode & OTHERS)


async def _against_database(ring: KeyRing, options: EmbeddedOptions) -> Check:
    keys = len(ring.key_ids)
    held = f"{ring.key_id}" if keys == 1 else f"{ring.key_id} and {keys - 1} older"
    in_use = await _keys_in_use(options)
    if in_use is None:
        return Check(name=NAME, outcome="ok", detail=f"{held}; the database was not asked")
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


async def _keys_in_use(options: EmbeddedOptions) -> dict[str, int] | None:
    url = options.external.get("HORTUS_DATABASE_URL") or await _embedded_url(options)
    if url is None:
        return None
    settings = DatabaseSettings(url=SecretStr(url), connect_timeout_s=CONNECT_S, pool_size=1)
    try:
        store = await PostgresStore.open(settings, application_name="hortus-doctor")
    except HortusError:
        return None
    try:
        async with store.system_transaction() as uow:
            return dict(await uow.secret_seals.keys_in_use())
    finally:
        await store.close()


async def _embedded_url(options: EmbeddedOptions) -> str | None:
    port = PortBook(options.home.run / "ports.json").get(postgres.NAME)
    return None if port is None else (await EmbeddedPostgres.at(options.home, port)).dsn
