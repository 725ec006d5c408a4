"""Does anything that was found fit the query?

Rank fusion always returns something, and its scores mean nothing across queries, so confidence is judged on
two measures that do: the cosine of the dense vectors (same meaning) and the share of the query's content words
that the text holds (same words; catches identifiers that a dense model does not know). One item that reaches
either threshold is enough.

The defaults were measured with all-MiniLM-L6-v2 int8. LoCoMo (320 questions over single turns of four
conversations, best of five items): own conversation kept 100 %, another conversation of the same kind 29 %;
cosine 0.45 gives 99 % and 10 %. Narrated episodes against task texts lie lower: related tasks 0.44 to 0.59,
unrelated ones below 0.25. Hence 0.4, and a second look by the agent.

One item that fits does not vouch for the others: a young memory holds little, so that the nearest five are nearly all
of it. Each item has to reach a floor of its own. 25 narrated tasks of 12 kinds against each other (28 related pairs,
572 unrelated), evidence among the best five of 160 LoCoMo questions, and how many of four unrelated episodes came along
with a related one:

    floor   related kept   unrelated kept   evidence kept   came along
    none    100 %          -                100 %           3.14
    0.25    100 %          4.7 %            100 %           0.17
    0.30    100 %          2.1 %            100 %           0.07
    0.35    96 %           0.9 %            99 %            0.04
    0.40    93 %           0.3 %            96 %            0.01

Hence 0.3. Three unrelated episodes alone pass the threshold of 0.4 in 2 of 1,000 young memories.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hortus_memory.types import ScoredItem


@dataclass(frozen=True, slots=True)
class ConfidencePolicy:
    """Thresholds; the default cosines suit all-MiniLM-L6-v2, other models need their own."""

    min_cosine: float = 0.4
    min_coverage: float = 0.6
    floor: float = 0.3

    def may_fit(self, item: ScoredItem) -> bool:
        """Whether this item may be shown beside one that is relied on."""
        return (item.cosine is not None and item.cosine >= self.floor) or item.coverage >= self.min_coverage

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
