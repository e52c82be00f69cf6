"""What a command costs that has nothing to do: a stage that only starts (imports, MLflow, Ray), and `dvc repro` with nothing changed.

Each is a process of its own. The stage attaches to a Ray head as in `make repro`, and writes to an MLflow store that is there already.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

from benchmarks.harness import Timed, Work, compare
from pipeline.artifacts.code import ROOT
from pipeline.runtime.cluster import HEAD_FILE

STAGE_AIM, REPRO_AIM = "2.5 s (the aim)", "2 s (the aim)"
AIMS = {STAGE_AIM: 2.5, REPRO_AIM: 2.0}
BARE = [sys.executable, "-c", "pass"]
STAGE = "from benchmarks.startup import start; start()"


def measure() -> Iterator[Timed]:
    """A line for a stage, one for `dvc repro`; what cannot be avoided is a Python that does nothing."""
    with tempfile.TemporaryDirectory() as folder:
        root = prepared(Path(folder))
        running = HEAD_FILE.is_file()
        _module("throughline", "cluster", "up")
        try:
            yield _timed("a stage that only starts", [sys.executable, "-c", STAGE, str(root)], STAGE_AIM)
        finally:
            if not running:
                _module("throughline", "cluster", "down")
        yield _timed("dvc repro, nothing changed", [str(Path(sys.executable).with_name("dvc")), "repro", "--quiet"], REPRO_AIM, root)


def start() -> None:
    """What every stage does before and after its work; the folder is the process's only argument."""
    import stages
    from pipeline.runtime.cluster import attached

    def work(context: stages.Context) -> None:
        with attached(context.params.cluster):
            pass

    root = Path(sys.argv[1])
    stages.execute("report", work, root / "params.yaml", root)


def prepared(root: Path) -> Path:
    """A copy of the repository's code in which every stage has been run, as far as DVC knows: each output is a file of a few bytes."""
    names = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True).stdout.splitlines()
    for name in names:
        if (ROOT / name).is_file() and not name.startswith("experiments/"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    body = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    outs = [out for stage in body.values() for out in stage["outs"]]
    for name in (name for out in outs for name in ([out] if isinstance(out, str) else out)):
        path = root / (name if Path(name).suffix else f"{name}/file")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    for command in (["git", "init", "--quiet"], [str(Path(sys.executable).with_name("dvc")), "commit", "--force", "--quiet", "dvc.yaml"]):
        subprocess.run(command, cwd=root, check=True)
    return root


def _timed(what: str, command: list[str], aim: str, folder: Path = ROOT) -> Timed:
    found = compare(what, "start", 1, _process(command, folder), limit=_process(BARE, folder), rounds=5)
    return Timed(what, found.unit, found.ours, {aim: AIMS[aim]}, found.limit, 1.0, found.spread)


def _process(command: list[str], folder: Path) -> Work:
    def work() -> None:
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    return work


def _module(*words: str) -> None:
    subprocess.run([sys.executable, "-m", *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
