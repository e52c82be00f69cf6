"""`dvc repro` on a root that grows: what was right stays, and DVC leaves it in place for its stages."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.pipeline.recorded import mot_sequence, record
from tests.stages.test_incremental import GT, kept, nodes
from tests.system.test_survival import clone, repro

FRAMES = range(1, 7)


def repository(folder: Path) -> Path:
    """A clone that reads two videos of its own and renders nothing."""
    clone(folder)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["render_walkers"] |= {"sequences": 0, "stills_train": 0, "stills_val": 0}
    source = {"name": "own", "kind": "mot_challenge", "root": "{data_root}/own", "sequences": None, "images_per_file": 8}
    params["extract_frames"]["sources"] = [source]
    params["pack_samples"] |= {"stills": [], "videos": ["own"]}
    params["base"]["data_root"] = "in"
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    mot_sequence(folder / "in/own/a", gt=GT, frames=FRAMES)
    record(folder / "in/own/b/b.mp4", 6)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_what_is_added_is_all_that_is_done(tmp_path: Path) -> None:
    folder = repository(tmp_path / "clone")
    repro(folder, "pack_samples")
    before = {out: nodes(folder, out) for out in ("frames", "depth")}
    mot_sequence(folder / "in/own/c", gt=GT, frames=FRAMES)
    assert "2 of 3 sequences are as an earlier run made them" in repro(folder, "pack_samples")
    for out, parts in before.items():
        assert kept(parts, nodes(folder, out)) == {"own/a.parquet", "own/b.parquet"}
    code = folder / "pipeline/sources/images.py"
    code.write_text(code.read_text() + "\n# the same work\n")
    assert "extract_frames: its output is of these very parameters, inputs and code" in repro(folder, "pack_samples")  # DVC started it
    code.write_text(code.read_text() + "\nSAME_WORK = True\n")
    said = repro(folder, "pack_samples")
    assert "sequences are as" not in said  # other code vouches for nothing, but its frames are the same bytes ...
    assert "label_depth: its output is of these very parameters, inputs and code" in said  # ... and depth is kept
    assert "up to date" in repro(folder, "pack_samples")
