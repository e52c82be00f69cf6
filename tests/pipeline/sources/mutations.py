"""Harm done to files by a seeded generator: to bytes, to text by lines and cells, to JSON by its nodes."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipeline.sources.planned import Plan

CELLS = (
    "nan",
    "inf",
    "-inf",
    "-1",
    "0",
    "1e308",
    "1e999",
    "99999999999999999999",
    "",
    "é",
    "x",
    "1.5",
    "-0",
    "0x10",
    "1_0",
    " 3 ",
    "\0",
    "١",
)
VALUES: tuple[Any, ...] = (
    None, -1, 0, 1.5, "x", "", [], {},
    True, False, float("nan"), float("inf"), 10**30, "../x", "a\nb", "\ud800", [None], {"x": 1}, "7", 1e308,
)  # fmt: skip

GONE = object()  # in the place of a value that `set_at` removes

Change = Callable[[dict[str, Any]], Any]


def change_json(path: Path, change: Change) -> None:
    """Let `change` alter what a JSON file holds."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def lines_of(plan: Plan) -> list[str]:
    """All defects of a plan, those of its sequences after its own."""
    return [*plan.defects, *(line for sequence in plan.sequences for line in sequence.defects)]


def set_at(content: Any, keys: Sequence[str | int], value: Any) -> None:
    """Set or remove what stands at the end of a way of keys and indices in JSON."""
    *way, last = keys
    for key in way:
        content = content[key]
    if value is GONE:
        del content[last]
    else:
        content[last] = value


def harm_bytes(rng: random.Random, raw: bytes) -> bytes:
    """One to three changes of single bytes or stretches."""
    data = bytearray(raw)
    for _ in range(rng.randint(1, 3)):
        at, size = rng.randrange(len(data) + 1), rng.randint(1, max(1, len(data) // 8))
        change = rng.randrange(6)
        if change == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif change == 1:
            del data[at : at + size]
        elif change == 2:
            data[at:at] = rng.randbytes(min(size, 40))
        elif change == 3:
            data[at:at] = data[at : at + size]
        elif change == 4:
            del data[at:]
        else:
            data[at : at + size] = bytes(len(data[at : at + size]))
    return bytes(data)


def harm_text(rng: random.Random, raw: bytes, separator: bytes = b",") -> bytes:
    """Changes of lines and cells, or of bytes."""
    if rng.random() < 0.25:
        return harm_bytes(rng, raw)
    lines = raw.split(b"\n")
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(lines))
        change: Callable[[], None] = rng.choice(
            [
                lambda at=at: lines.insert(at, lines[at]),  # type: ignore[misc]
                lambda at=at: lines.__setitem__(at, _cell(rng, lines[at], separator)),  # type: ignore[misc]
                lambda at=at: lines.__setitem__(at, _cell(rng, lines[at], separator)),  # type: ignore[misc]
                lambda at=at: lines.__setitem__(at, lines[at] + separator + b"1"),  # type: ignore[misc]
                lambda at=at: lines.__setitem__(at, lines[at].rpartition(separator)[0]),  # type: ignore[misc]
                lambda at=at: lines.insert(at, rng.choice([b"", b"   ", b"\xef\xbb\xbf", b"#", b"\x0c", b"\x1c", b"\xc2\x85"])),  # type: ignore[misc]
                lambda: rng.shuffle(lines),
                lambda at=at: lines.__setitem__(at, lines[at] + rng.choice([b"\r", b"\x0b", b"\xe2\x80\xa8", b"\t"])),  # type: ignore[misc]
            ]
        )
        change()
    return b"\n".join(lines)


def harm_json(rng: random.Random, raw: bytes) -> bytes:
    """Changes of nodes: values replaced, keys and elements removed or doubled; or of bytes."""
    if rng.random() < 0.25:
        return harm_bytes(rng, raw)
    content = json.loads(raw)
    for _ in range(rng.randint(1, 4)):
        content = _node(rng, content)
    return json.dumps(content).encode()


def _cell(rng: random.Random, line: bytes, separator: bytes) -> bytes:
    cells = line.split(separator)
    cells[rng.randrange(len(cells))] = rng.choice(CELLS).encode()
    return separator.join(cells)


def _node(rng: random.Random, content: Any) -> Any:
    parents = [node for node in _nodes(content) if node]
    if not parents or rng.random() < 0.02:
        return rng.choice(VALUES)
    parent = rng.choice(parents)
    key = rng.choice(list(parent)) if isinstance(parent, dict) else rng.randrange(len(parent))
    change = rng.randrange(5)
    if change == 0:
        del parent[key]
    elif change == 1 and isinstance(parent, list):
        parent.insert(rng.randrange(len(parent) + 1), parent[key])
    else:
        parent[key] = rng.choice(VALUES)
    return json.loads(json.dumps(content))  # what was doubled is two nodes now


def _nodes(content: Any) -> list[Any]:
    if not isinstance(content, (dict, list)):
        return []
    inside = content.values() if isinstance(content, dict) else content
    return [content, *(node for child in inside for node in _nodes(child))]
