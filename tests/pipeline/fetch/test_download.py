from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.fetch.download import ATTEMPTS, File, download
from tests.pipeline.server import Site, serving

BODY = np.random.default_rng(0).bytes(3_000_000)
SHA = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as made:
        made.files["set.zip"] = BODY
        yield made


def get(site: Site, folder: Path, *, size: int | None = len(BODY), sha256: str | None = SHA) -> str:
    return download(File(site.url("set.zip"), size, sha256), folder / "set.zip", first_wait=0.001)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_whole(site: Site, tmp_path: Path) -> None:
    assert get(site, tmp_path) == SHA
    assert (tmp_path / "set.zip").read_bytes() == BODY
    assert left(tmp_path) == ["set.zip"]
    assert site.requests == [("set.zip", None)]


def test_a_broken_connection_is_continued_where_it_broke(site: Site, tmp_path: Path) -> None:
    site.breaks = [1_000_000, 500_000]
    get(site, tmp_path)
    assert (tmp_path / "set.zip").read_bytes() == BODY
    assert [asked for _, asked in site.requests] == [None, "bytes=1000000-", "bytes=1500000-"]


def test_the_next_run_continues_what_this_one_could_not(site: Site, tmp_path: Path) -> None:
    site.breaks = [2_000_000] + [0] * ATTEMPTS
    with pytest.raises(UserError, match="2,000,000 bytes are here"):
        get(site, tmp_path)
    assert left(tmp_path) == ["set.zip.part", "set.zip.part.json"]
    site.requests.clear()
    get(site, tmp_path)
    assert site.requests == [("set.zip", "bytes=2000000-")]
    assert (tmp_path / "set.zip").read_bytes() == BODY


def test_a_server_that_ignores_ranges_sends_all_of_it_again(site: Site, tmp_path: Path) -> None:
    site.ranges, site.breaks = False, [1_000_000]
    get(site, tmp_path)
    assert (tmp_path / "set.zip").read_bytes() == BODY


def test_a_server_without_ranges_that_always_breaks_is_given_up(site: Site, tmp_path: Path) -> None:
    site.ranges, site.breaks = False, [900, 1000, 800, 1000] + [500] * 20
    with pytest.raises(UserError, match="run the same command again"):
        get(site, tmp_path)
    assert len(site.requests) < 12


def test_without_a_validator_nothing_is_joined(site: Site, tmp_path: Path) -> None:
    site.validators, site.breaks = False, [1_000_000]
    get(site, tmp_path)
    assert [asked for _, asked in site.requests] == [None, None]
    assert (tmp_path / "set.zip").read_bytes() == BODY


def test_a_file_that_changes_in_between_is_fetched_anew(site: Site, tmp_path: Path) -> None:
    site.breaks = [1_000_000] + [0] * ATTEMPTS
    with pytest.raises(UserError):
        get(site, tmp_path, sha256=None)
    other = BODY[::-1]
    site.files["set.zip"] = other
    assert get(site, tmp_path, sha256=None) == hashlib.sha256(other).hexdigest()
    assert (tmp_path / "set.zip").read_bytes() == other
    assert site.requests[-1] == ("set.zip", "bytes=1000000-")  # asked for the rest, got the whole


def test_a_part_of_another_address_is_not_continued(site: Site, tmp_path: Path) -> None:
    site.files["other.zip"] = BODY[::-1]
    site.breaks = [1_000_000] + [0] * ATTEMPTS
    with pytest.raises(UserError):
        download(File(site.url("other.zip")), tmp_path / "set.zip", first_wait=0.001)
    site.requests.clear()
    get(site, tmp_path)
    assert site.requests == [("set.zip", None)]


def test_another_range_than_the_one_asked_for_is_not_appended(site: Site, tmp_path: Path) -> None:
    site.breaks, site.wrong_start = [1_000_000], True
    get(site, tmp_path)
    assert (tmp_path / "set.zip").read_bytes() == BODY
    assert [asked for _, asked in site.requests] == [None, "bytes=1000000-", None]


def test_a_wrong_checksum_leaves_nothing(site: Site, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"what came has SHA-256 {SHA}, not {'0' * 64}; it was deleted"):
        get(site, tmp_path, sha256="0" * 64)
    assert left(tmp_path) == []


def test_another_size_is_refused_before_the_download(site: Site, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the server has 3,000,000 bytes, 7 were expected"):
        get(site, tmp_path, size=7)
    assert not (tmp_path / "set.zip.part").exists()


def test_trouble_that_passes_is_waited_for_and_trouble_that_does_not_is_said(site: Site, tmp_path: Path) -> None:
    site.failures = [503, 429, 500]
    assert get(site, tmp_path) == SHA
    site.failures = [403]
    with pytest.raises(UserError, match="the server answers 403 Forbidden"):
        download(File(site.url("set.zip")), tmp_path / "again.zip", first_wait=0.001)
    with pytest.raises(UserError, match="404"):
        download(File(site.url("none.zip")), tmp_path / "none.zip", first_wait=0.001)
    with pytest.raises(UserError, match="refused"):
        download(File("http://127.0.0.1:9/none.zip"), tmp_path / "none.zip", first_wait=0.001)


def test_a_range_that_cannot_be_had_starts_anew(site: Site, tmp_path: Path) -> None:
    site.breaks = [1_000_000]
    site.failures = []
    with pytest.raises(UserError):
        site.breaks += [0] * ATTEMPTS
        get(site, tmp_path)
    site.failures = [416]
    get(site, tmp_path)
    assert (tmp_path / "set.zip").read_bytes() == BODY
