"""Which tenant comes next."""

import random
from collections import Counter
from uuid import UUID

from hortus_server.domain import admission
from hortus_server.domain.admission import BATCH, INTERACTIVE, RETURNING, FairShare, WaitingTenant
from hortus_server.domain.ids import TenantId


def tenant(number: int, *, weight: int = 1, rank: int = INTERACTIVE) -> WaitingTenant:
    return WaitingTenant(rank, TenantId(UUID(int=number)), weight, limited=False)


def serve(share: FairShare, *waiting: WaitingTenant) -> WaitingTenant:
    first = share.order(waiting)[0]
    share.served(first)
    return first


def test_backlogs_are_served_by_weight():
    share = FairShare(0.0, random.Random(1).random)
    heavy, light = tenant(1, weight=3), tenant(2)
    served = Counter(serve(share, heavy, light).weight for _ in range(400))
    assert served[3] in range(299, 302)


def test_workers_that_take_few_runs_each_keep_the_proportion_together():
    seeds = random.Random(7)
    heavy, light = tenant(1, weight=3), tenant(2)
    rounds = Counter()
    for _ in range(1000):
        share = FairShare(0.0, random.Random(seeds.random()).random)
        rounds.update(serve(share, heavy, light).weight for _ in range(4))
    assert 0.73 < rounds[3] / 4000 < 0.77


def test_one_run_of_a_newcomer_waits_for_a_round_at_most():
    share = FairShare(0.0, random.Random(3).random)
    crowd = [tenant(number) for number in range(1, 6)]
    for _ in range(500):
        serve(share, *crowd)
    newcomer = tenant(9)
    waited = 0
    while serve(share, *crowd, newcomer) is not newcomer:
        waited += 1
    assert waited <= len(crowd)


def test_who_was_away_gets_no_credit():
    share = FairShare(0.0, random.Random(4).random)
    here, away = tenant(1), tenant(2)
    serve(share, here, away)
    for _ in range(100):
        serve(share, here)
    served = Counter(serve(share, here, away).tenant_id.int for _ in range(20))
    assert served[1] in range(9, 12)


def test_what_comes_back_goes_first_and_batch_has_a_share_of_its_own():
    share = FairShare(0.25, random.Random(5).random)
    back, new, bulk = tenant(1, rank=RETURNING), tenant(2), tenant(3, rank=BATCH)
    assert {share.order([bulk, new, back])[0] for _ in range(50)} == {back}
    firsts = Counter(share.order([bulk, new])[0].rank for _ in range(2000))
    assert 0.2 < firsts[BATCH] / 2000 < 0.3
    strict = FairShare(0.0, random.Random(6).random)
    assert {strict.order([bulk, new])[0] for _ in range(50)} == {new}


def test_tenants_that_are_seen_and_never_served_are_forgotten_too(monkeypatch):
    monkeypatch.setattr(admission, "REMEMBERED", 50)
    share = FairShare(0.0, random.Random(8).random)
    for look in range(20):
        waiting = [tenant(number) for number in range(look * 40 + 1, look * 40 + 41)]
        assert len({one.tenant_id for one in share.order(waiting)}) == 40
        assert len(share._turns[INTERACTIVE].tags) <= 50
