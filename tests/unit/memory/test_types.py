"""Values refuse what would go wrong silently later."""

import pytest

from hortus_memory.types import Match


@pytest.mark.parametrize("values", [(), (True,), ("a", False)])
def test_match_needs_values_that_every_index_can_match(values):
    with pytest.raises(ValueError, match="a match on 'kind'"):
        Match("kind", values)
