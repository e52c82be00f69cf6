"""Inputs as people really have them: a parametrised test a kind of fault, after public reports."""
