"""Secrets are stored sealed, in versions, for their tenant alone; a rotation may be broken off."""

import psycopg
import pytest
from psycopg import sql

from hortus_server.adapters.sealing import KeyRing, new_key
from hortus_server.cli.secrets_check import check_secret_hosts
from hortus_server.domain.audit import EVERY_ENTRY, Actor
from hortus_server.domain.errors import InvalidInputError, NotFoundError, UnavailableError
from hortus_server.ports.secrets import SealBrokenError
from hortus_server.services.keep_secrets import KeepSecrets, SecretDraft, SecretTerms
from hortus_server.services.rotate_secrets import RotateSecrets, Rotation

ANN = Actor("key", "k1", "ann")
ANY = SecretTerms(hosts=("*",))
OLD, NEW = new_key(), new_key()


async def opened(store, ring, tenant_id, *names):
    async with store.transaction(tenant_id) as uow:
        return [ring.open(version.sealed, version.place) for version in await uow.secret_seals.sealed(tenant_id, names)]


async def audited(store, tenant_id):
    async with store.transaction(tenant_id) as uow:
        found = await uow.audit.read_after(tenant_id, 0, limit=100, which=EVERY_ENTRY)
    return [(entry.action, entry.actor.name or entry.actor.id, entry.detail) for entry in found]


async def test_a_secret_has_versions_of_which_two_are_kept(store, world, other, database_settings):
    ring = KeyRing([NEW])
    keep = KeepSecrets(store, ring)
    for value in ("first-value", "second-value", "third-value"):
        secret = await keep.set(
            world.tenant_id,
            SecretDraft("TOKEN", value, SecretTerms(hosts=("ci.example.org",), description="CI")),
            by=ANN,
        )
    assert (secret.version, secret.description) == (3, "CI")
    assert await opened(store, ring, world.tenant_id, "TOKEN", "NONE") == ["third-value", "second-value"]
    assert await opened(store, ring, other.tenant_id, "TOKEN") == []
    with psycopg.connect(database_settings.url.get_secret_value()) as connection:
        (raw,) = connection.execute(
            "SELECT string_agg(v::text || s::text, '') FROM secret_versions v, secrets s"
        ).fetchone()
    assert "value" not in raw
    await keep.delete(world.tenant_id, "TOKEN", by=ANN)
    assert await opened(store, ring, world.tenant_id, "TOKEN") == []
    with pytest.raises(NotFoundError):
        await keep.delete(world.tenant_id, "TOKEN", by=ANN)
    acts = await audited(store, world.tenant_id)
    assert [(action, who) for action, who, _ in acts] == [("secret.set", "ann")] * 3 + [("secret.deleted", "ann")]
    assert acts[0][2] == {
        "name": "TOKEN", "version": 1, "key_id": ring.key_id, "agent_id": None, "hosts": ["ci.example.org"],
    }  # fmt: skip


async def test_a_new_value_keeps_hosts_and_agent_and_what_widens_them_is_told(store, world):
    keep, tenant_id = KeepSecrets(store, KeyRing([NEW])), world.tenant_id
    with pytest.raises(InvalidInputError, match="`hosts` is missing"):
        await keep.set(tenant_id, SecretDraft("TOKEN", "first-value"), by=ANN)
    narrow = SecretTerms(hosts=("A.org", "b.org:81"), description="CI", agent=world.agent.id)
    await keep.set(tenant_id, SecretDraft("TOKEN", "first-value", narrow), by=ANN)
    again = await keep.set(tenant_id, SecretDraft("TOKEN", "second-value"), by=ANN)
    kept = (("a.org", "b.org:81"), "CI", world.agent.id)
    assert (again.version, again.hosts, again.description, again.agent_id) == (2, *kept)
    await keep.change(tenant_id, "TOKEN", SecretTerms(hosts=("a.org",)), by=ANN)
    assert "secret.widened" not in [action for action, _, _ in await audited(store, tenant_id)]
    await keep.change(tenant_id, "TOKEN", SecretTerms(hosts=("*",)), by=ANN)
    wide = await keep.set(tenant_id, SecretDraft("TOKEN", "third-value", SecretTerms(every_agent=True)), by=ANN)
    assert (wide.version, wide.hosts, wide.agent_id) == (3, ("*",), None)
    told = [(d["hosts_before"], d["agent_id_before"], d["hosts"], d["agent_id"])
            for action, _, d in await audited(store, tenant_id) if action == "secret.widened"]  # fmt: skip
    agent = str(world.agent.id)
    assert told == [(["a.org"], agent, ["*"], agent), (["*"], agent, ["*"], None)]


async def test_rows_moved_to_another_tenant_do_not_open(store, world, other, database_settings):
    ring = KeyRing([NEW])
    await KeepSecrets(store, ring).set(world.tenant_id, SecretDraft("TOKEN", "first-value", ANY), by=ANN)
    with psycopg.connect(database_settings.url.get_secret_value(), autocommit=True) as connection:
        for table in ("secrets", "secret_versions"):
            moved = sql.SQL("UPDATE {} SET tenant_id = %s").format(sql.Identifier(table))
            connection.execute(moved, [other.tenant_id])
    with pytest.raises(SealBrokenError):
        await opened(store, ring, other.tenant_id, "TOKEN")


@pytest.mark.parametrize("value", ["short", "x" * 8_193, "line\nbreaks", " blanks at ends ", "nul\x00nul-nul"])
async def test_values_that_could_not_be_sent_or_blotted_out_are_refused_unquoted(store, world, value):
    with pytest.raises(InvalidInputError) as raised:
        await KeepSecrets(store, KeyRing([NEW])).set(world.tenant_id, SecretDraft("TOKEN", value, ANY), by=ANN)
    assert value not in str(raised.value)


async def test_without_a_key_nothing_is_stored(store, world):
    with pytest.raises(UnavailableError, match="HORTUS_SECRETS_KEY"):
        await KeepSecrets(store, None).set(world.tenant_id, SecretDraft("TOKEN", "first-value", ANY), by=ANN)
    assert await audited(store, world.tenant_id) == []


class PullsThePlug:
    """A sealer whose process dies after so many values."""

    def __init__(self, ring: KeyRing, after: int) -> None:
        self._ring = ring
        self._left = after
        self.key_id = ring.key_id
        self.seal = ring.seal
        self.open = ring.open

    def reseal(self, sealed, place):
        self._left -= 1
        if self._left < 0:
            raise ConnectionError
        return self._ring.reseal(sealed, place)


async def test_a_rotation_that_was_broken_off_goes_on_and_secrets_open_all_the_while(store, world, other):
    old, both = KeyRing([OLD]), KeyRing([NEW, OLD])
    names = [f"TOKEN_{number}" for number in range(7)]
    for tenant in (world, other):
        for name in names:
            await KeepSecrets(store, old).set(tenant.tenant_id, SecretDraft(name, f"value of {name}", ANY), by=ANN)
    with pytest.raises(ConnectionError):
        await RotateSecrets(store, PullsThePlug(both, 8), batch=3)()
    async with store.system_transaction() as uow:
        assert dict(await uow.secret_seals.keys_in_use()) == {old.key_id: 8, both.key_id: 6}
    values = [f"value of {name}" for name in names]
    assert await opened(store, both, world.tenant_id, *names) == values
    assert await RotateSecrets(store, both, batch=3)() == Rotation(resealed=8, broken=0)
    assert await RotateSecrets(store, both, batch=3)() == Rotation(resealed=0, broken=0)
    assert await opened(store, KeyRing([NEW]), world.tenant_id, *names) == values
    rotated = [
        detail["versions"] for action, _, detail in await audited(store, world.tenant_id) if action == "secrets.rotated"
    ]
    assert sum(rotated) == 7


async def test_what_a_rotation_cannot_open_stays_and_is_counted(store, world):
    lost = KeyRing([new_key()])
    for number in range(5):
        ring = lost if number < 3 else KeyRing([OLD])
        await KeepSecrets(store, ring).set(world.tenant_id, SecretDraft(f"T{number}", "some-value", ANY), by=ANN)
    assert await RotateSecrets(store, KeyRing([NEW, OLD]), batch=2)() == Rotation(resealed=2, broken=3)
    assert await opened(store, lost, world.tenant_id, "T0") == ["some-value"]


async def test_doctor_warns_of_secrets_that_may_go_anywhere_before_the_migration_too(
    store, world, database_settings, monkeypatch
):
    url = database_settings.url.get_secret_value()
    monkeypatch.setenv("HORTUS_DATABASE_URL", url)
    keep = KeepSecrets(store, KeyRing([NEW]))
    await keep.set(world.tenant_id, SecretDraft("BOUND", "first-value", SecretTerms(hosts=("a.org",))), by=ANN)
    assert (await check_secret_hosts()).outcome == "ok"
    await keep.set(world.tenant_id, SecretDraft("ANYWHERE", "first-value", ANY), by=ANN)
    check = await check_secret_hosts()
    assert (check.outcome, check.detail[:1], "secrets change" in check.mend) == ("warn", "1", True)
    # As before migration 0021, and back: the next test gets the same database.
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE secrets RENAME COLUMN hosts TO hosts_of_later")
        try:
            assert (await check_secret_hosts()).detail[:1] == "2"
        finally:
            connection.execute("ALTER TABLE secrets RENAME COLUMN hosts_of_later TO hosts")
