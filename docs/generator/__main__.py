"""Writes the reference pages from the code: `make docs`. `--check` names those that are out of date instead."""

import sys

from reference_pages import DOCS, PAGES


def main() -> int:
    """The exit status: 1 if `--check` found a page that is not what the code says."""
    texts = {DOCS / name: page() for name, page in PAGES.items()}
    stale = [path for path, text in texts.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    check = "--check" in sys.argv[1:]
    for path in stale:
        if not check:
            path.write_text(texts[path], encoding="utf-8")
        sys.stdout.write(f"{path.name} {'is out of date: make docs' if check else 'written'}\n")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
