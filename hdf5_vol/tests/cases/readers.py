"""One program writes while another one reads: what is flushed the reader finds when it refreshes."""

import subprocess
import sys

import h5py
import numpy as np
from common import is_ours

OPTIONS = {"libver": "latest"}

READER = """
import sys, h5py

def word(file, number):
    # HDF5's own files do not give values of variable length to readers.
    return file["words"].asstr()[number] if sys.argv[1].startswith("daos:") else "-"

with h5py.File(sys.argv[1], "r", libver="latest", swmr=True) as file:
    assert file.swmr_mode
    data = file["data"]
    # Enough of them that the others are read ahead.
    few = sum(int(data.attrs[f"a{number}"]) for number in range(6))
    print(data.shape[0], int(data[:].sum()), few, word(file, 0), flush=True)
    for line in sys.stdin:
        data.refresh()
        print(data.shape[0], int(data[:].sum()), int(data.attrs["a11"]), word(file, 1), flush=True)
"""


def write(file):
    data = file.create_dataset("data", (4,), "i8", chunks=(2,), maxshape=(None,))
    for number in range(12):
        data.attrs[f"a{number}"] = number
    # Values of variable length lie in the same block, which grows while it is read.
    words = file.create_dataset("words", (2,), h5py.string_dtype())
    words[0] = "first"
    assert not file.swmr_mode
    file.swmr_mode = True
    assert file.swmr_mode
    data[:] = np.arange(4)
    data.flush()
    reader = subprocess.Popen([sys.executable, "-c", READER, file.filename], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True)
    assert reader.stdout.readline().split() == ["4", "6", "15", "first" if is_ours(file) else "-"]
    for length in [5, 8, 40]:
        data.resize((length,))
        data[:] = np.arange(length)
        h5py.h5a.open(data.id, b"a11").write(np.array(1000 + length))
        words[1] = f"word{length}"
        file.flush()
        print("more", file=reader.stdin, flush=True)
        expected = [str(length), str(length * (length - 1) // 2), str(1000 + length), f"word{length}" if is_ours(file) else "-"]
        found = reader.stdout.readline().split()
        assert found == expected, (found, expected)
    reader.stdin.close()
    assert reader.wait() == 0


def check(file):
    assert (file["data"][:] == np.arange(40)).all()
