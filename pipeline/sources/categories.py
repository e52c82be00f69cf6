"""The class number of other data sets' categories: among MOTChallenge's, or, for a source with `classes: own`, in the whole table.

MOTChallenge's classes make a rider a person on a vehicle, whom nobody scores, and a bus a car. With a set's own classes those of the table
stay what they are, and what only resembles one (BDD100K's other person, other vehicle and trailer) is neither object nor background.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.params import classes as table

PEDESTRIAN, CROWD = table.PEDESTRIAN, table.NUMBERS["crowd"]
ON_VEHICLE, CAR, BICYCLE, MOTORBIKE = (table.NUMBERS[name] for name in ("person on vehicle", "car", "bicycle", "motorbike"))
DISTRACTOR, OCCLUDER = table.NUMBERS["distractor"], table.NUMBERS["occluder"]
NEITHER = (*table.UNSCORED_PEOPLE, CROWD)  # look like pedestrians and are not scored
NAMES = {number: name for number, name in table.NAMES.items() if number <= table.LAST_OF_MOTCHALLENGE}
_SYNONYMS = {
    "person": PEDESTRIAN,
    "people": PEDESTRIAN,
    "human": PEDESTRIAN,
    "rider": ON_VEHICLE,
    "other person": DISTRACTOR,
    "bus": CAR,
    "truck": CAR,
    "train": CAR,
    "trailer": CAR,
    "van": CAR,
    "vehicle": CAR,
    "other vehicle": CAR,
    "bike": BICYCLE,
    "motorcycle": MOTORBIKE,
}
_NUMBERS = {name: number for number, name in NAMES.items()} | _SYNONYMS
_OWN = _SYNONYMS | {"other vehicle": DISTRACTOR, "trailer": DISTRACTOR} | table.NUMBERS


def numbers(categories: Iterable[str], used: Iterable[str] | None = None, *, own: bool = False) -> dict[str, int]:
    """The class of each category, by its name in any case.

    A data set's only category is what is tracked there, so it is 1 whatever its name. Among several, one without a counterpart is 9, an
    occluder: background, like the vehicles; but where it alone has boxes and no other is a person, it is what is tracked. With `own`
    classes a category of the table is what it says, alone or not.

    Args:
        categories: those that are listed.
        used: those of them that have boxes; None: all.
        own: whether the source's `classes` are `own`.
    """
    names = list(dict.fromkeys(categories))
    if len(names) == 1 and not (own and _plain(names[0]) in _OWN):
        return {names[0]: PEDESTRIAN}
    found = {name: number(name, own=own) for name in names}
    boxed = list(dict.fromkeys(names if used is None else used))
    if len(boxed) == 1 and not _known(boxed[0]) and PEDESTRIAN not in found.values():
        found[boxed[0]] = PEDESTRIAN
    return found


def number(category: str, *, own: bool = False) -> int:
    """The class of a category by its name alone, 9 where there is no counterpart."""
    return (_OWN if own else _NUMBERS).get(_plain(category), OCCLUDER)


def remarks(classes: dict[str, int]) -> list[str]:
    """Remarks on what `numbers` chose: on categories without a counterpart, and on those that `classes: own` would keep apart."""
    lines = []
    for name, kind in classes.items():
        kept = "; with classes: own it is a class of its own" if _plain(name) in table.NUMBERS and table.NAMES[kind] != _plain(name) else ""
        if not _known(name) and (kept or _plain(name) not in _OWN):
            lines.append(f"category {name} is read as class {kind} ({table.NAMES[kind]}){kept}")
    return lines


def _known(category: str) -> bool:
    return _plain(category) in _NUMBERS


def _plain(category: str) -> str:
    return category.strip().lower().replace("_", " ")
