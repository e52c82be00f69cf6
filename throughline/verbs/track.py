"""`throughline track`: anyone's video."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

BATCH = 8  # frames per forward pass
IMAGES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


def track(
    model: Annotated[str, typer.Option(help="models:/NAME@ALIAS, models:/NAME/VERSION, or a folder such as artifacts/finetune.")],
    video: Annotated[str, typer.Option(help="File to track.")],
    out: Annotated[Path, typer.Option(help="Folder for the text and the video.")],
    detections: Annotated[
        Path | None,
        typer.Option(help="Another detector's boxes: MOTChallenge text, scores from 0 to 1.", show_default="the model's own"),
    ] = None,
    tracking_uri: Annotated[
        str | None, typer.Option(help="MLflow store of the model.", show_default="MLFLOW_TRACKING_URI, or of params.yaml")
    ] = None,
) -> None:
    """Track people in a video of your own.

    It needs a model and nothing else. Writes MOTChallenge text and a video with boxes, identities and trails, and prints where they are.
    A video unlike those that the model learnt from is warned of; with --detections the model tells the boxes of another detector apart.
    """
    for path in track_video(model, video, out, tracking_uri, detections):
        print(path)


def track_video(
    model: str, video: str | Path, out: Path, tracking_uri: str | None = None, detections: Path | None = None
) -> tuple[Path, Path]:
    """Track anyone's video with a model of the registry or of a folder; no parameters but the model's own.

    Args:
        model: `models:/outrack@champion`, or a folder that holds a model.
        video: file to track.
        out: folder to make or fill.
        tracking_uri: MLflow store of the registry; None: as `throughline.where` finds it.
        detections: another detector's boxes, in the place of the model's own (MOTChallenge text, frames from 1).

    Returns:
        The MOTChallenge text and the video with boxes, identities and trails.

    Raises:
        UserError: the model, the video or the boxes cannot be used.
    """
    from pipeline.errors import UserError
    from pipeline.files.video import probe
    from pipeline.tracking.external_boxes import read_detections
    from pipeline.tracking.video_file import track_file
    from throughline.tracker import find_model, load_network

    path = video_file(str(video))
    probe(path)  # the quick check first
    found = find_model(model, tracking_uri, "--model")
    if found[0].detection.decode is None and detections is None:
        raise UserError(
            f"--model: {model} is {found[0].name}, which detects nothing in a video by itself\n"
            "next: name a model that detects, or another detector's boxes with --detections FILE"
        )
    detector = load_network(found)
    remarks: list[str] = []
    given = None if detections is None else read_detections(detections, (1, 2**31 - 1), detector.classes, remarks)
    for remark in remarks:
        print(f"note: {remark}", file=sys.stderr)
    return track_file(path, out, detector, BATCH, given)


def video_file(video: str) -> Path:
    """The file that `--video` names.

    Raises:
        UserError: it is a stream, the number of a camera, or a folder.
    """
    from pipeline.errors import UserError

    path = Path(video)
    live = "`from throughline import Tracker` takes frames one at a time from wherever a program reads them"
    if re.match(r"[a-zA-Z][\w+.-]+://", video):
        raise UserError(f"--video: {video} is an address, and only files are read\nnext: save it to a file first, or in Python: {live}")
    if (video.isdigit() and not path.exists()) or video.startswith("/dev/video"):
        raise UserError(f"--video: {video} is a camera, and only files are read\nnext: record it to a file, or in Python: {live}")
    if path.is_dir():
        images = sorted(item for item in path.iterdir() if item.suffix.lower() in IMAGES)
        what = f"a folder of {len(images)} images" if images else "a folder"
        make = f"ffmpeg -framerate 25 -pattern_type glob -i '{path}/*{images[0].suffix}' video.mp4" if images else ""
        remedy = f"make a video of it (`{make}`)" if images else "name one of its files"
        raise UserError(f"--video: {video} is {what}, and only a video file is read\nnext: {remedy}, or in Python: {live}")
    return path
