"""What came of each fault: docs/faults.json, and the page that is made of it."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

from tests.shared import ROOT
from tests.soak.trial import GOOD

FOLDERS = re.compile(r"(?:/[^/\s\"']+)+/(?:clone|site-packages|bin)/")  # of this machine
LEDGER, PAGE = ROOT / "docs" / "faults.json", ROOT / "docs" / "faults.md"
HEAD = """# What faults do

Written by `make soak` from docs/faults.json; nothing on this page is typed. A tiny pipeline (tests/soak/ground.py) has run; then, again
and again, one thing goes wrong at a random moment, and the same command is run again, its advice followed by the program, until it ends.
Every output is then compared with the undisturbed bytes, and no process may be left. A fault counts as hung where the command takes a
minute longer than usual, times the processes that want each processor of the machine; seconds are those of the clock, on the machine as
it was.

`went on`: the command itself ended well. `same command again`: it did the second time. `as advised`: after what its message said, done by
the program. Anything else is a fault of ours, and listed below the table as it was found.
"""


def read(path: Path = LEDGER) -> list[dict[str, Any]]:
    """The entries, oldest first."""
    found: list[dict[str, Any]] = json.loads(path.read_text()) if path.is_file() else []
    return found


def add(entry: dict[str, Any], path: Path = LEDGER) -> None:
    """Append an entry; a kill leaves the old ledger or the new one."""
    entry = entry | {"detail": FOLDERS.sub("", entry["detail"])}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text("[\n" + ",\n".join(json.dumps(each) for each in [*read(path), entry]) + "\n]\n")
    os.replace(temporary, path)


def page(entries: list[dict[str, Any]]) -> str:
    """The page as Markdown."""
    commits = sorted({f"`{each['commit']}`" for each in entries})
    seeds = sorted({str(each["seed"]) for each in entries})
    bad = [each for each in entries if each["outcome"] not in GOOD]
    lines = [HEAD, f"{len(entries)} faults struck, {len(bad)} of them ended otherwise than they should. Seeds: {', '.join(seeds)}; "]
    lines[-1] += f"commits: {', '.join(commits)}.\n"
    lines += [
        "| fault | times | went on | same command again | as advised | otherwise | seconds to recover: median | most |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    kinds: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in entries:
        kinds[each["fault"]].append(each)
    for kind, found in sorted(kinds.items()):
        counts = [sum(each["outcome"] == outcome for each in found) for outcome in GOOD]
        seconds = [each["seconds"] for each in found]
        cells = [kind, len(found), *counts, len(found) - sum(counts), f"{median(seconds):.0f}", f"{max(seconds):.0f}"]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    if bad:  # `mended` is written into the ledger by who mends it
        lines += ["\n## Found\n", "| number | fault | where | outcome | commit | since then |", "|--:|---|---|---|---|---|"]
        for each in bad:
            cells = [each["number"], each["fault"], each["where"], each["outcome"], f"`{each['commit']}`", each.get("mended", "open")]
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"
