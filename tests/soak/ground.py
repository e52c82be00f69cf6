"""The clone in which faults happen, and what it looks like undisturbed."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pipeline.artifacts.store import MANIFEST, POINTER, pointed
from pipeline.params import preset
from tests.shared import ROOT
from tests.system.test_survival import clone, environment

MARK = "THROUGHLINE_SOAK"  # environment variable by which a process of the soak is known
DIGESTS = "digests.json"
CODE = ("pipeline", "models", "stages", "throughline", "tests", "dvc.yaml")
CURRENT = """
from pathlib import Path
import stages
from pipeline.artifacts.fingerprint import fingerprint_of, is_current
from pipeline.params.sections import STAGES
params, _ = stages.check(Path("params.yaml"))
print("true" if all(is_current(each, params, Path.cwd(), fingerprint_of(each, params, Path.cwd())) for each in STAGES) else "false")
"""
STATE = ("data", "artifacts", ".throughline", "mlruns", "mlflow.db")
HEAD_FILES = ("ray-head.json", "ray-token")  # of the head that stays
NOT_THE_SAME_TWICE = ("artifacts/speed.json", "artifacts/report/", "artifacts/evaluate/")  # they hold times; scores are compared by value
TINY: dict[str, dict[str, Any]] = {
    "render_walkers": {"sequences": 2, "frames": 6, "width": 96, "height": 64, "people": 2, "stills_train": 4, "stills_val": 2},
    "pack_samples": {"width": 64, "height": 64},
    "label_depth": {"map_size": 32},
    "pretrain": {"epochs": 1, "batch_size": 2, "workers": 1, "loader_processes": 1},
    "finetune": {"epochs": 1, "batch_size": 2, "workers": 1},
    "report": {"clips": 1, "clip_seconds": 0.5, "clip_width": 96},
    "cluster": {"num_cpus": 2, "object_store_mb": 100},
    "mlflow": {"system_metrics": False},
}


class Ground:
    """A clone whose tiny pipeline has run, and a copy of what it made.

    Args:
        folder: where both lie; what is there from an earlier soak is taken.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.clone, self._kept = folder, folder / "clone", folder / "kept"
        self.environment = environment(self.clone) | {MARK: str(folder), "DVC_SITE_CACHE_DIR": str(self.clone / ".dvc/tmp/site-cache")}
        self.outputs: dict[str, list[str]] = {}

    def prepare(self) -> None:
        """Clone and run the pipeline undisturbed, where that is not done."""
        if self._kept.is_dir():
            self._bring_code()
        if not self._is_current():
            for left in (self.clone, self._kept):
                shutil.rmtree(left, ignore_errors=True)
            clone(self.clone, 1)
            self._write_params()
            subprocess.run(["dvc", "repro"], cwd=self.clone, env=self.environment, check=True, timeout=3600)
            self._kept.mkdir()
            for name in STATE:
                subprocess.run(["cp", "-a", str(self.clone / name), str(self._kept / name)], check=True)
            (self._kept / DIGESTS).write_text(json.dumps(dict(self._digests())))
        stages = yaml.safe_load((self.clone / "dvc.yaml").read_text())["stages"]
        self.outputs = {stage: [next(iter(out)) for out in body["outs"]] for stage, body in stages.items()}

    def _bring_code(self) -> None:
        """Bring the code of this checkout into the clone of an earlier soak."""
        for name in CODE:
            target = self.clone / name
            shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, target)
        self._write_params()

    def _write_params(self) -> None:
        params = yaml.safe_load(preset.text("smoke"))
        for section, values in TINY.items():
            params[section] |= values
        (self.clone / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))

    def _is_current(self) -> bool:
        """Whether what lies there is what this code would make, by the fingerprints of the stages."""
        if not (self._kept / DIGESTS).is_file():
            return False
        self.restore()
        done = subprocess.run(
            [sys.executable, "-c", CURRENT], cwd=self.clone, env=self.environment, stdout=subprocess.PIPE, timeout=600, check=True
        )
        return json.loads(done.stdout.splitlines()[-1]) is True and not self.differences()

    def restore(self) -> None:
        """Bring back what the undisturbed pipeline made, but for the files of a head that runs."""
        own = self.clone / ".throughline"
        head = {name: (own / name).read_bytes() for name in HEAD_FILES if (own / name).is_file()}
        for name in STATE:
            path = self.clone / name
            subprocess.run(["rm", "-rf", str(path), f"{path}-wal", f"{path}-shm", f"{path}-journal"], check=True)
            subprocess.run(["cp", "-a", str(self._kept / name), str(path)], check=True)
        for name, content in head.items():
            (own / name).unlink(missing_ok=True)
            (own / name).touch(mode=0o600)
            (own / name).write_bytes(content)

    def forget(self, stage: str) -> None:
        """Remove what a stage made, so that it has all of its work before it."""
        for out in self.outputs[stage]:
            path = self.clone / out
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(self.clone / ".throughline" / "checkpoints", ignore_errors=True)

    def producer(self, name: str) -> str | None:
        """The stage whose output a file of the clone belongs to."""
        for stage, outs in self.outputs.items():
            if any(name == out or name.startswith(f"{out}/") for out in outs):
                return stage
        return None

    def differences(self) -> list[str]:
        """Names of outputs that are not what the undisturbed pipeline made."""
        known, now = json.loads((self._kept / DIGESTS).read_text()), dict(self._digests())
        return sorted(name for name in known.keys() | now.keys() if known.get(name) != now.get(name))

    def files(self) -> list[str]:
        """Every file that a fault may damage."""
        names = [
            path.relative_to(self.clone).as_posix() for name in STATE for path in sorted((self.clone / name).rglob("*")) if path.is_file()
        ]
        return [name for name in [*names, "mlflow.db"] if Path(name).name not in HEAD_FILES]

    def _digests(self) -> Iterator[tuple[str, str]]:
        for path in sorted(path for name in ("data", "artifacts") for path in (self.clone / name).rglob("*") if path.is_file()):
            name = path.relative_to(self.clone).as_posix()
            if path.name == POINTER:  # what it points at counts as if it lay here
                where = pointed(path.parent)
                for part in json.loads((path.parent / MANIFEST).read_text())["files"]:
                    yield f"{name.removesuffix(POINTER)}{part}", hashlib.sha256((where / part).read_bytes()).hexdigest()
            elif not name.startswith(NOT_THE_SAME_TWICE):
                try:
                    yield name, hashlib.sha256(path.read_bytes()).hexdigest()
                except OSError as error:
                    yield name, str(error)
        scores = self.clone / "artifacts/evaluate/metrics.json"
        found: dict[str, Any] = json.loads(scores.read_bytes()) if scores.is_file() else {}
        yield "scores", json.dumps({key: value for key, value in found.items() if key != "speed"}, sort_keys=True)


def commit() -> str:
    """The commit of this checkout, with a mark where its code was edited since; the soak itself edits what it writes."""
    short = subprocess.run(["git", "rev-parse", "--short=10", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    edited = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", ".", *(f":!docs/faults.{kind}" for kind in ("json", "md"))], cwd=ROOT)
    return f"{short}-dirty" if edited.returncode else short
