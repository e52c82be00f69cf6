"""What is not read of an archive or from a server, and why."""

from __future__ import annotations

import errno
from typing import Any

from pipeline.errors import UserError

_NOT_LET_IN = (401, 403)  # status of a server that wants another login
# A member of an archive that is larger than this and than so many times its packed bytes is made to fill memory: labels in JSON come to
# some twenty times, pictures to once.
_SWELLING_BYTES, _SWELLING = 1 << 26, 100
_READ_BYTES = 1 << 32


def refuse_swelling(files: Any, name: str) -> None:
    """Refuse a member of an archive that unpacks to far more than any data does (a zip bomb).

    Args:
        files: the fsspec file system; only a zip file's is asked.
        name: of the member in it.

    Raises:
        OSError: it states more than 64 MiB and more than 100 times its packed bytes.
    """
    if "zip" not in files.protocol:
        return
    said = files.info(name)
    size, packed = int(said.get("size") or 0), int(said.get("compress_size") or 0)
    if size > max(_SWELLING_BYTES, _SWELLING * packed):
        raise OSError(errno.EFBIG, f"{packed / 1e6:.1f} MB in the archive would unpack to {size / 1e9:.2f} GB; it is not read")


def refuse_too_large(size: int) -> None:
    """Refuse to read more than 4 GiB into memory at once.

    Raises:
        OSError: `size`, in bytes, is more.
    """
    if size > _READ_BYTES:
        raise OSError(errno.EFBIG, f"it has {size / 1e9:.1f} GB, too many to be read at once")


def refuse_without_login(address: str, error: BaseException) -> None:
    """Raise a message with advice where an HTTP server refused the user's name or password; do nothing for any other error.

    Raises:
        UserError: the server answered 401 or 403.
    """
    status = getattr(error, "status", 0)
    if status in _NOT_LET_IN:
        raise UserError(
            f"{address}: the server does not let you in (status {status})\n"
            "next: name variables of the environment in the address, as in https://${DATA_USER}:${DATA_PASSWORD}@host/set"
        ) from None
