"""Where the files of a MOTChallenge data set lie: its sequences in folders, splits or CVAT archives, and the lists that name splits."""

from __future__ import annotations

import configparser
import functools
from typing import NamedTuple

from pipeline.errors import UserError
from pipeline.sources.defects import Defects
from pipeline.sources.media import Media, images_in, numbered, videos_in
from pipeline.sources.place import Place, dead_link, listed, locate, relative
from pipeline.sources.planned import choose
from pipeline.sources.remote import Remote

MARKS = ("img1", "gt", "det", "seqinfo.ini")
SPLITS = ("train", "val", "test")
INNER = "dataset"  # SportsMOT's splits lie one folder deeper
BIRDS = "annotations_mot"  # BFT: texts named by sequence, images beside no folder of their own


class Files(NamedTuple):
    """The files of one sequence; None where there is none.

    Attributes:
        folder: of the sequence, or its archive.
        gt: ground truth.
        det: public detections.
        ini: seqinfo.ini.
        labels: names of the classes in the order of their numbers (CVAT).
    """

    folder: Place
    gt: Place | None
    det: Place | None
    ini: Place | None
    labels: Place | None


def sequences(folder: Place, wanted: list[str] | None, defects: Defects) -> dict[str, Files]:
    """The wanted sequences by name, in order.

    Args:
        folder: a sequence, a folder of sequences, or of splits (train, val, test) that hold them; without a choice the first of these
            that has any, of the splits train.
        wanted: names of sequences and of splits, a split being a folder or a list: `val_seqmap.txt`, `seqmaps/val.txt`,
            `seqmaps/MOT17-val.txt`, `splits_txt/val.txt`. None: all.
        defects: gets archives that cannot be opened.

    Raises:
        UserError: there is none, a wanted one is missing, or its name is in two splits.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder\nnext: set base.data_root, or root of the entry in extract_frames.sources")
    inside = functools.cache(lambda parent: _inside(parent, defects))
    if _is_sequence(folder) and not any(isinstance(files.folder, Remote) and not files.folder.path for files in inside(folder).values()):
        found = {folder.resolve().name: _files(folder)}
        return {name: found[name] for name in choose(list(found), wanted, str(folder))}
    plain = inside(folder) or inside(folder / "train") or inside(folder / INNER / "train")
    splits = {split: inside(base / split) for split in SPLITS for base in (folder, folder / INNER) if inside(base / split)}
    if not plain and not splits and len(inner := listed(folder)) == 1 and inner[0].is_dir():
        return sequences(inner[0], wanted, defects)  # an archive often holds one folder with everything in it
    if not plain and not splits:
        raise UserError(
            f"{folder}: no sequence here; expected folders that hold img1/ or a video file, and gt/, det/, seqinfo.ini where there are "
            "any\nnext: correct root of the entry in extract_frames.sources"
        )
    if wanted is None:
        return plain or next(iter(splits.values()))
    everything = _merged({"": plain} | splits, folder)
    names = [name for wish in wanted for name in ([wish] if wish in everything else _split(folder, wish, splits))]
    return {name: everything[name] for name in choose(list(everything), names, str(folder))}


def media(name: str, files: Files) -> Media | None:
    """The frames of a sequence: images of img1, else a video, else images of the folder itself, or of what lies beside an archive.

    `img1` is called otherwise where seqinfo.ini says so (imDir).

    Raises:
        UserError: there are several videos, or images without clear numbers.
    """
    stated = below(stated_folder(files.ini))
    for folder in (files.folder, *_beside(files.folder)):
        for inner in (*([folder / stated] if stated else []), folder / "img1", folder):
            if inner == folder and (found := _video(folder)):
                return Media(found, None)
            if pictures := images_in(inner):
                return Media(inner, numbered(pictures))
    for folder in _beside(files.folder):
        if films := [film for film in videos_in(folder.parent) if film.stem == folder.name]:
            return Media(films[0], None)
    return None


def below(stated: str | None) -> str | None:
    """A stated folder as a path below the sequence, None where none is stated or it leads elsewhere."""
    stated = (stated or "").replace("\\", "/")
    return stated.rstrip("/") if stated and not stated.startswith("/") and ".." not in stated.split("/") else None


def stated_folder(ini: Place | None) -> str | None:
    """imDir of a seqinfo.ini as it is written, None where it is not stated or the file cannot be read."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string("" if ini is None else ini.read_text(encoding="utf-8-sig"))
        return parser.get("Sequence", "imDir", fallback="").strip() or None
    except (configparser.Error, OSError, UnicodeDecodeError):
        return None


def beside(folder: Place, found: dict[str, Files]) -> list[str]:
    """Remarks on what lies in a root and is none of its sequences: sets one folder down, and archives."""
    quiet, notes = Defects(folder, strict=False), []
    below = {str(files.folder) for files in found.values()} | {str(files.folder.parent) for files in found.values()}
    for child in listed(folder):
        if child.is_dir() and str(child) not in below and child.name not in (*SPLITS, INNER, *MARKS) and not child.name.startswith("."):
            parts = {part: _inside(part, quiet) for part in (child, *(child / split for split in SPLITS))}
            for part, inner in parts.items():
                if inner:
                    first = ", ".join(list(inner)[:3]) + (", ..." if len(inner) > 3 else "")
                    notes.append(
                        f"{relative(part, folder)}: {len(inner)} more sequences ({first}), not of this root; name that folder as root"
                    )
        elif child.suffix.lower() == ".zip" and child.stem not in found and not isinstance(child, Remote):
            notes.append(f"{child.name}: an archive, not read here; name it as root of its own")
    return notes


def _is_sequence(folder: Place) -> bool:
    return any((folder / mark).exists() for mark in MARKS) or bool(videos_in(folder))


def _inside(parent: Place, defects: Defects) -> dict[str, Files]:
    """Sequences directly in a folder."""
    birds = _bird_texts(parent)
    found: dict[str, Files] = {}
    for child in listed(parent):
        if child.is_dir() and (_is_sequence(child) or child.name in birds):
            found[child.name] = _files(child)._replace(gt=birds.get(child.name) or _files(child).gt)
        elif child.suffix.lower() == ".zip" and not isinstance(child, Remote):
            with defects.leaving_out():
                archive = locate(str(child), child)
                if (archive / "gt/gt.txt").is_file():
                    found[child.stem] = _files(archive)
    return found


def _bird_texts(parent: Place) -> dict[str, Place]:
    for texts in (parent.parent / BIRDS / parent.name, parent.parent / BIRDS, parent / BIRDS):
        found = {path.stem: path for path in listed(texts) if path.suffix == ".txt"}
        if found:
            return found
    return {}


def _files(folder: Place) -> Files:
    names = ("gt/gt.txt", "det/det.txt", "seqinfo.ini", "gt/labels.txt")
    gt, det, ini, labels = (folder / name if (folder / name).is_file() or dead_link(folder / name) else None for name in names)
    return Files(folder, gt, det, ini, labels)


def _merged(splits: dict[str, dict[str, Files]], folder: Place) -> dict[str, Files]:
    everything: dict[str, Files] = {}
    for found in splits.values():
        for name, files in found.items():
            other = everything.setdefault(name, files)
            if str(other.folder) != str(files.folder):
                raise UserError(
                    f"{folder}: sequence {name} is in {other.folder.parent.name} and in {files.folder.parent.name}\n"
                    "next: let root name one of these folders"
                )
    return everything


def _split(folder: Place, name: str, splits: dict[str, dict[str, Files]]) -> list[str]:
    """Names of a split's sequences; the name itself where there is no such split."""
    lists = [folder / f"{name}_seqmap.txt", folder / f"splits_txt/{name}.txt", folder / f"seqmaps/{name}.txt"]
    lists += [path for path in listed(folder / "seqmaps") if path.name.endswith(f"-{name}.txt")]
    for path in lists:
        if path.is_file():
            lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
            return [line for line in lines if line and line != "name"]  # TrackEval's lists begin with a heading
    return list(splits.get(name, {name: None}))


def _video(folder: Place) -> Place | None:
    found = videos_in(folder)
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise UserError(f"{folder}: several videos ({names}); a sequence has one\nnext: give each video a folder of its own")
    return found[0] if found else None


def _beside(folder: Place) -> list[Place]:
    """Of an archive: the folder of its name beside it."""
    archive = folder.archive if isinstance(folder, Remote) and not folder.path else None
    return [archive.with_suffix("")] if archive else []
