"""Damaged and malicious ``.npz`` files are refused in one sentence, whatever zipfile and NumPy raise at them."""

import io
import random
import struct
import zipfile

import numpy as np
import pytest
from model_files import refusal

from playground.formats.npz import read_arrays


def archive(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def array(header, content=b""):
    """An array's file with any text as its header."""
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


def sound():
    buffer = io.BytesIO()
    np.savez_compressed(buffer, a=np.arange(50, dtype=np.float32), b=np.zeros((3, 4), np.float32))
    return buffer.getvalue()


def with_method(data, method):
    """The same archive, said to be compressed in another way."""
    local, central = data.find(b"PK\x03\x04"), data.find(b"PK\x01\x02")
    return data[: local + 8] + method + data[local + 10 : central + 10] + method + data[central + 12 :]


def encrypted(data):
    central = data.find(b"PK\x01\x02")
    return data[:6] + b"\x01\x00" + data[8 : central + 8] + b"\x01\x00" + data[central + 10 :]


ODD = {
    "brackets without end (TokenError)": archive(a=array("(" * 9000)),
    "deep brackets": archive(a=array("{'descr': " + "(" * 3000 + ")" * 3000 + "}\n")),
    "a shape that no memory holds": archive(a=array("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }\n")),
    "a shape below zero": archive(a=array("{'descr': '<f4', 'fortran_order': False, 'shape': (-4,), }\n", b"1234")),
    "a shape of 5,000 digits": archive(a=array(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({'9' * 5000},), }}\n")),
    "objects": archive(a=array("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n", b"cos\nsystem\n(S'true'\ntR.")),
    "a header that is no dictionary": archive(a=array("[]\n")),
    "no text": archive(a=b"\x93NUMPY\x01\x00\x04\x00\xff\xfe\xfd\xfc"),
    "an unknown version": archive(a=b"\x93NUMPY\x09\x00\x00\x00"),
    "an unknown compression (NotImplementedError)": with_method(sound(), b"\x63\x00"),
    "encrypted (RuntimeError)": encrypted(sound()),
    "cut": sound()[:-30],
    "empty": b"",
}


@pytest.mark.parametrize("case", ODD)
def test_odd_archives_are_refused(tmp_path, case):
    path = tmp_path / "odd.npz"
    path.write_bytes(ODD[case])
    assert "it isn't an npz file, or it is damaged" in refusal(read_arrays, path)


def test_changed_bytes_give_arrays_or_a_refusal(tmp_path):
    draw, path = random.Random(0), tmp_path / "odd.npz"
    for _ in range(500):
        data = bytearray(sound())
        for _ in range(draw.choice((1, 2, 8))):
            data[draw.randrange(len(data))] = draw.randrange(256)
        path.write_bytes(data)
        try:
            arrays = read_arrays(path)
        except ValueError:
            refusal(read_arrays, path)
        else:
            assert all(isinstance(value, np.ndarray) for value in arrays.values())
