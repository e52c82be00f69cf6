"""Change values of a parameter file and leave every other character of it as it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import UserError

GAP = 2  # spaces before a comment that a longer value pushes to the right


def edited(text: str, changes: Mapping[str, Any], where: Path | str) -> str:
    """A parameter file with some values changed; comments stay, in their column where the new value leaves room.

    Args:
        text: the file.
        changes: by dotted key; each value is plain data, written on one line.
        where: the file's name, for messages.

    Raises:
        UserError: a key is not in the file.
    """
    for key, value in changes.items():
        name, node = _node(text, key, where)
        start, end = node.start_mark.index, node.end_mark.index
        while text[end - 1] in " \n":  # a block's end is where the next one starts
            end -= 1
        if name.end_mark.line < node.start_mark.line or node.start_mark.index == node.end_mark.index:  # a block below the key, or nothing
            colon = text.index(":", name.end_mark.index) + 1
            line = text.index("\n", colon)
            text = f"{text[:colon]} {_moved(_written(value), -1, text[colon:line] + text[max(line, end) :])}"
        else:
            text = text[:start] + _moved(_written(value), end - start, text[end:])
    return text


def _node(text: str, key: str, where: Path | str) -> tuple[yaml.Node, yaml.Node]:
    """The last word of a dotted key, and its value."""
    name, node = None, yaml.compose(text, Loader=yaml.SafeLoader)
    for part in key.split("."):
        found = {word.value: (word, value) for word, value in node.value} if isinstance(node, yaml.MappingNode) else {}
        if part not in found:
            raise UserError(f"{where}: {key} is not in it; {key.rpartition('.')[0] or 'the file'} has {', '.join(found)}")
        name, node = found[part]
    assert name is not None
    assert node is not None
    return name, node


def _written(value: Any) -> str:
    """Plain data as YAML on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=100_000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...").strip()


def _moved(new: str, length: int, rest: str) -> str:
    """A new value and what follows on its line: a comment keeps its column where it can."""
    line, newline, others = rest.partition("\n")
    comment = line.lstrip(" ")
    if not comment.startswith("#"):
        return new + rest
    room = length + len(line) - len(comment) - len(new)
    return new + " " * max(GAP, room) + comment + newline + others
