from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.files.depths import DepthRow, DepthWriter
from pipeline.files.frames import Frame, FrameWriter, Objects, encode_jpeg
from pipeline.labelling.consistency import changes

IMAGE = encode_jpeg(np.zeros((8, 8, 3), np.uint8), 80)


def objects(identities: list[int], *, visible: float = 1.0, ignore: bool = False, kind: int = 1) -> Objects:
    count = len(identities)
    return Objects(
        boxes=np.tile(np.array([[0, 0, 4, 4]], np.float32), (count, 1)),
        identities=np.array(identities, np.int64),
        classes=np.full(count, kind, np.int32),
        visibilities=np.full(count, visible, np.float32),
        confidences=np.ones(count, np.float32),
        ignores=np.full(count, ignore, np.bool_),
    )


def write(folder: Path, rows: list[tuple[int, Objects, list[float]]], kind: str = "video") -> tuple[Path, Path]:
    """A frame file and its depth file: frame number, objects, their depths."""
    frames, depths = folder / "frames.parquet", folder / "depth.parquet"
    facts = {"dataset": "d", "sequence": "s", "kind": kind}
    with FrameWriter(frames, facts | {"frame_rate": None, "source": "gt.txt"}) as writer:
        for number, found, _ in rows:
            writer.write(Frame("d", "s", number, 0.1 * number, 8, 8, IMAGE, found))
    with DepthWriter(depths, facts) as depth_writer:
        for number, _, values in rows:
            depth_writer.write(DepthRow("d", "s", number, b"", 1.0, np.array(values, np.float32)))
    return frames, depths


def test_the_figure_by_hand(tmp_path: Path) -> None:
    rows = [
        (1, objects([1, 2]), [4.0, 10.0]),
        (2, objects([2, 1]), [10.0, 6.0]),  # 1: 2 * 2 / 10 = 0.4; 2: 0
        (3, objects([1]), [0.0]),  # unknown
        (4, objects([1]), [5.0]),
        (6, objects([1]), [9.0]),  # a frame is missing between them
        (7, objects([1]), [9.0]),  # 0
    ]
    found = changes(*write(tmp_path, rows))
    assert found.pairs == 3
    assert found.mean == pytest.approx(0.4 / 3)


def test_a_factor_changes_nothing(tmp_path: Path) -> None:
    rows = [(number, objects([1]), [float(number)]) for number in range(1, 9)]
    (tmp_path / "a").mkdir()
    scaled = [(number, found, [values[0] * 8]) for number, found, values in rows]
    assert changes(*write(tmp_path / "a", rows)).mean == pytest.approx(changes(*write(tmp_path, scaled)).mean)


@pytest.mark.parametrize("what", [{"visible": 0.4}, {"ignore": True}, {"kind": 2}])
def test_only_visible_people_count(tmp_path: Path, what: dict[str, float]) -> None:
    rows = [(number, objects([1], **what), [float(number)]) for number in (1, 2)]  # type: ignore[arg-type]
    found = changes(*write(tmp_path, rows))
    assert found.pairs == 0
    assert np.isnan(found.mean)


def test_stills_have_none(tmp_path: Path) -> None:
    rows = [(number, objects([1]), [float(number)]) for number in (1, 2)]
    assert changes(*write(tmp_path, rows, "stills")).pairs == 0
