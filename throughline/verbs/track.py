"""`throughline track`: anyone's video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from throughline import PARAMS

BATCH = 8  # frames a forward pass


def track(
    model: Annotated[str, typer.Option(help="models:/NAME@ALIAS, models:/NAME/VERSION, or a folder such as artifacts/finetune.")],
    video: Annotated[Path, typer.Option(help="File to track.")],
    out: Annotated[Path, typer.Option(help="Folder for the text and the video.")],
    tracking_uri: Annotated[
        str | None, typer.Option(help="MLflow store of the model.", show_default="mlflow.tracking_uri of params.yaml")
    ] = None,
) -> None:
    """Track people in a video of your own.

    It needs a model and nothing else. Writes MOTChallenge text and a video with boxes, identities and trails, and prints where they are.
    """
    for path in track_video(model, video, out, tracking_uri):
        print(path)


def track_video(model: str, video: Path, out: Path, tracking_uri: str | None = None) -> tuple[Path, Path]:
    """Track anyone's video with a model of the registry or of a folder; no parameters but the model's own.

    Args:
        model: `models:/outrack@champion`, or a folder that holds a model.
        video: file to track.
        out: folder to make or fill.
        tracking_uri: MLflow store of the registry; None: the one of params.yaml.

    Returns:
        The MOTChallenge text and the video with boxes, identities and trails.

    Raises:
        UserError: the model or the video cannot be used.
    """
    from pipeline.errors import UserError
    from pipeline.files.video import probe
    from pipeline.params import file
    from pipeline.tracking.detector import load_detector
    from pipeline.tracking.video_file import track_file
    from stages.track import local_model, spec_and_options

    probe(video)  # the quick check first
    folder = local_model(model, tracking_uri or file.load(PARAMS).mlflow.tracking_uri, "--model")
    spec, options = spec_and_options(folder)
    if spec.detection.decode is None:
        raise UserError(
            f"--model: {model} is {spec.name}, which detects nothing in a video by itself\n"
            "next: name a model that detects, or run the stages with track.detections: file"
        )
    return track_file(video, out, load_detector(spec, options, folder), BATCH)
