from __future__ import annotations

import numpy as np

from pipeline.walkers.people import PATTERNS, TEXTURE_COLUMNS, TEXTURE_ROWS, sample_looks, torso_texture


def test_the_same_generator_gives_the_same_people() -> None:
    assert sample_looks(np.random.default_rng(3), 20) == sample_looks(np.random.default_rng(3), 20)


def test_people_differ_but_look_alikes_occur() -> None:
    looks = sample_looks(np.random.default_rng(5), 60)
    assert len(set(looks)) == 60
    assert len({(look.top, look.bottom) for look in looks}) < 60
    assert max(look.stature for look in looks) - min(look.stature for look in looks) > 0.2


def test_every_pattern_makes_a_texture_that_is_not_plain() -> None:
    looks = sample_looks(np.random.default_rng(0), 400)
    for pattern in set(PATTERNS) - {"plain"}:
        look = next(look for look in looks if look.pattern == pattern and look.bag == "none" and look.accent != look.top)
        texture = torso_texture(look)
        assert texture.shape == (TEXTURE_ROWS, TEXTURE_COLUMNS, 3)
        assert texture[2:-4].reshape(-1, 3).std(axis=0).max() > 0.5, pattern
