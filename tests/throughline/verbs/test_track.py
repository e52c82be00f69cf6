"""Anyone's video."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from models import load as load_spec
from pipeline.files import model_folder as weights
from pipeline.files.mot_text import read_rows
from pipeline.files.video import VideoWriter
from pipeline.params.sections.common import Mlflow
from pipeline.registry import registry
from pipeline.registry.runs import started
from tests.models.unitrack import samples as unitrack
from tests.pipeline.seen import picture
from tests.stages.repository import model_folder, small_options
from tests.throughline.command import throughline


def test_anyones_video_becomes_text_and_a_playable_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with VideoWriter(tmp_path / "my.mp4", 12.5) as writer:
        for x in range(20):
            writer.write(picture(128, 96, (x, 20, x + 20, 80)))
    model = model_folder(tmp_path / "model")
    card = model / "model.json"
    card.write_text(card.read_text().replace('"detection_threshold": 0.4', '"detection_threshold": 0.0'))
    assert throughline("track", "--model", str(model), "--video", str(tmp_path / "my.mp4"), "--out", str(tmp_path / "out")) == 0
    text, video = map(Path, capsys.readouterr().out.split())
    assert set(read_rows(text, kind="results").frame) <= set(range(1, 21))
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt, float(stream.average_rate)) == ("h264", "yuv420p", 12.5)
        assert (stream.width, stream.height) == (128, 96)
        assert sum(1 for _ in container.decode(video=0)) == 20


def test_another_detectors_boxes_are_followed_through_a_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    boxes = tmp_path / "yolo.txt"
    # Two people who cross the picture, as another detector saw them; the last row lies behind the end of the video.
    rows = [f"{frame},-1,{x},20,20,60,0.9" for frame in range(1, 13) for x in (frame, 100 - frame)]
    boxes.write_text("\n".join([*rows, "14,-1,5,20,20,60,0.9"]))
    with VideoWriter(tmp_path / "my.mp4", 12.5) as writer:
        for x in range(12):
            writer.write(picture(128, 96, (x, 20, x + 20, 80)))
    words = ("--model", str(model_folder(tmp_path / "model")), "--video", str(tmp_path / "my.mp4"), "--out", str(tmp_path / "out"))
    assert throughline("track", *words, "--detections", str(boxes)) == 0
    said = capsys.readouterr()
    found = read_rows(Path(said.out.split()[0]), kind="results")
    left = found.boxes[:, 0]
    for lefts in (found.frame, 100 - found.frame):  # each of them keeps one identity
        assert len(set(found.identity[np.abs(left - lefts) < 4])) == 1
    assert len(set(found.identity)) == 2
    np.testing.assert_allclose(found.boxes[:, 3] - found.boxes[:, 1], 60, atol=3)
    assert "boxes were given for 1 more, which are left out" in said.err
    boxes.write_text("1,-1,5,20,20,60,90\n")
    assert throughline("track", *words, "--detections", str(boxes)) == 2
    assert f"{boxes}:1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("video", "model", "message"),
    [
        ("absent.mp4", "model", "no such video file"),
        ("text.mp4", "model", "not a video"),
        ("good.mp4", "nowhere", "no such folder: nowhere"),
        ("good.mp4", "empty", "not a model folder"),
        ("good.mp4", "frozen", "frozen is unitrack, which detects nothing in a video by itself"),
        ("good.mp4", "models:/outrack@champion", "outrack@champion: not in the registry"),
    ],
)
def test_video_mistakes_are_plain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], video: str, model: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.mp4").write_text("hello")
    Path("empty").mkdir()
    Path("frozen").mkdir()
    weights.ModelCard("unitrack", unitrack.small_options().model_dump(mode="json"), 64, 64, "m").write(Path("frozen/model.json"))
    with VideoWriter(Path("good.mp4"), 10) as writer:
        writer.write(picture(64, 64))
    store = f"sqlite:///{tmp_path}/empty.db"
    assert throughline("track", "--model", model, "--video", video, "--out", "out", "--tracking-uri", store) == 2
    assert message in capsys.readouterr().err
    assert not Path("out").exists()


def test_half_a_command_line_names_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert throughline("track", "--video", "my.mp4") == 2
    assert "Missing option '--model'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_registered_model_tracks_a_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What finetune registers is what the command line fetches."""
    monkeypatch.setattr("throughline.where.CHECKOUT", tmp_path)
    folder, store = model_folder(tmp_path / "model"), f"sqlite:///{tmp_path}/mlflow.db"
    network = load_spec("outrack").build_network(small_options())
    weights.load(network, folder / weights.WEIGHTS)
    with started(Mlflow(tracking_uri=store, experiment="e", system_metrics=False), tmp_path, stage="finetune", tags={}) as run_of_training:
        registry.register(network.eval(), folder, np.zeros((1, 3, 96, 128), np.float32), name="outrack", tags={}, run=run_of_training)
    with VideoWriter(tmp_path / "my.mp4", 10) as writer:
        writer.write(picture(128, 96, (20, 20, 40, 80)))
    out = tmp_path / "out"
    words = ("--model", "models:/outrack@latest", "--video", str(tmp_path / "my.mp4"), "--out", str(out))
    assert throughline("track", *words, "--tracking-uri", store) == 0
    assert capsys.readouterr().out.split() == [str(out / "my.txt"), str(out / "my.mp4")]
