"""Deterministic stand-ins for a tokenizer and a prefix cache."""

import re
from collections import OrderedDict
from functools import lru_cache
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(r"\s*\S{1,6}|\s+")
_CHARS_PER_TOKEN: Final = 4
_BLOCK_TOKENS: Final = 16  # vLLM's block size: only whole blocks are ever reused
_CACHED_BLOCKS: Final = 65_536


@lru_cache(maxsize=256)
def split_tokens(text: str) -> tuple[str, ...]:
    """`text` in pieces of at most six visible characters with the white space before them; joined they give `text`."""
    return tuple(_TOKEN.findall(text))


class PromptCount(NamedTuple):
    """Tokens of a prompt, and how many of them an earlier prompt began with."""

    tokens: int
    cached_tokens: int


class PrefixCache:
    """Counts prompts at four characters a token and remembers their prefixes block by block, as vLLM does.

    A block's identity is the hash of itself and its predecessor's identity; the least recently used are forgotten.
    """

    def __init__(self, blocks: int = _CACHED_BLOCKS) -> None:
        self._limit = blocks
        self._seen: OrderedDict[int, None] = OrderedDict()
        self.queried_tokens = 0
        self.hit_tokens = 0

    def count(self, prompt: str) -> PromptCount:
        """Count `prompt` and remember it. The last token is never cached: a model always computes that one."""
        tokens = -(-len(prompt) // _CHARS_PER_TOKEN)
        width = _BLOCK_TOKENS * _CHARS_PER_TOKEN
        seen, identity, hits, matching = self._seen, 0, 0, True
        for start in range(0, len(prompt) - width + 1, width):
            identity = hash((identity, prompt[start : start + width]))
            if identity in seen:
                seen.move_to_end(identity)
                hits += matching
            else:
                matching = False
                seen[identity] = None
        while len(seen) > self._limit:
            seen.popitem(last=False)
        cached = min(hits * _BLOCK_TOKENS, max(0, tokens - 1))
        self.queried_tokens += tokens
        self.hit_tokens += cached
        return PromptCount(tokens, cached)
