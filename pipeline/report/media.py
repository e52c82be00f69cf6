"""Pictures and clips as HTML figures with everything inside (base64)."""

from __future__ import annotations

import base64
from html import escape

import cv2
import numpy as np
from numpy.typing import NDArray

JPEG_QUALITY = 82


def picture(image: NDArray[np.uint8], caption: str) -> str:
    """An (H, W, 3) uint8 RGB picture."""
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    encoded = cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), options)[1].tobytes()
    height, width = image.shape[:2]
    source = f"data:image/jpeg;base64,{_text(encoded)}"
    return _figure(f'<img src="{source}" width="{width}" height="{height}" alt="{escape(caption)}">', caption)


def clip(video: bytes, caption: str) -> str:
    """An MP4 that plays in place, in a loop, without sound."""
    source = f"data:video/mp4;base64,{_text(video)}"
    return _figure(f'<video src="{source}" controls loop muted playsinline preload="auto"></video>', caption)


def _figure(content: str, caption: str) -> str:
    return f"<figure>{content}<figcaption>{escape(caption)}</figcaption></figure>"


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
