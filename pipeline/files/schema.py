"""What our files hold: one row per frame or depth map (Parquet), one per training sample (Arrow). Version in each file's metadata.

Boxes are xyxy pixels, float32, amodal (not clipped); frames are counted from 1; identity -1 is unknown; classes are MOTChallenge's
(1 = pedestrian). `confidence` is the ground truth's flag column (0 = not scored) and `ignore` marks regions that are neither object
nor background. Lists of one row have the same length.

Frames whose source draws masks (MOTS) have a further column, `masks`: of each object COCO's compressed run lengths (the `counts` of an
image of the frame's size), null where it has none. Files of other sources do not have the column, and neither have samples: nothing that
trains or scores reads it.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.artifacts.store import Place, parquet
from pipeline.errors import UserError

VERSION = 1
JPEG = pa.binary()
BOXES = pa.list_(pa.list_(pa.float32(), 4))

OBJECTS: list[tuple[str, pa.DataType]] = [
    ("boxes", BOXES),
    ("identities", pa.list_(pa.int64())),
    ("classes", pa.list_(pa.int32())),
    ("visibilities", pa.list_(pa.float32())),
    ("confidences", pa.list_(pa.float32())),
    ("ignores", pa.list_(pa.bool_())),
]

MASKS = ("masks", pa.list_(pa.string()))

FRAMES = pa.schema(
    [
        ("dataset", pa.string()),
        ("sequence", pa.string()),
        ("frame", pa.int32()),
        ("time", pa.float64()),  # seconds from the first frame
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("image", JPEG),
        *OBJECTS,
        ("public_boxes", BOXES),
        ("public_scores", pa.list_(pa.float32())),
    ]
)

MASKED_FRAMES = FRAMES.append(pa.field(*MASKS))

DEPTHS = pa.schema(
    [
        ("dataset", pa.string()),
        ("sequence", pa.string()),
        ("frame", pa.int32()),
        ("depth", pa.binary()),  # 16-bit PNG, code * scale = depth, grows with distance, 0 = unknown
        ("scale", pa.float64()),
        ("object_depths", pa.list_(pa.float32())),  # aligned with the frame row's boxes, 0 = unknown
    ]
)

SAMPLES = pa.schema(
    [
        ("dataset", pa.string()),
        ("sequence", pa.string()),
        ("frame", pa.int32()),
        ("video", pa.bool_()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("image", JPEG),  # at training size, aspect kept, unpadded
        *OBJECTS,  # boxes in pixels of `image`
        ("depth", pa.binary()),  # 16-bit PNG at 1/depth_stride of `image`; null without labels
        ("depth_scale", pa.float64()),
        ("object_depths", pa.list_(pa.float32())),
    ]
)


def stamp(schema: pa.Schema, **facts: Any) -> pa.Schema:
    """Attach the contract's version and facts (JSON) to a schema.

    Facts of a frame file: dataset, sequence, kind ("video" or "stills"), frame_rate (frames a second, None for stills), width, height,
    ground_truth and detections (whether the source had them), source (what was read).
    """
    return schema.with_metadata({"throughline": json.dumps({"version": VERSION, **facts}, sort_keys=True)})


def facts(schema: pa.Schema, where: str) -> dict[str, Any]:
    """Read back what `stamp` wrote.

    Raises:
        UserError: the file is not ours, or of another version.
    """
    raw = (schema.metadata or {}).get(b"throughline")
    if raw is None:
        raise UserError(f"{where}: not a Throughline file (no version in its metadata)\nnext: make it with the stage that owns its folder")
    found: dict[str, Any] = json.loads(raw)
    if found["version"] != VERSION:
        raise UserError(f"{where}: written as version {found['version']}, this code reads {VERSION}\nnext: run `dvc repro` again")
    return found


def open_file(path: Place, kind: str, stage: str) -> pq.ParquetFile:
    """Open one of our files.

    Args:
        path: the file.
        kind: what it holds, for messages ("frame", "depth").
        stage: the stage that makes it.

    Raises:
        UserError: the file is missing, is not Parquet, is not ours, or is of another version.
    """
    try:
        file = parquet(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such {kind} file\nnext: run `dvc repro {stage}`") from None
    except pa.ArrowInvalid as error:
        raise UserError(f"{path}: not a readable Parquet file ({error})\nnext: delete it and run `dvc repro {stage}`") from None
    facts(file.schema_arrow, str(path))
    return file
