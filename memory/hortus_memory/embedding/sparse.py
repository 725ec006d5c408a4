"""Sparse word vectors whose dot product is BM25 once the index multiplies the inverse document frequency in.

Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009). The index
stores the saturated, length-normalised term frequency; a query weighs each distinct word 1; the collection's
IDF modifier supplies the rest. The average length is a constant, because a true average would make stored
weights stale as the collection grows.

Words are stemmed (Snowball English). Compounds such as ``ERR-4012``, ``foo_bar`` or ``v1.2.3`` count as a
whole, unstemmed, and by their parts, since identifiers are what dense models miss.
"""

import re
import threading
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import snowballstemmer

SPARSE_ENCODER_ID = "bm25-snowball-en-1"
"""Changes whenever the same text would give other indices or weights."""

_WORD = re.compile(r"\w+(?:[-./:@']\w+)*")
_PART = re.compile(r"[^\W_]+")
_MAX_WORD_CHARS = 64
_STOP_WORDS = frozenset(
    """a about after all also am an and any are as at be because been before being but by can could did do does
    doing done for from had has have having he her here hers him his how i if in into is it its just me more most
    my no nor not now of on once only or our ours out over own please same she should so some such than that the
    their theirs them then there these they this those through to too under until up us very was we were what
    when where which while who whom whose why will with would you your yours""".split()  # noqa: SIM905 - a list literal of 130 words would be unreadable
)
_stemmer = snowballstemmer.stemmer("english")
_stemmer_lock = threading.Lock()  # protects _stemmer, which keeps the word under work in itself


@dataclass(frozen=True, slots=True)
class SparseVector:
    """Distinct u32 indices with a weight each."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


@lru_cache(maxsize=65_536)
def _stem(word: str) -> str:
    with _stemmer_lock:
        return str(_stemmer.stemWord(word))


@lru_cache(maxsize=65_536)
def _index(term: str) -> int:
    return int.from_bytes(blake2b(term.encode(), digest_size=4).digest(), "big")


def split_terms(text: str) -> list[str]:
    """Index terms of a text in order, with repetitions; stop words left out."""
    terms: list[str] = []
    for found in _WORD.finditer(unicodedata.normalize("NFKC", text).lower()):
        word = found.group()[:_MAX_WORD_CHARS]
        parts = _PART.findall(word)
        if len(parts) > 1 and not (len(parts) == 2 and "'" in word):  # noqa: PLR2004 - "don't" is no compound
            terms.append(word)
        terms.extend(_stem(part) for part in parts if part not in _STOP_WORDS and (len(part) > 1 or part.isdigit()))
    return terms


def encode_document(
    text: str, *, saturation: float = 1.2, length_weight: float = 0.75, average_terms: float = 128.0
) -> SparseVector:
    """Weights of a text to be found: BM25 with k1 `saturation`, b `length_weight`, average length in terms."""
    counts = Counter(_index(term) for term in split_terms(text))
    length = sum(counts.values())
    norm = saturation * (1 - length_weight + length_weight * length / average_terms)
    weights = {index: count * (saturation + 1) / (count + norm) for index, count in counts.items()}
    return SparseVector(tuple(weights), tuple(weights.values()))


def encode_query(text: str) -> SparseVector:
    """Weight 1 for each distinct term of a query."""
    indices = tuple(dict.fromkeys(_index(term) for term in split_terms(text)))
    return SparseVector(indices, (1.0,) * len(indices))
