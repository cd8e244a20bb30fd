"""YAML 1.2 without surprises."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdl.config.strict import MAX_BYTES, MAX_DEPTH, MAX_NODES, read
from sdl.errors import Refused


def parse(tmp_path: Path, text: str | bytes) -> object:
    path = tmp_path / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path).root.plain()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("NO", "NO"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("true", True),
        ("2026-11-02", "2026-11-02"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("~", None),
        ("'7'", "7"),
        ("-7", -7),
        (".5", 0.5),
        ("2 .. 8", "2 .. 8"),
    ],
)
def test_plain_scalars_mean_what_yaml_1_2_says(tmp_path: Path, text: str, value: object) -> None:
    assert parse(tmp_path, f"a: {text}\n") == {"a": value}


def test_every_value_and_key_knows_its_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_text("a:\n  b: [1, two]\n  c:   {d: 4}\n")
    document = read(path)
    assert document.at(("a", "b", 1)) == (2, 10)
    assert document.at(("a", "c", "d")) == (3, 12)
    assert document.at(("a", "c", "d"), key=True) == (3, 9)
    assert document.at(("a", "missing")) == (2, 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [\n", "not YAML"),
        ("a: 1\n---\nb: 2\n", "second document"),
        ("%YAML 1.1\n---\na: 1\n", "directives"),
        ("? [1, 2]\n: 3\n", "a key must be plain text"),
        ("a: " + "x" * 70_000, "longer than 64 KiB"),
        ("a: " + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "deeper than 32"),
        ("a: [" + "1, " * MAX_NODES + "1]", "more than 10000 values"),
        ("a: 1\n" * (MAX_BYTES // 5 + 1), "larger than 256 KiB"),
        (b"a: \xff\n", "not UTF-8"),
        (b"a: \x00\n", "not plain text"),
        ("", "empty"),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else "bytes",
)
def test_what_is_not_plain_small_yaml_is_refused(tmp_path: Path, text: str | bytes, expected: str) -> None:
    with pytest.raises(Refused, match=expected):
        parse(tmp_path, text)


def test_windows_line_ends_and_byte_order_mark_are_accepted(tmp_path: Path) -> None:
    assert parse(tmp_path, b"\xef\xbb\xbfa: 1\r\nb: two\r\n") == {"a": 1, "b": "two"}


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"nowhere\.yaml"):
        read(tmp_path / "nowhere.yaml")
