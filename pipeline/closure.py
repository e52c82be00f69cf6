"""Which source files a stage stands on: its imports inside the repository, followed to the end.

One answer serves two masters: the code dependencies in dvc.yaml (a test compares) and the fingerprint that names checkpoints.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("pipeline", "models", "stages")
# Parameters, publishing, runs and the stage frame decide where things go, not what they are: a change there makes nothing anew.
_FRAME = ("closure", "runs", "publish", "params", "cluster", "progress", "errors", "registry", "fingerprint")
_PLACES = ("startup", "store", "earlier", "contents")
_SECTIONS = tuple(f"sections/{name}" for name in ("__init__", "common", "data", "training", "results"))
HOUSEKEEPING = frozenset({"stages/__init__.py", *(f"pipeline/{name}.py" for name in (*_FRAME, *_PLACES, *_SECTIONS))})
# These reach the model through its spec, without an import that shows; the files of a model that come after their work do not count.
AFTER_SEEING = frozenset({"recovery.py", "refind.py", "rehearsal.py", "tracker.py", "tracker_options.py"})
AFTER_TRAINING = AFTER_SEEING | {"decode.py", "memory.py"}
THROUGH_SPEC = {
    "stages/pretrain.py": AFTER_TRAINING,
    "stages/finetune.py": AFTER_TRAINING,
    "pipeline/experiments/observing.py": AFTER_SEEING,
    "pipeline/experiments/judging.py": frozenset(),
}


@functools.cache
def sources(start: str, root: Path) -> tuple[str, ...]:
    """Repository files that `start` imports, directly or not, itself included; sorted, housekeeping left out.

    Args:
        start: a Python file, relative to `root`.
        root: the repository.
    """
    seen: set[str] = set()
    later = THROUGH_SPEC.get(start, frozenset[str]())
    waiting = [start, "models/__init__.py"] if start in THROUGH_SPEC else [start]
    while waiting:
        name = waiting.pop()
        if name in seen or name in HOUSEKEEPING or _of_model(name, later):
            continue
        seen.add(name)
        waiting += _imports(root / name, root)
    return tuple(sorted(seen))


def _of_model(name: str, files: frozenset[str]) -> bool:
    return name.startswith("models/") and name.rpartition("/")[2] in files


def digest(start: str, root: Path) -> str:
    """SHA-256 over the contents of `sources(start, root)`."""
    total = hashlib.sha256()
    for name in sources(start, root):
        total.update(name.encode() + b"\0" + (root / name).read_bytes())
    return total.hexdigest()


def _imports(path: Path, root: Path) -> Iterator[str]:
    """Files of the repository that a file names in imports, or in strings such as "models.outrack" (lazy imports)."""
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("models."):
            names = [node.value]
        for name in names:
            yield from _files(name, root)


def _files(module: str, root: Path) -> Iterator[str]:
    if module.split(".")[0] not in PACKAGES:
        return
    relative = module.replace(".", "/")
    for candidate in (f"{relative}.py", f"{relative}/__init__.py"):
        if (root / candidate).is_file():
            yield candidate


def dvc_dependencies(stage: str, root: Path) -> list[str]:
    """Code dependencies of a stage in dvc.yaml: a model's or a package's files collapse to the folder when all of it is used."""
    names = set(sources(f"stages/{stage}.py", root))
    for folder in sorted({Path(name).parent for name in names}, reverse=True):
        inside = {p.relative_to(root).as_posix() for p in (root / folder).rglob("*.py")}
        if len(folder.parts) > 1 and inside <= names:
            names = names - inside | {folder.as_posix()}
    return sorted(names)


def main() -> None:
    """Bring the code dependencies in dvc.yaml up to date; comments and order stay."""
    from ruamel.yaml import YAML

    root = ROOT
    yaml = YAML()
    yaml.width = 160
    document = yaml.load((root / "dvc.yaml").read_text())
    for stage, body in document["stages"].items():
        data = [dep for dep in body["deps"] if not str(dep).endswith(".py") and str(dep).split("/")[0] not in PACKAGES]
        body["deps"] = data + dvc_dependencies(stage, root)
    with (root / "dvc.yaml").open("w") as stream:
        yaml.dump(document, stream)


if __name__ == "__main__":
    main()
