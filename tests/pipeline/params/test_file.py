from __future__ import annotations

import re
from pathlib import Path

import pytest

import stages
from pipeline.artifacts import fingerprint
from pipeline.artifacts.publication import Publication
from pipeline.errors import UserError
from pipeline.params import file as params
from pipeline.params.sections import STAGES
from tests.shared import ROOT

WALKERS = (ROOT / "presets" / "walkers.yaml").read_text()


def changed(tmp_path: Path, old: str, new: str) -> Path:
    assert old in WALKERS
    path = tmp_path / "params.yaml"
    path.write_text(WALKERS.replace(old, new, 1))
    return path


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("  seed: 317", "  sead: 317", ["base.sead: unknown key", "seed, data_root", "base.seed: missing"]),
        ("  seed: 317", "  seed: many", ["base.seed: Input should be a valid integer", "'many'"]),
        (
            "  backend: ground_plane",
            "  backend: guess",
            ["label_depth.backend", "'ground_plane', 'files', 'transformers' or 'video_depth_anything'"],
        ),
        ("  width: 640", "  width: 641", ["render_walkers.width", "multiple of 2", "641"]),
        ("  overlap: 10 ", "  overlap: 32 ", ["label_depth", "overlap must be below window (32), got 32"]),
        ("    backbone: resnet_fpn", "    backbone: vgg", ["model.network.backbone", "'resnet_fpn' or 'dla34'"]),
        ("    placeholder: mean", "    placeholder: median", ["model.loss.placeholder", "'mean', 'zero' or 'none'"]),
        ("  name: outrack ", "  name: fairest ", ["model.name", "outrack"]),
        ("  height: 256", "  height: 250", ["pack_samples", "multiples of 32"]),
        ("  workers: 2 ", "  workers: {min: 3, max: 2} ", ["pretrain.workers.range: min must not be above max, got 3 and 2"]),
        ("  workers: 2 ", "  workers: {min: 3, most: 4} ", ["pretrain.workers.range.most: unknown key; allowed here: min, max"]),
        ("  workers: 2 ", "  workers: 0 ", ["pretrain.workers.number: Input should be greater than or equal to 1"]),
        ("  group_frames: 4 ", "  group_frames: 1 ", ["pretrain.group_frames: Input should be greater than or equal to 2"]),
        ("  mix: {}", "  mix: {walkers: -1.0}", ["pretrain.mix.walkers", "greater than or equal to 0", "-1.0"]),
        ("  - 320\n  - 192", "  - 320\n  - 200", ["pretrain.input_size.1", "multiple of 32", "200"]),
        ("  - 320\n  - 192", "  - 320", ["pretrain.input_size", "at least 2 items", "[320]"]),
        ("  - name: walkers", "  - name: ..", ["extract_frames.sources.0.name", "'..'"]),  # it would be written outside data/frames
        ("  - name: walkers", "  - name: .hidden", ["extract_frames.sources.0.name", "'.hidden'"]),
        ("  - name: walkers", "  - name: a/b", ["extract_frames.sources.0.name", "'a/b'"]),
        ("  masks: false   ", "  masks: true   ", ["extract_frames.sources: stills is read as crowdhuman", "writes it as coco"]),
        ("    rotate: 2.0", "    rotates: 2.0", ["pretrain.augment.rotates: unknown key", "rotate, translate"]),
    ],
)
def test_a_wrong_key_or_value_names_itself_and_what_is_allowed(tmp_path: Path, old: str, new: str, parts: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        stages.check(changed(tmp_path, old, new))
    for part in parts:
        assert part in str(caught.value)


def test_a_complaint_about_several_keys_does_not_repeat_their_section(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"pack_samples: width and height must be multiples of 32, got 448x250$"):
        stages.check(changed(tmp_path, "  height: 256", "  height: 250"))


def test_missing_file_and_broken_yaml(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such parameter file"):
        params.load(tmp_path / "nothing.yaml")
    (tmp_path / "broken.yaml").write_text("base: [1")
    with pytest.raises(UserError, match="not valid YAML"):
        params.load(tmp_path / "broken.yaml")
    (tmp_path / "list.yaml").write_text("- 1")
    with pytest.raises(UserError, match="expected sections"):
        params.load(tmp_path / "list.yaml")


def test_every_stage_stops_with_one_plain_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = changed(tmp_path, "  seed: 317", "  sead: 317")
    for stage in STAGES:
        with pytest.raises(SystemExit) as stop:
            stages.execute(stage, lambda context: pytest.fail("work began"), path, tmp_path)
        message = capsys.readouterr().err
        assert stop.value.code == 2
        assert message.startswith("error: ")
        assert "base.sead" in message


def test_digest_ignores_key_order_and_sees_values() -> None:
    assert params.digest({"a": 1, "b": 2}) == params.digest({"b": 2, "a": 1})
    assert params.digest({"a": 1}) != params.digest({"a": 2})


def test_an_empty_mix_leaves_the_digests_as_they_were_without_it(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(re.sub(r"  mix: .*\n", "", WALKERS))
    old, new = params.load(tmp_path / "old.yaml"), params.load(ROOT / "presets" / "walkers.yaml")
    assert params.digest(old) == params.digest(new)
    mixed = new.pretrain.model_copy(update={"mix": {"stills": 2.0}})
    assert mixed.model_dump()["mix"] == {"stills": 2.0}
    assert params.digest(mixed) != params.digest(new.pretrain)


def test_fingerprint_follows_what_a_stage_reads(tmp_path: Path) -> None:
    def fingerprints(old: str, new: str) -> dict[str, str]:
        loaded, _ = stages.check(changed(tmp_path, old, new))
        return {stage: fingerprint.fingerprint_of(stage, loaded, tmp_path) for stage in STAGES}

    before = fingerprints("seed: 317", "seed: 317")
    tracker = fingerprints("detection_threshold: 0.44", "detection_threshold: 0.5")
    assert {stage for stage in STAGES if before[stage] != tracker[stage]} == {"track"}
    publish(tmp_path / "data/samples", "a", "one")
    after = fingerprints("seed: 317", "seed: 317")
    assert {stage for stage in STAGES if before[stage] != after[stage]} == {"pretrain", "finetune", "track", "evaluate"}
    publish(tmp_path / "data/samples", "b", "one", defects=["x"])  # made by other code, the same bytes
    assert fingerprints("seed: 317", "seed: 317") == after
    publish(tmp_path / "data/samples", "b", "two")
    assert fingerprints("seed: 317", "seed: 317")["finetune"] != after["finetune"]


def publish(folder: Path, made_by: str, text: str, **facts: object) -> None:
    publication = Publication(folder, "pack_samples", made_by * 64)
    with publication.write("part.parquet") as path:
        path.write_text(text)
    publication.publish(**facts)


def test_a_system_without_masks_of_parts_is_asked_for_none_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"track\.keep_masks: true asks outrack for the masks of its parts"):
        stages.check(changed(tmp_path, "  keep_masks: false", "  keep_masks: true"))
