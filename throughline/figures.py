"""The ledger of figures on hand-written pages (docs/figures.json): which run, commit, parameters, data, code and machine each is of.

Every number with a decimal point in README.md, outside code, is either part of an entry's text or a constant that the ledger names as such;
tests/throughline/test_figures.py holds that. `throughline trace SOURCE --record PAGE TEXT` adds an entry from a run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.artifacts.store import write_text
from pipeline.errors import UserError
from pipeline.registry.trace import Trace

LEDGER = Path("docs") / "figures.json"
NUMBER = re.compile(r"(?<![\w.])(?:\d+\.\d+(?![\w.]|-\w)|\d+ (?:min|s|ms)\b)")
CODE = re.compile(r"```.*?```|`[^`\n]*`|\]\([^)]*\)", re.DOTALL)
WHOLE_PAGE = "*"


@dataclass(frozen=True)
class Figure:
    """An entry.

    Attributes:
        page: the file, relative to the repository.
        text: the words of the page that hold the figures; `*`: every number of the page.
        trace: where they come from; its `what` is the page and the text.
    """

    page: str
    text: str
    trace: Trace


class Figures:
    """The ledger.

    Args:
        root: the repository.

    Raises:
        UserError: docs/figures.json cannot be read.
    """

    def __init__(self, root: Path) -> None:
        self.root, self.path = root, root / LEDGER
        try:
            found: dict[str, Any] = json.loads(self.path.read_text())
            self.constants: list[str] = found["constants"]
            self.entries = [Figure(item["page"], item["text"], Trace(**item["trace"])) for item in found["figures"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{self.path}: not a ledger of figures ({error})\nnext: restore it from git") from None

    def at(self, page: str, line: int) -> list[Figure]:
        """Entries whose figures stand in a line of a page (counted from 1).

        Raises:
            UserError: the page has no such line.
        """
        text = (self.root / page).read_text()
        starts = [0, *(found.end() for found in re.finditer("\n", text))]
        if not 1 <= line <= len(starts):
            raise UserError(f"{page}:{line}: the page has {len(starts)} lines")
        begin, end = starts[line - 1], starts[line] if line < len(starts) else len(text)
        mine = [item for item in self.entries if item.page == page]
        return [item for item in mine if item.text == WHOLE_PAGE or any(a < end and b > begin for a, b in spans(text, item.text))]

    def untold(self, page: str) -> list[str]:
        """Numbers of a page that neither an entry nor a constant explains, as `page:line: number`."""
        text = (self.root / page).read_text()
        entries = [item.text for item in self.entries if item.page == page]
        if WHOLE_PAGE in entries:
            return []
        known = [span for words in (*entries, *self.constants) for span in spans(text, words)]
        code = [found.span() for found in CODE.finditer(text)]
        numbers = [found for found in NUMBER.finditer(text) if not any(a <= found.start() < b for a, b in (*known, *code))]
        return [f"{page}:{text.count(chr(10), 0, found.start()) + 1}: {found[0]}" for found in numbers]

    def stale(self) -> list[str]:
        """Entries whose text is not on their page any more."""
        pages = {item.page: (self.root / item.page).read_text() for item in self.entries}
        return [f"{item.page}: {item.text}" for item in self.entries if item.text != WHOLE_PAGE and not spans(pages[item.page], item.text)]

    def add(self, figure: Figure) -> None:
        """Take an entry in, in place of one of the same page and text, and write the file.

        Raises:
            UserError: the page does not hold the text.
        """
        if figure.text != WHOLE_PAGE and not spans((self.root / figure.page).read_text(), figure.text):
            raise UserError(f"{figure.page}: does not say {figure.text!r}\nnext: write the figures there first, then record them")
        self.entries = [item for item in self.entries if (item.page, item.text) != (figure.page, figure.text)] + [figure]
        self.write()

    def write(self) -> None:
        """Write the file."""
        body = {"constants": self.constants, "figures": [asdict(item) for item in self.entries]}
        write_text(self.path, json.dumps(body, indent=1, ensure_ascii=False) + "\n")


def spans(text: str, words: str) -> Sequence[tuple[int, int]]:
    """Where words stand in a text, whatever white space is between them."""
    pattern = r"\s+".join(re.escape(word) for word in words.split())
    return [found.span() for found in re.finditer(pattern, text)]


def of_source(found: Sequence[Trace], page: str, text: str, command: str) -> Figure:
    """An entry for figures that were traced; several sources (seeds) become one, whose facts name each.

    Of the parameters the digest stays: the commit has the file, and the run its values.

    Raises:
        UserError: a part of what an entry must say was not recorded.
    """
    parts: dict[str, dict[str, str]] = {"parameters": {}, "data": {}, "code": {}, "machine": {}}
    for trace in found:
        digests = {key: value for key, value in trace.parameters.items() if "." not in key or key == "params.yaml"}
        for name, values in (("parameters", digests), ("data", trace.data), ("code", trace.code), ("machine", trace.machine)):
            parts[name] |= {key: _joined([parts[name].get(key, ""), value]) for key, value in values.items()}
    commits, seeds = [trace.facts.get("commit", "") for trace in found], [_seed(trace) for trace in found]
    facts = {"command": command, "commit": _joined(commits)} | ({"seed": _joined(seeds)} if any(seeds) else {})
    empty = [name for name, values in parts.items() if not values]
    if empty:
        raise UserError(f"{found[0].what}: its {', '.join(empty)} were not recorded\nnext: run it again, then record it")
    return Figure(page, text, Trace(f"{page}: {text}", facts, **parts))


def _seed(trace: Trace) -> str:
    return trace.facts.get("seed") or trace.parameters.get("base.seed", "")


def _joined(values: Sequence[str]) -> str:
    """Each value once, in order."""
    return ", ".join(dict.fromkeys(value for value in values if value))
