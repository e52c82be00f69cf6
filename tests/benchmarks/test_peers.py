"""Whatever a benchmark imports is installed with the repository, or by `make bench` from benchmarks/peers.txt."""

from __future__ import annotations

import ast
import importlib.util
import re

from tests.shared import ROOT


def imported() -> set[str]:
    """First parts of the names of all modules that benchmarks import, wherever in a file."""
    found: set[str] = set()
    for path in (ROOT / "benchmarks").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    return found


def test_every_import_of_a_benchmark_is_installed_or_a_peer() -> None:
    peers = set(re.findall(r"^(\w+)==", (ROOT / "benchmarks/peers.txt").read_text(), re.M))
    assert {"onnxruntime", "pyxtrackers"} <= peers
    assert sorted(name for name in imported() - peers if importlib.util.find_spec(name) is None) == []
