"""YAML as every reader of it would take it: what two readers would read differently is refused, with its line.

PyYAML follows YAML 1.1 and DVC's reader YAML 1.2: `0317` is 207 for one and 317 for the other, `3:17` is 197 or a text, and of a key that
stands twice the last one wins, or the file is refused. A value that would mean a guess is named instead.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import UserError

DEEPEST = 32  # levels of nesting; the parameter file has five
MOST_VALUES = 100_000  # with all that aliases repeat
_AMBIGUOUS = {  # of plain scalars that PyYAML takes for numbers
    re.compile(r"[-+]?0[0-7_]+"): "reads as an octal number in YAML 1.1 and as a decimal one in 1.2",
    re.compile(r"[-+]?0b[01_]+"): "reads as a binary number in YAML 1.1 and as a text in 1.2",
    re.compile(r"[-+]?[0-9][0-9_]*(:[0-9_]+)+(\.[0-9_]*)?"): "reads as a number to base 60 in YAML 1.1 and as a text in 1.2",
    re.compile(r"[-+]?[0-9][0-9_.]*_[0-9_.]*"): "reads as a number in YAML 1.1 and as a text in 1.2",
    re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"): "is no finite number",
}
_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def read_yaml(path: Path, *, missing: str) -> Any:
    """What a YAML file holds.

    Raises:
        UserError: the file is not there (in the words of `missing`), cannot be read, is not UTF-8 or no YAML, nests too deep, or holds a
            key twice or a number that another reader would read differently; says on which line.
    """
    text = _text(path, missing)
    try:
        _check_depth(path, text)
        root = yaml.compose(text, _LOADER)
        if root is not None:
            _check(path, root, {})
        return yaml.load(text, _LOADER)
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {error}") from None
    except (ValueError, OverflowError) as error:  # a date that does not exist, a number of ten thousand digits
        raise UserError(f"{path}: a value cannot be read: {error}") from None


def _text(path: Path, missing: str) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: {missing}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})\nnext: see that it is a file that you may read") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        kind = "UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else f"byte 0x{content[error.start]:02x}"
        raise UserError(f"{path}:{line}: not UTF-8 ({kind})\nnext: save the file in the encoding UTF-8") from None


def _check_depth(path: Path, text: str) -> None:
    """Refuse what would exhaust the reader's stack, and collections that hold themselves."""
    open_anchors: list[str | None] = []
    for event in yaml.parse(text, _LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.CollectionStartEvent):
            open_anchors.append(event.anchor)
            if len(open_anchors) > DEEPEST:
                raise UserError(f"{path}:{line}: nested deeper than {DEEPEST} levels\nnext: compare with presets/walkers.yaml")
        elif isinstance(event, yaml.CollectionEndEvent):
            open_anchors.pop()
        elif isinstance(event, yaml.AliasEvent) and event.anchor in open_anchors:
            raise UserError(f"{path}:{line}: *{event.anchor} stands inside of what it repeats\nnext: write the value out")


def _check(path: Path, node: yaml.Node, sizes: dict[int, int]) -> int:
    """Refuse what is ambiguous below a node; gives the number of values there, aliases counted as often as they stand."""
    if id(node) in sizes:
        return sizes[id(node)]
    line, size = node.start_mark.line + 1, 1
    if isinstance(node, yaml.ScalarNode):
        _check_number(path, node, line)
    elif isinstance(node, yaml.SequenceNode):
        size += sum(_check(path, value, sizes) for value in node.value)
    elif isinstance(node, yaml.MappingNode):
        _check_keys(path, node)
        size += sum(_check(path, key, sizes) + _check(path, value, sizes) for key, value in node.value)
    if size > MOST_VALUES:
        raise UserError(f"{path}:{line}: aliases repeat more than {MOST_VALUES:,} values\nnext: write the values out")
    sizes[id(node)] = size
    return size


def _check_number(path: Path, node: yaml.ScalarNode, line: int) -> None:
    if node.style or node.tag not in _NUMBERS:  # in quotes, or no number
        return
    for pattern, reason in _AMBIGUOUS.items():
        if pattern.fullmatch(node.value):
            raise UserError(f"{path}:{line}: {node.value} {reason}\nnext: write the number in decimal digits, or the text in quotes")
    if node.tag == _NUMBERS[1] and not math.isfinite(float(node.value)):
        raise UserError(f"{path}:{line}: {node.value} is larger than a number can be\nnext: write a smaller one")


def _check_keys(path: Path, node: yaml.MappingNode) -> None:
    first: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise UserError(f"{path}:{key.start_mark.line + 1}: a key must be a word\nnext: compare with presets/walkers.yaml")
        line = key.start_mark.line + 1
        if key.value in first:
            raise UserError(f"{path}:{line}: {key.value} stands twice, on line {first[key.value]} too\nnext: keep one of the two")
        first[key.value] = line
