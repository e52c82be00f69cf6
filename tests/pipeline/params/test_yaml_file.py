"""What two readers of YAML would read differently is refused by its line, and what none can read is one message."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.params.yaml_file import read_yaml


def read(path: Path, content: bytes) -> object:
    path.write_bytes(content)
    return read_yaml(path, missing="no such file")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("base:\n  seed: 1\n  seed: 2\n", "3: seed stands twice, on line 2 too"),  # PyYAML takes the last, DVC refuses
        ("a: {b: 1, 'b': 2}", "1: b stands twice"),  # quotes make no other key
        ("a: 1\nseed: 0317\n", "2: 0317 reads as an octal number"),  # 207
        ("seed: -017", "1: -017 reads as an octal number"),
        ("seed: 3:17", "1: 3:17 reads as a number to base 60"),  # 197
        ("seed: 1:30.5", "1: 1:30.5 reads as a number to base 60"),
        ("seed: 0b11", "1: 0b11 reads as a binary number"),
        ("seed: 1_000", "1: 1_000 reads as a number in YAML 1.1"),
        ("seed: 1_0.5", "1: 1_0.5 reads as a number in YAML 1.1"),
        ("x:\n - 1.0\n - -.inf\n", "3: -.inf is no finite number"),
        ("lr: .NaN", "1: .NaN is no finite number"),
        ("lr: 1.0e+999", r"1: 1.0e\+999 is larger than a number can be"),
        ("x: " + "[" * 3000, "1: nested deeper than 32 levels"),  # a RecursionError otherwise
        ("a: &a [1, *a]", "1: \\*a stands inside of what it repeats"),
        ("? [1, 2]\n: 3", "1: a key must be a word"),
        ("a: 2026-13-45", "a value cannot be read: month must be in"),
        ("a: [1", "not valid YAML"),
        ("a: \x00", "not valid YAML"),
    ],
)
def test_a_value_that_would_mean_a_guess_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        read(tmp_path / "params.yaml", text.encode())


def test_aliases_cannot_fill_the_memory(tmp_path: Path) -> None:
    levels = ["l0: &l0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    levels += [f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]" for level in range(1, 9)]
    with pytest.raises(UserError, match="repeat more than 100,000 values"):
        read(tmp_path / "params.yaml", "\n".join(levels).encode())


def test_other_encodings_are_named_with_the_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"params.yaml:1: not UTF-8 \(UTF-16\)"):
        read(tmp_path / "params.yaml", "base: 1".encode("utf-16"))
    with pytest.raises(UserError, match=r"params.yaml:2: not UTF-8 \(byte 0xe4\)"):
        read(tmp_path / "params.yaml", "a: 1\nb: ä".encode("latin-1"))
    assert read(tmp_path / "params.yaml", "a: ä".encode("utf-8-sig")) == {"a": "ä"}  # as editors on Windows save it


def test_a_folder_is_no_parameter_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_yaml(tmp_path, missing="no such file")


def test_plain_values_are_read_as_written(tmp_path: Path) -> None:
    text = b"a: &a {x: 1, y: -2.5, z: 1.0e-3}\nb: *a\nc: '0317'\nd: 3:17 h\ne: 0\nf: 0.5\ng: null\nh: true\ni: 10:x\n"
    shared = {"x": 1, "y": -2.5, "z": 0.001}
    expected = {"a": shared, "b": shared, "c": "0317", "d": "3:17 h", "e": 0, "f": 0.5, "g": None, "h": True, "i": "10:x"}
    assert read(tmp_path / "params.yaml", text) == expected
