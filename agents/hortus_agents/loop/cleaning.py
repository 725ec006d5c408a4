"""What untrusted text loses before it may be a value: addresses, code, and characters that nobody sees."""

import re
from typing import Final

_URL: Final = re.compile(r"(?:\b[a-z][a-z0-9+.-]{1,15}://|\bwww\.|\bdata:|\bjavascript:|\bmailto:)\S+", re.IGNORECASE)
_CODE: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|<[a-z!/][^>]{0,500}>", re.DOTALL | re.IGNORECASE)
_CONTROL: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)


def clean_text(text: str, keep: frozenset[str] = frozenset()) -> str:
    """The text without them; `keep` names `urls`, `code`."""
    text = _CONTROL.sub("", text)
    if "code" not in keep:
        text = _CODE.sub("(code left out)", text)
    return text if "urls" in keep else _URL.sub("(address left out)", text)
