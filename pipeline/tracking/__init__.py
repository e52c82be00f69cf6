"""A network and a tracker over videos: detections, association, results and their pictures.

Imports files, contract, numerics, artifacts, runtime, params and errors.
"""
