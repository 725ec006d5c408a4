"""A deterministic embedder without a model, for tests and for the scripted model server.

Feature hashing after Weinberger et al., "Feature Hashing for Large Scale Multitask Learning" (2009): each
stemmed term adds +1 or -1 to one coordinate. Similar words give similar vectors, similar meanings do not:
never use it where recall quality matters.
"""

import math
from collections.abc import Sequence
from hashlib import blake2b

from hortus_memory.embedding.sparse import split_terms


def hash_vector(text: str, dimension: int) -> list[float]:
    """A unit vector of the text's terms; a text without terms gives the first unit vector."""
    vector = [0.0] * dimension
    for term in split_terms(text):
        digest = int.from_bytes(blake2b(term.encode(), digest_size=8, person=b"hortus").digest(), "big")
        vector[(digest >> 1) % dimension] += 1.0 if digest & 1 else -1.0
    length = math.sqrt(sum(value * value for value in vector))
    if length == 0.0:
        vector[0] = 1.0
        return vector
    return [value / length for value in vector]


class HashEmbedder:
    """Embeds by feature hashing; the same text gives the same vector in every process."""

    def __init__(self, dimension: int = 256) -> None:
        self._dimension = dimension

    @property
    def model_id(self) -> str:
        """Distinct per dimension."""
        return f"hash-{self._dimension}"

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        return self._dimension

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector per text."""
        return [hash_vector(text, self._dimension) for text in texts]
