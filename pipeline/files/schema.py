"""What our files hold: one row per frame or depth map (Parquet), one per training sample (Arrow). Version in each file's metadata.

Boxes are xyxy pixels, float32, amodal (not clipped); frames are counted from 1; identity -1 is unknown; classes are numbers of
`pipeline.params.classes` (1 = pedestrian). `confidences` holds the ground truth's flag column (0 = not scored) and `ignores` marks regions
that are neither object nor background. The lists of a row's objects have the same length, and so have those of a public detector's boxes.

Frames have further columns where their source says more (`Extras`): `masks`, of each object COCO's compressed run lengths (the `counts`
of an image of the frame's size), null where it has none; `keypoints`, x, y and mark or score of each joint, zeros where it has none;
`categories`, the source's own names; `public_masks` and `public_keypoints`, the same of a public detector's boxes. Files of other sources
do not have these columns. Samples carry masks and key points where `pack_samples` asks for them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Extras:
    """Which columns a file of frames has beside the usual ones.

    Attributes:
        masks: of objects.
        keypoints: how many joints objects have; 0: no column.
        categories: the source's names of objects' classes.
        public_masks: of a public detector.
        public_keypoints: as `keypoints`, of a public detector.
    """

    masks: bool = False
    keypoints: int = 0
    categories: bool = False
    public_masks: bool = False
    public_keypoints: int = 0

    @property
    def columns(self) -> list[tuple[str, pa.DataType]]:
        """Names and types of the columns that there are."""
        text = pa.list_(pa.string())
        found: list[tuple[str, pa.DataType]] = [("masks", text)] if self.masks else []
        found += [("keypoints", _joints(self.keypoints))] if self.keypoints else []
        found += [("categories", text)] if self.categories else []
        found += [("public_masks", text)] if self.public_masks else []
        return found + ([("public_keypoints", _joints(self.public_keypoints))] if self.public_keypoints else [])


def _joints(count: int) -> pa.DataType:
    return pa.list_(pa.list_(pa.float32(), 3 * count))


OF_OBJECTS = ("masks", "keypoints", "categories")  # extra columns with an entry for each object

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


def frames(extras: Extras) -> pa.Schema:
    """The schema of a file of frames."""
    return pa.schema([*FRAMES, *(pa.field(*column) for column in extras.columns)])


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


def samples(extras: Extras) -> pa.Schema:
    """The schema of a shard of samples; of the further columns only masks and key points, both in pixels of `image`."""
    carried = Extras(masks=extras.masks, keypoints=extras.keypoints)
    return pa.schema([*SAMPLES, *(pa.field(*column) for column in carried.columns)])


def stamp(schema: pa.Schema, **facts: Any) -> pa.Schema:
    """Attach the contract's version and facts (JSON) to a schema.

    Facts of a frame file: dataset, sequence, kind ("video" or "stills"), frame_rate (frames per second, None for stills), width, height,
    ground_truth and detections (whether the source had them), source (what was read), interval (usual seconds from frame to frame) where a
    video's rate varies, and images (names of stills' files without ending, by frame number) where they come from JSON.
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
        kind: what it holds, for messages, such as "frame", "depth" or "observation".
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
