"""Regions of an image: where pixels lie, and what is outside."""

from __future__ import annotations

import torch

from models.unitrack.crops import crop


def test_a_region_of_the_same_size_is_the_image() -> None:
    image = torch.rand(3, 6, 8)
    assert torch.allclose(crop(image, torch.tensor([[1.0, 2.0, 5.0, 6.0]]), 4)[0], image[:, 2:6, 1:5], atol=1e-6)


def test_a_region_twice_as_large_averages_what_its_pixels_lie_between() -> None:
    image = torch.arange(8.0).expand(3, 8, 8)
    assert torch.allclose(crop(image, torch.tensor([[0.0, 0.0, 8.0, 8.0]]), 4)[0, 0, 0], torch.tensor([0.5, 2.5, 4.5, 6.5]))


def test_outside_the_image_is_the_mean_colour() -> None:
    found = crop(torch.ones(3, 8, 8), torch.tensor([[-8.0, 0.0, 0.0, 8.0], [4.0, 0.0, 12.0, 8.0]]), 8)
    assert float(found[0, :, :, :7].abs().max()) == 0
    assert float(found[1, :, :, :4].min()) == 1
    assert float(found[1, :, :, 5:].max()) == 0
