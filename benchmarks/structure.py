"""The structure of a checkout in numbers: packages, files, imports between packages, lengths.

python -m benchmarks.structure                      # this checkout
python -m benchmarks.structure /folder/of/another   # another one, such as an older commit, with the same rules
"""

from __future__ import annotations

import argparse
import ast
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
TOPS = ("throughline", "experiments", "stages", "models", "pipeline")


class Structure(NamedTuple):
    """What is counted, tests and benchmarks left out.

    Attributes:
        packages: folders with Python files.
        files: Python files that are not empty.
        flat: the most files in one folder.
        dependencies: pairs of packages of which one imports the other.
        circles: packages that lie on a circle of imports between packages.
        lines: lines of all files together.
        longest_file: lines of the longest file, and its path.
        longest_function: lines of the longest function, and its path and name.
        median_file: median of the files' lines.
        median_function: median of the functions' lines.
    """

    packages: int
    files: int
    flat: int
    dependencies: int
    circles: int
    lines: int
    longest_file: tuple[int, str]
    longest_function: tuple[int, str]
    median_file: float
    median_function: float


def structure(root: Path) -> Structure:
    """Count what lies below a checkout's root."""
    files = [path for top in TOPS for path in sorted((root / top).rglob("*.py")) if path.read_text().strip()]
    names = {path: path.relative_to(root).as_posix() for path in files}
    texts = {path: path.read_text() for path in files}
    trees = {path: ast.parse(text) for path, text in texts.items()}
    lengths = {path: text.count("\n") for path, text in texts.items()}
    functions = [found for path in files for found in _functions(trees[path], names[path])]
    folders = {path.parent for path in files}
    graph = _graph(root, trees)
    return Structure(
        packages=len(folders),
        files=len(files),
        flat=max(sum(path.parent == folder for path in files) for folder in folders),
        dependencies=sum(map(len, graph.values())),
        circles=len(_on_circles(graph)),
        lines=sum(lengths.values()),
        longest_file=max((lengths[path], names[path]) for path in files),
        longest_function=max(functions),
        median_file=statistics.median(lengths.values()),
        median_function=statistics.median(length for length, _ in functions),
    )


def _functions(tree: ast.Module, name: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (node.end_lineno or node.lineno) - node.lineno + 1, f"{name}:{node.name}"


def _graph(root: Path, trees: dict[Path, ast.Module]) -> dict[Path, set[Path]]:
    """Which folder imports modules of which other folder, wherever the import stands."""
    graph: dict[Path, set[Path]] = {}
    for path, tree in trees.items():
        graph.setdefault(path.parent, set())
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            graph[path.parent] |= {found for name in names if (found := _folder(root, name)) is not None and found != path.parent}
    return graph


def _folder(root: Path, module: str) -> Path | None:
    """The folder that an imported name's module lies in; None where it is not one of ours."""
    parts = module.split(".")
    if parts[0] not in TOPS:
        return None
    for end in range(len(parts), 0, -1):
        path = root.joinpath(*parts[:end])
        if path.with_suffix(".py").is_file():
            return path.parent
        if (path / "__init__.py").is_file():
            return path
    return None


def _on_circles(graph: dict[Path, set[Path]]) -> set[Path]:
    """Packages that reach themselves."""
    return {start for start in graph if start in _reached(graph, graph[start])}


def _reached(graph: dict[Path, set[Path]], first: set[Path]) -> set[Path]:
    seen, waiting = set[Path](), list(first)
    while waiting:
        folder = waiting.pop()
        if folder not in seen:
            seen.add(folder)
            waiting += graph.get(folder, set())
    return seen


def main() -> None:
    """Print one line for each number."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.structure", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("root", nargs="?", type=Path, default=ROOT, help="a checkout; this one, unless named")
    for name, value in structure(parser.parse_args().root.resolve())._asdict().items():
        print(f"{name:17} {value if not isinstance(value, tuple) else f'{value[0]} ({value[1]})'}")


if __name__ == "__main__":
    main()
