"""A preset becomes a whole parameter file, with the comments of the default."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.errors import UserError
from pipeline.params import file as params
from pipeline.params.preset import text, use, values
from tests.shared import ROOT

DEFAULT = (ROOT / "presets" / "walkers.yaml").read_text()


def repository(root: Path, preset: str) -> Path:
    """A root with the default and a preset `mine`."""
    (root / "presets").mkdir()
    (root / "presets" / "walkers.yaml").write_text(DEFAULT)
    (root / "presets" / "mine.yaml").write_text(preset)
    return root


def test_only_what_a_preset_states_differs_from_the_default_and_comments_stay(tmp_path: Path) -> None:
    root = repository(tmp_path, "# make repro PRESET=mine\n\nmodel:\n  tracker:\n    iou_limit: 0.5\npretrain:\n  lr_drop_epochs: []\n")
    path = use("mine", data_root="/mnt/sets", root=root)
    expected = DEFAULT.replace("    iou_limit: 0.9          # largest", "    iou_limit: 0.5          # largest")
    drops = "  lr_drop_epochs:           # the rate falls before these epochs (counted from 0)\n"
    expected = expected.replace(f"{drops}  - 3\n  - 4\n", drops.replace(":   ", ": []", 1), 1)
    expected = expected.replace("  data_root: data/external  #", "  data_root: /mnt/sets      #")
    assert path.read_text().splitlines() == ["# make repro PRESET=mine", *expected.splitlines()[2:]]
    assert params.load(path).base.data_root == "/mnt/sets"


def test_the_default_is_written_as_it_stands() -> None:
    assert text("walkers") == DEFAULT


def test_lists_are_replaced_and_the_file_stays_in_shape(tmp_path: Path) -> None:
    sources = "  sources:\n    - {name: a, kind: folder, root: /a, sequences: null, images_per_file: 64}\n"
    entry = "  - name: a\n    kind: folder\n    root: /a\n    sequences:\n    images_per_file: 64\n"
    root = repository(tmp_path, f"# make repro PRESET=mine\n\nextract_frames:\n{sources}\nreport:\n  clips: 1\n")
    written = text("mine", root=root)
    assert f"{entry}  jpeg_quality: 92          # of frames" in written, "no blank line between"
    assert "  sources:                  # kind: mot_challenge" in written
    assert yaml.safe_load(written) == values("mine", root)
    assert [source["name"] for source in values("mine", root)["extract_frames"]["sources"]] == ["a"]


def test_a_mix_takes_any_name_and_another_model_states_its_whole_section(tmp_path: Path) -> None:
    model = "model:\n  name: other\n  network: {layers: 3}  # how deep\n  loss: {}\n  tracker: {}\n"
    root = repository(tmp_path, f"# make repro PRESET=mine\n{model}finetune:\n  mix: {{PETS: 0.5}}\n")
    assert values("mine", root)["model"] == {"name": "other", "network": {"layers": 3}, "loss": {}, "tracker": {}}
    assert values("mine", root)["finetune"]["mix"] == {"PETS": 0.5}
    assert "  network: {layers: 3}  # how deep" in text("mine", root=root)


def test_presets_lie_over_each_other_in_the_order_named(tmp_path: Path) -> None:
    root = repository(tmp_path, "# make repro PRESET=mine\n\nbase:\n  seed: 5\nevaluate:\n  benchmark: none\n")
    (root / "presets" / "yours.yaml").write_text("# of yours\n\nbase:\n  seed: 6\nreport:\n  clips: 1\n")
    both = values("mine+yours", root)
    assert (both["base"]["seed"], both["evaluate"]["benchmark"], both["report"]["clips"]) == (6, "none", 1)
    assert values("yours+mine", root)["base"]["seed"] == 5
    assert text("mine+yours", root=root).startswith("# make repro PRESET=mine\n# of yours\n\nbase:\n")
    assert yaml.safe_load(text("mine+yours", root=root)) == both
    (root / "presets" / "other.yaml").write_text("model:\n  name: other\n")
    for name, first in {"mine+other": "other", "mine+walkers": "walkers"}.items():
        with pytest.raises(UserError, match=rf"presets/{first}.yaml is of a system of its own, and cannot be laid over presets/mine.yaml"):
            values(name, root)


def test_presets_of_another_system_differ_from_its_first(tmp_path: Path) -> None:
    root = repository(tmp_path, "# make repro PRESET=mine\nmodel:\n  name: other\n  network:\n    layers: 5\n")
    model = "model:\n  name: other\n  network:\n    layers: 3  # how deep\n    width: 8  # how wide\n  loss: {}\n  tracker: {}\n"
    own = "finetune:\n  epochs: 2\n  model:\n    step: 4  # how far\n\n"
    (root / "presets" / "other_walkers.yaml").write_text(f"# make repro PRESET=other_walkers\n{model}{own}report:\n  clips: 1\n")
    assert values("mine", root)["model"] == {"name": "other", "network": {"layers": 5, "width": 8}, "loss": {}, "tracker": {}}
    assert values("mine", root)["report"] == values("walkers", root)["report"], "of the first only what is the system's own counts"
    assert [values("mine", root)[stage]["model"] for stage in ("pretrain", "finetune")] == [{}, {"step": 4}]
    assert values("mine", root)["finetune"]["epochs"] == values("walkers", root)["finetune"]["epochs"]
    assert "    step: 4  # how far\n  epoch_samples:  " in text("mine", root=root)
    assert "    layers: 5  # how deep\n    width: 8  # how wide\n" in text("mine", root=root)


PRESETS = [path.stem for path in sorted((ROOT / "presets").glob("*.yaml"))]
OF_A_SYSTEM = [name for name in PRESETS if name.endswith("walkers") or name == "unitrack"]  # which hold whole sections


@pytest.mark.parametrize("name", [name if name in OF_A_SYSTEM else pytest.param(name, marks=pytest.mark.slow) for name in PRESETS])
def test_dvc_changes_the_line_of_a_parameter_and_no_other(name: str, tmp_path: Path) -> None:
    from dvc.utils.hydra import apply_overrides

    whole = text(name)
    (tmp_path / "params.yaml").write_text(whole)
    apply_overrides(str(tmp_path / "params.yaml"), ["base.seed=4711"])  # what `dvc exp run -S base.seed=4711` does to the file
    pairs = zip(whole.splitlines(), (tmp_path / "params.yaml").read_text().splitlines(), strict=True)
    assert [now.split("#")[0].strip() for before, now in pairs if now != before] == ["seed: 4711"]


@pytest.mark.parametrize(
    ("name", "preset", "message"),
    [
        ("dogs", "", "presets/dogs.yaml: no such preset; there are: mine, walkers"),
        ("mine", "model:\n  tracker:\n    top: 3\n", "presets/mine.yaml: model.tracker.top: the default has no such key; it has detection"),
        ("mine", "base:\n  seed: many\n", "presets/mine.yaml: 1 parameter"),
    ],
)
def test_what_cannot_be_used_leaves_params_as_they_are(tmp_path: Path, name: str, preset: str, message: str) -> None:
    root = repository(tmp_path, preset)
    with pytest.raises(UserError, match=message):
        use(name, root=root)
    assert not (root / "params.yaml").exists()
