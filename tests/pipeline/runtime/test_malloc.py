"""Freed memory is used again, without a page fault."""

import platform
import subprocess
import sys

import pytest

CODE = """
import resource, sys
import numpy as np
from pipeline.runtime.malloc import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(12_000_000, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

np.ones(40_000_000, np.uint8)  # glibc now lets arrays of this size lie in the heap, and trims the heap's end
wasted = faults()
assert keep_freed_memory()
faults()
print(wasted, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_large_arrays_come_from_freed_memory() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    wasted, kept = map(int, done.stdout.split())
    assert kept < 100  # of 20 arrays of 2,930 pages
    assert wasted > 100
