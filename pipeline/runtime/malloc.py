"""Where the memory of large arrays comes from: the process keeps what it frees, and uses it again.

By default glibc gives arrays of some hundred kilobytes back to the system as soon as they are freed, and gets new, empty pages for the next
one. Code that makes and drops the same large arrays over and over, as decoding and training do, then spends up to half of its time on
page faults.
"""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # names of glibc's malloc.h
KEPT = 2**30  # bytes free at the end of the heap before any go back, and of an array that is a mapping of its own
MOST = 2**25  # of the latter in glibc before 2.36


def keep_freed_memory() -> bool:
    """Let this process and those that it forks hold on to freed memory. Values do not change; peaks of memory stay what they were.

    Returns:
        Whether the C library could be told; others than glibc go on as before.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    own_mapping = mallopt(M_MMAP_THRESHOLD, KEPT) or mallopt(M_MMAP_THRESHOLD, MOST)
    return bool(own_mapping and mallopt(M_TRIM_THRESHOLD, KEPT))
