"""What trains an embedding: one objective per file, all of one shape (`objectives.py`); any detector can name any of them.

Imports pipeline/, no system.
"""
