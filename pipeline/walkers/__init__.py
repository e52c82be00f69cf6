"""The embedded data set: people walking on a ground plane under a perspective camera, drawn with NumPy and OpenCV.

World: x right, y up, z forward (metres), ground at y = 0, camera above the origin. Image: pixels, x right, y down, the upper left
corner of the upper left pixel is (0, 0). Everything is a function of the parameters, the seed
and the name of the sequence or still.
Imports files, artifacts, runtime and params.
"""
