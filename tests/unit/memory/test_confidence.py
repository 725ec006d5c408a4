"""When a recall is not to be relied on."""

from uuid import uuid4

import pytest

from hortus_memory.ranking.confidence import ConfidencePolicy, measure_coverage
from hortus_memory.types import ScoredItem


def item(*, cosine: float | None = None, coverage: float = 0.0) -> ScoredItem:
    return ScoredItem(uuid4(), "", {}, 1.0, 1, None, cosine, coverage)


@pytest.mark.parametrize(
    ("items", "low"),
    [
        ([], True),
        ([item(cosine=0.1), item(cosine=None, coverage=0.5)], True),
        ([item(cosine=0.1), item(cosine=0.4)], False),
        ([item(cosine=None, coverage=0.7)], False),
    ],
)
def test_one_item_over_either_threshold_is_enough(items, low):
    assert ConfidencePolicy(min_cosine=0.4, min_coverage=0.7).is_low(items) is low


def test_what_fits_does_not_vouch_for_what_came_along():
    policy = ConfidencePolicy(floor=0.3, min_coverage=0.6)
    assert policy.may_fit(item(cosine=0.3))
    assert not policy.may_fit(item(cosine=0.29, coverage=0.5))
    assert policy.may_fit(item(cosine=None, coverage=0.6))
    assert not policy.may_fit(item(cosine=None))


def test_coverage_counts_distinct_query_terms():
    assert measure_coverage(["a", "a", "b"], ["b", "c"]) == 0.5
    assert measure_coverage([], ["b"]) == 0.0
