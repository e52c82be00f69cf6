from __future__ import annotations

import numpy as np
from pycocotools import mask as coco

from pipeline.files.run_lengths import decode_mask, encode_mask, encode_window, mask_areas, mask_iou, mask_shares


def test_text_is_that_of_pycocotools_for_masks_and_windows_of_any_shape() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        height, width = (int(v) for v in rng.integers(1, 12, 2))
        mask = (rng.random((height, width)) < rng.random()).astype(np.uint8)
        assert encode_mask(mask) == coco.encode(np.asfortranarray(mask))["counts"].decode()
        top, left = int(rng.integers(height)), int(rng.integers(width))
        window = mask[top : top + int(rng.integers(height)), left : left + int(rng.integers(width))]
        whole = np.zeros_like(mask)
        whole[top : top + window.shape[0], left : left + window.shape[1]] = window
        text = encode_window(window, left, top, height, width)
        assert text == coco.encode(np.asfortranarray(whole))["counts"].decode()
        np.testing.assert_array_equal(decode_mask(text, height, width), whole)


def test_overlaps_are_counted_in_pixels() -> None:
    first, second = np.zeros((4, 6), bool), np.zeros((4, 6), bool)
    first[:2, :4], second[:2, 2:] = True, True  # 8 pixels each, 4 of them shared
    texts = [encode_mask(first), encode_mask(second)]
    np.testing.assert_array_equal(mask_iou(texts, texts, 4, 6), [[1, 4 / 12], [4 / 12, 1]])
    np.testing.assert_array_equal(mask_shares(texts, texts[:1], 4, 6), [[1], [0.5]])
    np.testing.assert_array_equal(mask_areas(texts, 4, 6), [8, 8])
    assert mask_iou(texts, [], 4, 6).shape == (2, 0)
