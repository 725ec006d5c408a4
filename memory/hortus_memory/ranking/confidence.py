"""Does anything that was found fit the query?

Rank fusion always returns something, and its scores mean nothing across queries, so confidence is judged on
two measures that do: the cosine of the dense vectors (same meaning) and the share of the query's content words
that the text holds (same words; catches identifiers that a dense model does not know). One item that reaches
either threshold is enough.

The defaults were measured with all-MiniLM-L6-v2 int8. LoCoMo (320 questions over single turns of four
conversations, best of five items): own conversation kept 100 %, another conversation of the same kind 29 %;
cosine 0.45 gives 99 % and 10 %. Narrated episodes against task texts lie lower: related tasks 0.44 to 0.59,
unrelated ones below 0.25. Hence 0.4, and a second look by the agent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hortus_memory.types import ScoredItem


@dataclass(frozen=True, slots=True)
class ConfidencePolicy:
    """Thresholds; the default cosine suits all-MiniLM-L6-v2, other models need their own."""

    min_cosine: float = 0.4
    min_coverage: float = 0.6

    def supports(self, item: ScoredItem) -> bool:
        """Whether this item alone justifies relying on the recall."""
        return (item.cosine is not None and item.cosine >= self.min_cosine) or item.coverage >= self.min_coverage

    def is_low(self, items: Sequence[ScoredItem]) -> bool:
        """Whether no item does, so that the agent should abstain or look elsewhere."""
        return not any(self.supports(item) for item in items)


def measure_coverage(query_terms: Sequence[str], text_terms: Sequence[str]) -> float:
    """Share in [0, 1] of the distinct query terms that the text contains; 0 for a query without terms."""
    wanted = set(query_terms)
    return len(wanted & set(text_terms)) / len(wanted) if wanted else 0.0
