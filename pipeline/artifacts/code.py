"""The code that a stage's output depends on, as one digest: files found by their imports, read without comments and docstrings.

Imports are followed from entry points: the stage itself, and the modules of one system that hold the parts which the stage uses. So a file
that a loss imports counts for training whatever it is called, and a file of another system never does. Names are followed wherever an
import stands, inside functions as well; strings are not, so a module that is imported by its name in a string must be an entry point.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("pipeline", "models", "stages", "experiments")
# Parameters, publishing, runs and the stage frame decide where things go, not what they are: a change there makes nothing anew.
HOUSEKEEPING = ("stages/__init__.py", "models/__init__.py", "pipeline/__init__.py", "pipeline/errors.py")
HOUSEKEEPING_WINGS = ("pipeline/params/", "pipeline/artifacts/", "pipeline/runtime/", "pipeline/registry/")


@functools.cache
def sources(entries: tuple[str, ...], root: Path) -> tuple[str, ...]:
    """Repository files that the entry points import, directly or not, themselves included; sorted, housekeeping left out.

    Args:
        entries: Python files, relative to `root`; one that does not exist counts as empty, so that a system may lack a part.
        root: the repository.
    """
    there = [name for name in entries if (root / name).is_file()]
    return tuple(reached(there, root, but=lambda name: name in HOUSEKEEPING or name.startswith(HOUSEKEEPING_WINGS)))


def reached(
    entries: Iterable[str],
    root: Path,
    *,
    packages: tuple[str, ...] = PACKAGES,
    nodes: Callable[[ast.AST], Iterable[ast.AST]] = ast.walk,
    but: Callable[[str], bool] = lambda name: False,
) -> list[str]:
    """Files that some files import, directly or not, inside functions as well; sorted, themselves included.

    Args:
        entries: Python files, relative to `root`.
        root: the repository.
        packages: whose files are followed.
        nodes: the nodes of a syntax tree whose imports count.
        but: files that neither count nor are followed.
    """
    seen: set[str] = set()
    waiting = list(entries)
    while waiting:
        name = waiting.pop()
        if name not in seen and not but(name):
            seen.add(name)
            waiting += _imports(name, root, packages, nodes)
    return sorted(seen)


@functools.cache
def digest(entries: tuple[str, ...], root: Path) -> str:
    """SHA-256 over what the files of `sources(entries, root)` say: names and code, not comments, docstrings or layout."""
    total = hashlib.sha256()
    for name in sources(entries, root):
        total.update(f"{name}\0{meaning((root / name).read_text())}\0".encode())
    return total.hexdigest()


@functools.cache
def meaning(code: str) -> str:
    """Python source as text that is equal for sources which differ in comments, docstrings, blank lines or layout alone.

    It is built from the syntax tree's own names, without the fields that are empty, because Python versions add such fields.
    """
    parts: list[str] = []
    _write(ast.parse(code), parts)
    return "".join(parts)


def _write(value: object, parts: list[str]) -> None:
    if isinstance(value, ast.AST):
        parts.append(type(value).__name__ + "(")
        for name, item in ast.iter_fields(value):
            content = item[1:] if name == "body" and _has_docstring(value) else item
            if content is not None and content != [] and name not in ("ctx", "kind", "type_comment"):
                parts.append(name + "=")
                _write(content, parts)
        parts.append(")")
    elif isinstance(value, list):
        for item in value:
            _write(item, parts)
            parts.append(",")
    else:
        parts.append(repr(value))


def _has_docstring(node: ast.AST) -> bool:
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or not node.body:
        return False
    first = node.body[0]
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


def _imports(name: str, root: Path, packages: tuple[str, ...], nodes: Callable[[ast.AST], Iterable[ast.AST]]) -> Iterator[str]:
    """Files of the repository that a file imports, and the packages around it and them, whose `__init__` Python runs first."""
    yield from _files(Path(name).with_suffix("").as_posix().replace("/", "."), root, packages)
    package = name.split("/")[:-1]
    for level, module in _named((root / name).read_text(), nodes):
        above = package[: len(package) - level + 1] if level else []
        yield from _files(".".join([*above, module]), root, packages)


@functools.cache
def _named(code: str, nodes: Callable[[ast.AST], Iterable[ast.AST]]) -> tuple[tuple[int, str], ...]:
    """What the import statements of a text name, each with the dots before it."""
    found: list[tuple[int, str]] = []
    for node in nodes(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            found += [(node.level, f"{node.module}.{alias.name}" if node.module else alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
    return tuple(found)


def _files(module: str, root: Path, packages: tuple[str, ...]) -> Iterator[str]:
    """The file of a dotted name, as far as it names modules, and the `__init__` files of the packages that it goes through."""
    parts = module.split(".")
    if parts[0] not in packages:
        return
    for end in range(1, len(parts) + 1):
        path = "/".join(parts[:end])
        for candidate in (f"{path}/__init__.py", f"{path}.py"):
            if (root / candidate).is_file():
                yield candidate
