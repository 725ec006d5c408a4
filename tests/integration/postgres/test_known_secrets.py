"""What a process knows of a tenant's secrets, and when."""

import asyncio

import pytest

from hortus_agents.tools.redaction import BLOTTED
from hortus_server.adapters.sealing import KeyRing, new_key
from hortus_server.domain import secrets
from hortus_server.domain.audit import SYSTEM
from hortus_server.domain.errors import ConflictError, UnavailableError
from hortus_server.services import keep_secrets, know_secrets
from hortus_server.services.keep_secrets import KeepSecrets, SecretDraft, SecretTerms
from hortus_server.services.know_secrets import KnowSecrets
from hortus_server.services.reveal_secrets import RevealedSecrets

RING = KeyRing([new_key()])
ANY = SecretTerms(hosts=("*",))


async def keep(world, name: str, value: str) -> None:
    await KeepSecrets(world.store, RING).set(world.tenant_id, SecretDraft(name, value, ANY), by=SYSTEM)


def knowing(world, ring: KeyRing | None = RING) -> KnowSecrets:
    return KnowSecrets(world.store, ring, RevealedSecrets())


async def test_all_of_a_tenants_secrets_are_known_and_none_of_anothers(world, other):
    await keep(world, "ONE", "value-of-one")
    await keep(world, "TWO", "value-of-two")
    await keep(other, "ONE", "value-of-another")
    known = knowing(world)
    text = "value-of-one value-of-two value-of-another"
    assert (await known.of(world.tenant_id)).text(text) == f"{BLOTTED} {BLOTTED} value-of-another"
    assert (await known.of(other.tenant_id)).text(text) == f"value-of-one value-of-two {BLOTTED}"
    assert known.revealed.in_log(text) == " ".join([BLOTTED] * 3)


@pytest.fixture
def always_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(know_secrets, "FRESH_S", 0.0)


@pytest.mark.usefixtures("always_looking")
async def test_a_new_value_is_known_at_the_next_look_and_an_old_one_stays_so(world):
    known = knowing(world)
    assert (await known.of(world.tenant_id)).empty
    for number in range(4):
        await keep(world, "ONE", f"value-number-{number}")
        await known.of(world.tenant_id)
    redactor = await known.of(world.tenant_id)
    assert redactor.text("value-number-0 value-number-3") == f"{BLOTTED} {BLOTTED}"
    await KeepSecrets(world.store, RING).delete(world.tenant_id, "ONE", by=SYSTEM)
    assert (await known.of(world.tenant_id)).text("value-number-3") == BLOTTED


async def test_many_runs_at_once_make_one_look(world, monkeypatch):
    await keep(world, "ONE", "value-of-one")
    known, looks = knowing(world), 0
    open_transaction = type(world.store).transaction

    def counted(*arguments, **options):
        nonlocal looks
        looks += 1
        return open_transaction(*arguments, **options)

    monkeypatch.setattr(type(world.store), "transaction", counted)
    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(known.of(world.tenant_id))
    assert looks == 1


@pytest.mark.parametrize("ring", [None, KeyRing([new_key()])])
async def test_what_does_not_open_is_unknown_and_stops_no_run(world, ring):
    await keep(world, "ONE", "value-of-one")
    assert (await knowing(world, ring).of(world.tenant_id)).empty


@pytest.mark.usefixtures("always_looking")
async def test_a_database_that_is_away_stops_who_never_looked_and_nobody_else(world, monkeypatch):
    await keep(world, "ONE", "value-of-one")
    known = knowing(world)
    await known.of(world.tenant_id)

    def away(*_arguments, **_options):
        raise UnavailableError("postgresql", "it is away")

    monkeypatch.setattr(type(world.store), "transaction", away)
    assert (await known.of(world.tenant_id)).text("value-of-one") == BLOTTED
    with pytest.raises(UnavailableError):
        await knowing(world).of(world.tenant_id)


async def test_a_tenant_keeps_a_bounded_number_of_secrets(world, monkeypatch):
    assert secrets.MOST == 200
    monkeypatch.setattr(keep_secrets, "MOST", 2)
    await keep(world, "ONE", "value-of-one")
    await keep(world, "TWO", "value-of-two")
    with pytest.raises(ConflictError, match="at most 2 secrets"):
        await keep(world, "THREE", "value-of-three")
    await keep(world, "TWO", "another-value")
