"""Fenced blocks of a page and what a comment above each says about running it.

Every block of shell, Python or JavaScript is marked `<!-- run -->`, `<!-- run, shows: TEXT -->` or
`<!-- not run: REASON -->`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
LANGUAGES = {"sh": "sh", "bash": "sh", "python": "python", "javascript": "javascript", "js": "javascript"}
_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>run|not run)(?:, shows: (?P<shows>[^\n]+?)|: (?P<why>[^\n]+?))? -->\n)?"
    r"^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Snippet:
    page: str
    line: int
    language: str
    text: str
    mark: str | None
    shows: str | None
    why: str | None

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"


def snippets(path: Path) -> list[Snippet]:
    """Blocks that could be run, in order."""
    text = path.read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        language = LANGUAGES.get(match["language"])
        if language is not None:
            line = text.count("\n", 0, match.start("text")) + 1
            page = str(path.relative_to(ROOT))
            found.append(
                Snippet(page, line, language, match["text"], match["mark"], match["shows"], match["why"])
            )  # fmt: skip
    return found


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]
