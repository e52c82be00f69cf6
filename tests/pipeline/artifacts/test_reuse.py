from __future__ import annotations

from pathlib import Path

from pipeline.artifacts import reuse
from pipeline.artifacts.publication import Publication, read_manifest


def made(out: Path, fingerprint: str, **texts: str) -> Publication:
    publication = Publication(out, "demo", fingerprint * 64)
    for name, text in texts.items():
        with publication.write(f"sub/{name}", {"key": f"key of {text}"}) as path:
            path.write_text(text)
    return publication


def test_parts_of_the_published_folder_and_of_killed_attempts_are_found(tmp_path: Path) -> None:
    out = tmp_path / "out"
    made(out, "a", one="1", two="2").publish()
    made(out, "b", three="3")
    mine = made(out, "c", four="4")
    (out / "sub/two").write_text("cut off or not")
    found = reuse.by_key(reuse.parts(mine))
    assert set(found) == {"key of 1", "key of 3"}
    assert reuse.settled(mine, "sub/four", "key of 4", found)
    assert not reuse.settled(mine, "sub/four", "key of 5", found)  # of other data
    assert not reuse.settled(mine, "sub/two", "key of 2", found)
    assert not reuse.settled(mine, "sub/one", None, found)
    assert reuse.settled(mine, "renamed", "key of 1", found)
    assert reuse.settled(mine, "sub/four", "key of 3", found)  # replaced
    manifest = mine.publish()
    assert {name: (out / name).read_text() for name in manifest.files} == {"renamed": "1", "sub/four": "3"}
    assert manifest == read_manifest(out)
    assert manifest.files["renamed"]["made_from"] == {"key": "key of 1"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_parts_without_a_key_vouch_for_nothing(tmp_path: Path) -> None:
    publication = Publication(tmp_path / "out", "demo", "a" * 64)
    with publication.write("one") as path:
        path.write_text("1")
    publication.publish()
    assert reuse.parts(publication) == []
