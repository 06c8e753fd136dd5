"""Damages to files, each a plain list that JSON can hold; places are shares of what there is, so any edit fits any file."""

from __future__ import annotations

import io
import random
import re
import struct
import zipfile
from typing import Any

Edit = list[Any]

# What a number, and what a text in quotes, is replaced by.
ODD_VALUES = (
    "0", "-1", "1e308", "-1e999", "1e-320", "NaN", "Infinity", "1.5", "9223372036854775808", "4294967296", "2e9", "1000000",
    "null", "true", "[]", "{}", '""', '"x"', "[[[[1]]]]", '"-1"', "9" * 400, "9" * 5000, "[" * 2000,
    '"\\ud800"', '"a\\u0000b"', '"/dev/zero"', '"<b>bold</b>"', '"' + "x" * 100_000 + '"', '"circle"', '"relu"', '"softmax"',
)  # fmt: skip
ODD_CELLS = (
    "", "nan", "inf", "-inf", "1e308", "-1e308", "1e-320", "9" * 400, "0x10", "1,5", "1_000", "=1+1", '"', '""', "'", "\0",
    "\ufeff", "−1", "007", "x" * 100_000, "\r", "\n\n", ",,,,", ";", "\t", "ß", "\u202e", "é" * 50, "1e5", "True", "<i>a</i>",
)  # fmt: skip
ODD_BYTES = (b"\0", b"\xff", b"\xef\xbb\xbf", b"\x80", b"\x1a", b"{", b"}", b",", b'"', b"\r\n", b"\xed\xa0\x80", b"\0" * 64)
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"')
CELL = re.compile(rb"[^,\n\r]+")
HEADER_SIZE = struct.Struct("<Q")


def draw_edit(chance: random.Random, suffix: str) -> Edit:
    """A damage for a file with this ending."""
    at, length = chance.random(), chance.choice([1, 1, 2, 4, 16, 200])
    plain = [
        ["flip", at, chance.randrange(8)],
        ["insert", at, chance.choice(ODD_BYTES).hex()],
        ["delete", at, length],
        ["copy", at, length, chance.random()],
        ["cut", at],
    ]
    value = chance.choice(ODD_VALUES)
    told = {
        ".json": [["number", at, value], ["text", at, value], ["text", at, value], ["swap", at, chance.random()]],
        ".csv": [["cell", at, chance.choice(ODD_CELLS)] for _ in range(4)] + [["repeat", at, chance.choice([2, 50])]],
        ".safetensors": [["head", edit] for edit in (["number", at, value], ["text", at, value], ["swap", at, chance.random()])],
        ".npz": [["member", chance.random(), edit] for edit in (*plain, ["number", at, value.strip('"')])],
    }[suffix]
    return chance.choice([*plain, *told, *told])


def apply_edits(content: bytes, suffix: str, edits: list[Edit]) -> bytes:
    """The damaged file."""
    for edit in edits:
        content = apply(content, edit)
    return content


def apply(content: bytes, edit: Edit) -> bytes:
    """The bytes after one damage; where there is nothing of the kind that is damaged they stay."""
    kind = edit[0]
    at = int(edit[1] * len(content)) if isinstance(edit[1], float) else 0
    if kind == "flip" and content:
        return content[:at] + bytes([content[at] ^ 1 << edit[2]]) + content[at + 1 :]
    if kind == "insert":
        return content[:at] + bytes.fromhex(edit[2]) + content[at:]
    if kind == "delete":
        return content[:at] + content[at + edit[2] :]
    if kind == "copy":
        there = int(edit[3] * len(content))
        return content[:there] + content[at : at + edit[2]] + content[there:]
    if kind == "cut":
        return content[:at]
    if kind == "repeat":
        return content[:at] + content[at : at + 400] * edit[2] + content[at + 400 :]
    if kind in ("number", "text", "cell"):
        return replaced(content, {"number": NUMBER, "text": TEXT, "cell": CELL}[kind], edit[1], edit[2].encode())
    if kind == "swap":
        return swapped(content, edit[1], edit[2])
    if kind == "head":
        return with_head(content, edit[1])
    if kind == "member":
        return with_member(content, edit[1], edit[2])
    return content


def replaced(content: bytes, pattern: re.Pattern[bytes], share: float, new: bytes) -> bytes:
    """With one of the matches replaced."""
    matches = list(pattern.finditer(content))
    if not matches:
        return content
    match = matches[int(share * len(matches))]
    return content[: match.start()] + new + content[match.end() :]


def swapped(content: bytes, share: float, other: float) -> bytes:
    """With one text in quotes in the place of another."""
    texts = TEXT.findall(content)
    return replaced(content, TEXT, share, texts[int(other * len(texts))]) if texts else content


def with_head(content: bytes, edit: Edit) -> bytes:
    """A safetensors file with damage in its head, whose length is told right."""
    if len(content) < HEADER_SIZE.size:
        return content
    (size,) = HEADER_SIZE.unpack_from(content)
    head = apply(content[8 : 8 + size], edit)
    return HEADER_SIZE.pack(len(head)) + head + content[8 + size :]


def with_member(content: bytes, share: float, edit: Edit) -> bytes:
    """An npz file with damage in one of its arrays, packed again so that the checksums are right."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]
    except Exception:
        # Other damage came first.
        return content
    if not members:
        return content
    place = int(share * len(members))
    members[place] = members[place][0], apply(members[place][1], edit)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, inside in members:
            archive.writestr(name, inside)
    return packed.getvalue()
