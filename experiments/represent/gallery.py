"""artifacts/represent/index.html: the scores of representations by task, and a drawn clip of each, made of finished parts.

Clips lie in artifacts/represent/clips/NAME/TASK.mp4 as well. One whose part and drawing are those it was made of is not made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from experiments.represent.painting import ShapePainter
from experiments.represent.parts import Part
from experiments.represent.representations import Entry
from experiments.represent.run import FOLDER, Wanted, plan
from experiments.represent.shapes import shapes
from experiments.represent.shown import Scores, within
from experiments.represent.table import cell
from experiments.represent.tasks import TASKS
from pipeline.artifacts import code
from pipeline.artifacts.manifest import checked
from pipeline.artifacts.store import write_text
from pipeline.files.frames import decode_jpeg, frame_facts
from pipeline.params.file import digest
from pipeline.params.sections import Params
from pipeline.report import media, tables
from pipeline.report.clips import TRAIL_SECONDS, encoded, shrink
from pipeline.report.page import Section, page, paragraph, pictures
from pipeline.tracking.drawing import Image

PAGE = f"{FOLDER}/index.html"
CLIPS = f"{FOLDER}/clips"
SECONDS, WIDTH, CLIP_BYTES = 4.0, 640, 400_000
CODE = ("experiments/represent/shapes.py", "experiments/represent/painting.py", "experiments/represent/gallery.py")
TITLES = {
    "sot": "Single-object tracking", "vos": "Video object segmentation", "mot": "Multi-object tracking",
    "mots": "Multi-object tracking and segmentation", "pose": "Pose tracking", "propagation": "Pose propagation",
    "vis": "Video instance segmentation",
}  # fmt: skip
SUMMARY = (
    "Frozen representations in seven tracking tasks: docs/representations.md compares them. Clips show a task's first sequence, and of "
    "random weights the first start. A colour is an identity; what is thin and white is the truth."
)
DRAWN = {
    "sot": "Boxes by DCF, from the true ones of the first frame.", "vos": "Masks handed on from the first frame.",
    "mot": "True boxes, joined by RSM.", "mots": "A detector's masks, joined by RSM.", "pose": "A detector's poses, joined by RSM.",
    "propagation": "Joints handed on from the first frame.", "vis": "A detector's instances with their classes, joined by RSM.",
}  # fmt: skip


def draw(wanted: Wanted, params: Params, root: Path) -> list[Path]:
    """Draw the first sequence of each task for each representation; gives the clips, in that order; there is none where nobody is followed.

    Args:
        wanted: what was judged.
        params: of that.
        root: the repository.

    Raises:
        ValueError: a part is not finished.
    """
    found = []
    for item in plan(wanted, params, root):
        if item.job.start == params.base.seed:
            for task in wanted.tasks:
                first = next(part for part in item.job.parts if part.task == task)
                path = root / CLIPS / item.job.name / f"{task}.mp4"
                _draw(first, path)
                found.append(path)
    return [path for path in found if path.is_file()]


def write(entries: Mapping[str, Entry], root: Path) -> Path:
    """Write the page of all clips and scores that there are of these representations, in their order; gives its path."""
    sections = [Section(task, TITLES[task], _section(task, entries, root)) for task in TASKS]
    path = root / PAGE
    write_text(path, page("What frozen representations are worth in tracking", paragraph(SUMMARY), sections))
    return path


def frames(part: Part) -> Iterator[tuple[Image, float]]:
    """The drawn pictures of the first seconds of a part's sequence, and their times."""
    rate, found = float(frame_facts(part.shown.frames)["frame_rate"]), part.result()
    painter = ShapePainter(round(TRAIL_SECONDS * rate))
    for index, frame in enumerate(islice(within(part.shown), round(SECONDS * rate))):
        image = decode_jpeg(frame.image, f"{part.shown.frames}: frame {frame.frame}")
        drawn = shapes(part.task, found, frame, index)
        if part.task == "sot" and not drawn.truth:  # beyond what was followed
            return
        yield shrink(painter.paint(image, drawn), WIDTH)[0], frame.time


def _draw(part: Part, path: Path) -> None:
    key, stamp = digest(part.key, code.digest(CODE, code.ROOT)), path.with_suffix(".key")
    if stamp.is_file() and stamp.read_text() == key:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in (stamp, path):
        old.unlink(missing_ok=True)
    if drawn := list(frames(part)):
        facts = frame_facts(part.shown.frames)
        path.write_bytes(encoded(drawn, float(facts["frame_rate"]), CLIP_BYTES, uneven="interval" in facts))
    write_text(stamp, key)


def _section(task: str, entries: Mapping[str, Entry], root: Path) -> str:
    """The scores and clips of a task; nothing where none was judged."""
    columns, lines, figures = TASKS[task].columns, list[list[str]](), list[str]()
    for name in entries:
        starts = _scores(task, name, root)
        for row in starts[0] if starts else ():
            values = [cell([scores[row][column] for scores in starts if column in scores.get(row, {})], column) for column in columns]
            lines.append([name, row, *values])
        video = root / CLIPS / name / f"{task}.mp4"
        if starts and video.is_file():
            figures.append(media.clip(video.read_bytes(), name))
    if not lines:
        return ""
    return paragraph(DRAWN[task]) + pictures(figures) + tables.rows(["representation", "by", *columns], lines)


def _scores(task: str, name: str, root: Path) -> Sequence[Scores]:
    """Of each start that was judged."""
    there = sorted((root / FOLDER / "scores" / name).glob(f"*/{task}.json"))
    return [kept["scores"] for path in there if (kept := checked(path)) is not None]
