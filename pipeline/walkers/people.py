"""What people look like: build, clothes from a small wardrobe, hair, bags. Look-alikes occur."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
T = TypeVar("T")
Colour = tuple[int, int, int]  # blue, green, red

# A limited wardrobe, so that colour alone does not tell people apart.
TOPS: tuple[Colour, ...] = (
    (40, 40, 44), (70, 70, 76), (225, 226, 228), (150, 150, 154), (92, 52, 34), (168, 104, 52), (52, 44, 168), (56, 110, 50),
    (60, 180, 220), (90, 60, 130), (36, 90, 200), (180, 190, 130), (150, 130, 205), (70, 100, 140),
)  # fmt: skip
BOTTOMS: tuple[Colour, ...] = ((34, 32, 32), (84, 58, 44), (120, 88, 66), (104, 104, 106), (100, 140, 168), (60, 70, 84), (190, 196, 200))
SKINS: tuple[Colour, ...] = ((175, 200, 236), (140, 172, 220), (104, 142, 196), (70, 100, 150), (48, 66, 98))
HAIRS: tuple[Colour, ...] = ((22, 22, 26), (34, 48, 74), (52, 84, 124), (96, 150, 190), (140, 140, 144))
BAGS: tuple[Colour, ...] = ((30, 30, 34), (40, 50, 150), (120, 70, 40), (60, 90, 120), (70, 120, 70), (40, 140, 210))
PATTERNS = ("plain", "plain", "plain", "hoops", "stripes", "checks", "logo", "panel", "yoke", "open jacket")
TEXTURE_ROWS, TEXTURE_COLUMNS = 48, 96  # neck to hip; once around the body, column 0 in front


@dataclass(frozen=True)
class Look:
    """One person's appearance.

    Attributes:
        stature: body height in metres.
        build: width relative to an average body.
        top, accent, bottom, skin, hair, shoes: colours (blue, green, red).
        pattern: of the top, one of PATTERNS.
        period: size of the pattern in texture pixels.
        long_sleeves: sleeves reach the hands.
        lower: trousers, shorts or skirt.
        coat: how far the top hangs below the hips, in body heights.
        hair_style: short, long or bald.
        hat: colour of a cap, or None.
        bag: none, backpack, shoulder (with strap) or hand.
        bag_colour: of the bag.
    """

    stature: float
    build: float
    top: Colour
    accent: Colour
    bottom: Colour
    skin: Colour
    hair: Colour
    shoes: Colour
    pattern: str
    period: int
    long_sleeves: bool
    lower: str
    coat: float
    hair_style: str
    hat: Colour | None
    bag: str
    bag_colour: Colour


def sample_looks(rng: np.random.Generator, count: int) -> list[Look]:
    """`count` people; about one in six is another one's double but for one or two details."""
    looks: list[Look] = []
    for _ in range(count):
        look = _sample_look(rng)
        if looks and rng.random() < 0.17:
            look = _double(rng, looks[int(rng.integers(len(looks)))], look)
        looks.append(look)
    return looks


def torso_texture(look: Look) -> Image:
    """(48, 96, 3) uint8: the top, unrolled around the body with the front in column 0."""
    texture = np.empty((TEXTURE_ROWS, TEXTURE_COLUMNS, 3), np.uint8)
    texture[:] = look.top
    rows, columns = np.mgrid[:TEXTURE_ROWS, :TEXTURE_COLUMNS]
    front = (columns + TEXTURE_COLUMNS // 2) % TEXTURE_COLUMNS - TEXTURE_COLUMNS // 2
    texture[_accent_mask(look, rows, columns, front)] = look.accent
    texture[TEXTURE_ROWS - 2 :] = (0.7 * np.array(look.top)).astype(np.uint8)
    if look.bag == "shoulder":
        texture[np.abs(front - (rows - TEXTURE_ROWS // 2) * 0.6) < 2.0] = look.bag_colour
    if look.bag == "backpack":
        texture[(np.abs(np.abs(front) - 10) < 2) & (rows < 34)] = look.bag_colour
    return np.asarray(cv2.GaussianBlur(texture, (3, 3), 0.6, borderType=cv2.BORDER_REPLICATE), np.uint8)


def _accent_mask(look: Look, rows: NDArray[np.int64], columns: NDArray[np.int64], front: NDArray[np.int64]) -> NDArray[np.bool_]:
    period, half = look.period, look.period // 2
    masks = {
        "plain": np.zeros(rows.shape, bool),
        "hoops": rows % period < half,
        "stripes": columns % period < half,
        "checks": (rows // half + columns // half) % 2 == 0,
        "logo": (np.abs(front) < 9) & (np.abs(rows - 17) < 6),
        "panel": rows > 24,
        "yoke": rows < 15,
        "open jacket": np.abs(front) < 3 + rows // 6,
    }
    return np.asarray(masks[look.pattern])


def _sample_look(rng: np.random.Generator) -> Look:
    pattern = _choose(rng, PATTERNS)
    lower = _choose(rng, ("trousers",) * 6 + ("shorts", "shorts", "skirt", "skirt"))
    coat = float(rng.choice([0.0, 0.0, 0.0, 0.08, 0.2]))
    return Look(
        stature=float(np.clip(rng.normal(1.72, 0.09), 1.5, 1.95)),
        build=float(np.clip(rng.normal(1.0, 0.1), 0.82, 1.3)),
        top=_shade(rng, _choose(rng, TOPS)),
        accent=_shade(rng, _choose(rng, TOPS)),
        bottom=_shade(rng, _choose(rng, BOTTOMS)),
        skin=_choose(rng, SKINS),
        hair=_choose(rng, HAIRS),
        shoes=_choose(rng, ((28, 28, 30), (60, 74, 96), (215, 215, 218))),
        pattern=pattern,
        period=int(rng.choice([8, 12, 16])),
        long_sleeves=bool(coat > 0 or rng.random() < 0.55),
        lower=lower,
        coat=coat,
        hair_style=_choose(rng, ("short", "short", "long", "long", "bald")),
        hat=_choose(rng, BAGS) if rng.random() < 0.18 else None,
        bag=_choose(rng, ("none", "none", "none", "backpack", "shoulder", "hand")),
        bag_colour=_choose(rng, BAGS),
    )


def _double(rng: np.random.Generator, model: Look, other: Look) -> Look:
    """`model` with its own body and one other garment."""
    own = replace(model, stature=other.stature, build=other.build, skin=other.skin, hair=other.hair)
    change = int(rng.integers(3))
    if change == 0:
        return replace(own, bottom=other.bottom, lower=other.lower)
    if change == 1:
        return replace(own, pattern=other.pattern, accent=other.accent)
    return replace(own, bag=other.bag, bag_colour=other.bag_colour, hat=other.hat)


def _shade(rng: np.random.Generator, colour: Colour) -> Colour:
    shaded = np.clip(np.array(colour) * rng.uniform(0.88, 1.12) + rng.normal(0, 4, 3), 12, 240).astype(int)
    return int(shaded[0]), int(shaded[1]), int(shaded[2])


def _choose(rng: np.random.Generator, options: tuple[T, ...]) -> T:
    return options[int(rng.integers(len(options)))]
