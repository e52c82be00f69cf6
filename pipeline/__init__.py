"""What the stages stand on; knows no model by name. Imports nothing of models/ or stages/."""

import os

MAX_PIXELS = 1 << 27  # of an image or frame: 134 million; a small file may claim more to fill memory
os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(MAX_PIXELS)  # read when OpenCV is loaded, so it is set before anything else
