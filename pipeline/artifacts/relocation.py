"""The repository's packages below another one, so that a wheel or a logged model adds one name to an environment, and none that is common.

`pipeline`, `stages`, `models` and `experiments` are names that anybody's own folder may have. Where the code leaves the repository, it
lies below one package of its own, such as `throughline.models`, and its import statements say so: no import hook, no path entry, nothing
that a stranger's `models` could take the place of, or that could take its place.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.artifacts import code

MOVED = ("pipeline", "stages", "models", "experiments")  # packages at the top of the repository
FACE = "throughline"  # which has a name of its own already


@functools.cache
def relocated(source: str, parent: str) -> str:
    """Python source whose imports of the repository's packages name them below another package.

    Only import statements change, in place, so that every line keeps its number: `from models import load` becomes
    `from throughline.models import load`, and `import models` becomes `from throughline import models`.

    Args:
        source: the text of a module.
        parent: dotted name of the package that holds them, such as `throughline`.

    Raises:
        ValueError: a statement imports a module of these packages by `import a.b`, whose name would no longer be bound.
    """
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and not node.level and node.module and _ours(node.module):
            words = f"from {node.module} "
            _replace(lines, node, words, f"from {_below(node.module, parent)} ")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if _ours(alias.name):
                    if len(node.names) > 1 or ("." in alias.name and alias.asname is None):
                        raise ValueError(f"line {node.lineno}: write `from {alias.name.rpartition('.')[0] or alias.name} import ..`")
                    above, _, last = _below(alias.name, parent).rpartition(".")
                    _replace(lines, node, f"import {alias.name}", f"from {above} import {last}" if above else f"import {last}")
    return "".join(lines)


def reached(entries: Iterable[str], root: Path) -> list[str]:
    """Files that run where some files do (`code.reached`): imports for type checkers alone are not followed, those of `throughline` are.

    Args:
        entries: Python files, relative to `root`.
        root: the repository.
    """
    return code.reached(entries, root, packages=(*MOVED, FACE), nodes=_running)


def write_package(entries: Iterable[str], root: Path, out: Path, name: str) -> str:
    """Write the code that some files reach as one package, named by its contents.

    Args:
        entries: Python files, relative to `root`.
        root: the repository.
        out: folder to make the package in.
        name: what its name begins with; 12 digits of the digest of its files follow.

    Returns:
        The package's name. The repository's files lie in it under their own names, those of `throughline` too.
    """
    files = reached(entries, root)
    tables = sorted({path.relative_to(root).as_posix() for file in files for path in (root / file).parent.glob("*.yaml")})
    total = hashlib.sha256()
    for file in [*files, *tables]:
        total.update(file.encode() + b"\0" + (root / file).read_bytes() + b"\0")
    package = f"{name}_{total.hexdigest()[:12]}"
    for file in [*files, *tables]:
        target = out / package / file
        target.parent.mkdir(parents=True, exist_ok=True)
        if file in tables:
            shutil.copyfile(root / file, target)
        else:
            target.write_text(relocated((root / file).read_text(), package))
    (out / package / "__init__.py").write_text('"""The code of a tracker, as it was when the tracker was trained."""\n')
    return package


def _ours(module: str) -> bool:
    return module.split(".")[0] in (*MOVED, FACE)


def _below(module: str, parent: str) -> str:
    return module if parent == FACE and module.split(".")[0] == FACE else f"{parent}.{module}"


def _replace(lines: list[str], node: ast.stmt, before: str, after: str) -> None:
    """Replace words at the place of a statement, whose columns count bytes."""
    line = lines[node.lineno - 1].encode()
    head, rest = line[: node.col_offset].decode(), line[node.col_offset :].decode()
    if not rest.startswith(before):
        raise ValueError(f"line {node.lineno}: expected `{before.strip()}`, one space between words")
    lines[node.lineno - 1] = head + after + rest[len(before) :]


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a tree, without what is for type checkers alone."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING"):
            yield child
            yield from _running(child)
