"""The sections of the page: what was measured and what can be seen, each as HTML; empty where there is nothing to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.artifacts.publication import read_manifest
from pipeline.artifacts.store import Place, follow, read_table
from pipeline.files import depth_codec
from pipeline.files.frames import decode_jpeg
from pipeline.report import media, tables
from pipeline.report.clips import TrackedSequence, busiest_stretch, most_crowded, read_frame, render, shrink
from pipeline.report.heat import heat_overlays
from pipeline.report.page import paragraph, pictures
from pipeline.report.plots import read_history, training_curves
from pipeline.tracking.detector import Detector
from pipeline.tracking.drawing import colour_depth, side_by_side

HEADLINES = ("HOTA", "MOTA", "IDF1", "IDSW")
CLIPS = (
    "Coloured boxes are tracks, each with its identity and a trail of foot points, dashed where no detection supports the box (a refound "
    "object). Thin white boxes are the ground truth. Shown is the stretch with the most people, of sequences from the best score to the "
    "worst."
)
HEAT = (
    "What the network answers on the most crowded tracked frame of each sequence: bright where it sees the centre of an object, or of an "
    "occlusion between two."
)
DEPTH = "The labels that depth is learnt from, beside their frames: near is bright, far is dark, grey is unknown."


def summary(metrics: Mapping[str, Any], context: str) -> str:
    """The headline numbers; `context` is a plain sentence above them."""
    combined, speed = metrics["combined"], metrics.get("speed", {})
    values = {name: combined[name] for name in HEADLINES}
    values |= {"ReID R1": metrics.get("reid", {}).get("R1"), "detection AP": metrics.get("detection", {}).get("AP50")}
    values["frames/s"] = speed.get("frames_per_second")
    return paragraph(context) + tables.cards({name: value for name, value in values.items() if value is not None})


def scores(metrics: Mapping[str, Any]) -> str:
    """The table of tracking scores: all together, each class where there are several, then each sequence."""
    counted = paragraph("HOTA, DetA, AssA, MOTA, MOTP and IDF1 in percent; the others are counts.")
    whole = tables.scores({}, metrics["combined"])
    return counted + whole + _by_class(metrics) + "<h3>By sequence</h3>" + tables.scores(metrics["sequences"])


def network(metrics: Mapping[str, Any]) -> str:
    """Detection, re-identification and speed: the network without the tracker."""
    found = {"detection": metrics.get("detection"), "re-identification": metrics.get("reid")}
    found |= {"re-identification of the badly seen": metrics.get("reid_hidden"), "masks of parts": metrics.get("parts")}
    lines = [[part, name, value] for part, values in found.items() if values for name, value in values.items() if name != "classes"]
    body = tables.rows(["part", "figure", "value"], lines) if lines else ""
    return body + _speed(metrics.get("speed"))


def training(folders: Mapping[str, Path]) -> str:
    """The curves of each training run, by its name, and what it drew from where data sets were weighed."""
    histories = {name: read_history(follow(folder) / "history.csv") for name, folder in folders.items()}
    return "\n".join(training_curves(histories[name], name) + _mix(folder, name) for name, folder in folders.items())


def clips(sequences: Sequence[TrackedSequence], seconds: float, width: int, most_bytes: int) -> str:
    """A tracked clip of each sequence; all of them take about `most_bytes`."""
    figures = []
    for sequence in sequences:
        numbers = busiest_stretch(sequence, seconds)
        video = render(sequence, numbers, width, most_bytes // len(sequences))
        figures.append(media.clip(video, f"{sequence.name}, frames {numbers[0]} to {numbers[-1]}"))
    return paragraph(CLIPS) + pictures(figures) if figures else ""


def heat(sequences: Sequence[TrackedSequence], detector: Detector, width: int) -> str:
    """Every heat map of the network, on one frame of each sequence."""
    figures = []
    for sequence in sequences:
        frame = read_frame(sequence, most_crowded(sequence))
        image = decode_jpeg(frame.image, f"{sequence.frames}: frame {frame.frame}")
        for overlay in heat_overlays(image, detector):
            what = f"{overlay.name.replace('_', ' ')}: {sequence.name}, frame {frame.frame}, brightest {overlay.peak:.2f}"
            figures.append(media.picture(shrink(overlay.image, width)[0], what))
    return paragraph(HEAT) + pictures(figures) if figures else ""


def depth(sequences: Sequence[TrackedSequence], labels: Mapping[str, Place], width: int) -> str:
    """One frame of each sequence beside its depth label; `labels` are the depth files by sequence."""
    figures = []
    for sequence in sequences:
        frame = read_frame(sequence, most_crowded(sequence))
        image = shrink(decode_jpeg(frame.image, f"{sequence.frames}: frame {frame.frame}"), width)[0]
        both = side_by_side([image, _coloured(labels[sequence.name], frame.frame, image.shape)])
        figures.append(media.picture(both, f"{sequence.name}, frame {frame.frame}, and its depth"))
    return paragraph(DEPTH) + pictures(figures) if figures else ""


def _by_class(metrics: Mapping[str, Any]) -> str:
    """Scores and detection of each class and their mean; nothing where one class is scored."""
    if "classes" not in metrics:
        return ""
    body = "<h3>By class</h3>" + tables.scores({**metrics["classes"], "mean over classes": metrics["mean"]}, of="class")
    detected = metrics.get("detection", {}).get("classes", {})
    if detected:
        names = list(next(iter(detected.values())))
        body += tables.rows(["detection of class", *names], [[label, *(part[name] for name in names)] for label, part in detected.items()])
    return body


def _mix(folder: Path, name: str) -> str:
    shares = read_manifest(folder).facts.get("mix", {})
    told = ", ".join(f"{share:.1%} from {dataset}" for dataset, share in shares.items())
    return paragraph(f"Samples of {name}: {told}.") if told else ""


def _coloured(path: Place, number: int, shape: tuple[int, ...]) -> Any:
    table = read_table(path, columns=["depth", "scale"], filters=[("frame", "==", number)])
    values = depth_codec.decode(table["depth"][0].as_py(), table["scale"][0].as_py(), f"{path}: frame {number}")
    return colour_depth(values, (shape[1], shape[0]))


def _speed(speed: Mapping[str, Any] | None) -> str:
    """Where the time went, by sequence; preparation overlaps with the network."""
    if speed is None:
        return ""
    everything = {**speed.get("sequences", {}), "all sequences": speed}
    parts = list(speed["seconds"])
    lines = [
        [name, item["frames"], item["frames_per_second"], *(item["seconds"][part] for part in parts)] for name, item in everything.items()
    ]
    told = paragraph("Of one process; pictures are prepared (read, decoded, resized) while the network works on those before.")
    return "<h3>Speed</h3>" + told + tables.rows(["sequence", "frames", "frames/s", *(f"{part}, s" for part in parts)], lines)
