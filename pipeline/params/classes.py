"""The table of classes: MOTChallenge's numbers 1 to 13, and from 14 what other data sets track beside pedestrians.

The numbers stand in gt.txt (column 8), frames, samples and, where several classes are tracked, in result files. What a run learns and
tracks is the list `pack_samples.classes`; arrays called `classes` between feeding and tracking are indices into that list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # parameters are read before anything heavy is imported
    import numpy as np
    from numpy.typing import NDArray

NAMES: dict[int, str] = {
    1: "pedestrian",
    2: "person on vehicle",
    3: "car",
    4: "bicycle",
    5: "motorbike",
    6: "non motorized vehicle",
    7: "static person",
    8: "distractor",
    9: "occluder",
    10: "occluder on the ground",
    11: "occluder full",
    12: "reflection",
    13: "crowd",
    14: "rider",
    15: "bus",
    16: "truck",
    17: "train",
    18: "cyclist",
}
NUMBERS: dict[str, int] = {name: number for number, name in NAMES.items()}
PEDESTRIAN, CYCLIST = NUMBERS["pedestrian"], NUMBERS["cyclist"]
LAST_OF_MOTCHALLENGE = 13
PEDESTRIANS = ("pedestrian",)  # what is tracked where nothing else is said
# Look like people and are not scored: person on vehicle, static person, distractor, reflection.
UNSCORED_PEOPLE = (2, 7, 8, 12)
# What can be learnt: neither of the above nor background nor a crowd.
TRACKABLE = tuple(name for number, name in NAMES.items() if number not in (*UNSCORED_PEOPLE, 9, 10, 11, 13))


def class_numbers(names: Sequence[str]) -> NDArray[np.int64]:
    """(K,) the numbers of K class names.

    Raises:
        KeyError: a name is not in the table.
    """
    import numpy as np

    return np.array([NUMBERS[name] for name in names], np.int64)


def class_indices(numbers: NDArray[np.integer], tracked: Sequence[str]) -> NDArray[np.int64]:
    """(N,) index of each class number in the list of tracked classes, -1 where it is not tracked.

    Args:
        numbers: (N,) class numbers of the table.
        tracked: names, `pack_samples.classes`.

    Raises:
        KeyError: a name is not in the table.
    """
    import numpy as np

    wanted = class_numbers(tracked)
    same = numbers[:, None] == wanted[None, :]
    return np.where(same.any(axis=1), same.argmax(axis=1) if len(wanted) else 0, -1).astype(np.int64)
