"""Data in raw files of the local file system: one after the other, parts of them, short and missing ones, and a directory for their names."""

import os
import sys

import h5py
import numpy
from h5py import h5d, h5p
from h5py.h5f import UNLIMITED
from common import is_ours, refused

DIRECTORY = os.path.join(sys.prefix, "raw")
RECORD = numpy.dtype([("a", "i4"), ("b", "f8")])


def raw(name):
    return os.path.join(DIRECTORY, name)


def content(name, kind):
    return numpy.fromfile(raw(name), kind)


def write(file):
    os.makedirs(DIRECTORY, exist_ok=True)
    for name in os.listdir(DIRECTORY):
        os.remove(raw(name))
    numpy.arange(100, dtype=">i4").tofile(raw("there"))
    file.create_dataset("there", (20, 4), ">i4", external=[(raw("there"), 80, UNLIMITED)])
    assert file["there"][0].tolist() == [20, 21, 22, 23] and file["there"][19, 3] == 99
    file["there"][1::2, 1] = -1
    assert content("there", ">i4")[[25, 33]].tolist() == [-1, -1] and os.path.getsize(raw("there")) == 400
    parts = [(raw("one"), 8, 40), (raw("two"), 0, 24), (raw("one"), 100, 16), (raw("three"), 3, UNLIMITED)]
    data = file.create_dataset("parts", (5, 4), "f8", external=parts, fillvalue=7)
    data[:] = numpy.arange(20).reshape(5, 4)
    data[1:5:3, ::2] = [[100, 101], [102, 103]]
    expected = numpy.arange(20.0)
    expected[[4, 6, 16, 18]] = [100, 101, 102, 103]
    assert content("one", "u1")[8:48].tobytes() == expected[:5].tobytes()
    assert content("two", "f8").tolist() == expected[5:8].tolist()
    assert content("one", "u1")[100:116].tobytes() == expected[8:10].tobytes()
    assert content("three", "u1")[3:].tobytes() == expected[10:].tobytes()
    assert data.external[1] == (raw("two"), 0, 24) and len(data.external) == 4 and data.id.get_storage_size() == 160
    assert data.id.get_space_status() == h5d.SPACE_STATUS_ALLOCATED
    data[1] = numpy.array([4, 5, 6, 7], "i2")
    short(file)
    growing(file)
    prefix(file)
    wrong(file)
    records = file.create_dataset("records", (4,), RECORD, external=raw("records"))
    records[:] = numpy.array([(number, number / 2) for number in range(4)], RECORD)
    records[1:3, "b"] = [9, 10]
    assert content("records", RECORD)["b"].tolist() == [0, 9, 10, 1.5]
    file.copy("parts", "copied")
    file["copied"][0, 0] = -5
    assert data[0, 0] == -5


def short(file):
    """What no file has is zero, and not the fill value."""
    file.create_dataset("short", (10,), "i4", external=raw("short"), fillvalue=3)
    refused(lambda: file["short"][0])
    file["short"][2] = 8
    assert os.path.getsize(raw("short")) == 12 and file["short"][()].tolist() == [0, 0, 8] + [0] * 7


def growing(file):
    data = file.create_dataset("growing", (2, 3), "i4", maxshape=(None, 3), external=raw("growing"))
    data[:] = 1
    data.id.set_extent((4, 3))
    data[3] = [7, 8, 9]
    assert data.shape == (4, 3) and content("growing", "i4").tolist() == [1] * 6 + [0] * 3 + [7, 8, 9]
    data.id.set_extent((1, 3))
    data.id.set_extent((5, 3))
    assert data[2:4, 0].tolist() == [0, 7]
    refused(lambda: data.id.set_extent((5, 4)))


def prefix(file):
    access = h5p.create(h5p.DATASET_ACCESS)
    access.set_efile_prefix(DIRECTORY.encode())
    file.create_dataset("beside", (3,), "i4", external="beside", efile_prefix=DIRECTORY)[:] = [1, 2, 3]
    assert content("beside", "i4").tolist() == [1, 2, 3]
    found = h5py.Dataset(h5d.open(file.id, b"beside", access))
    assert found[1] == 2 and found.id.get_access_plist().get_efile_prefix() == DIRECTORY.encode()
    # All that have it open look for its files in the same place.
    refused(lambda: file["beside"])
    # A copy has the same files, wherever these are looked for.
    file.copy("beside", "beside copied")
    assert h5py.Dataset(h5d.open(file.id, b"beside copied", access))[()].tolist() == [1, 2, 3]
    del file["beside copied"], found
    refused(lambda: file["beside"][()])
    if is_ours(file):
        access.set_efile_prefix(b"${ORIGIN}")
        assert "local" in refused(lambda: h5d.open(file.id, b"beside", access))
    del file["beside"]


def wrong(file):
    one = [(raw("one"), 0, 16)]
    refused(lambda: file.create_dataset("large", (5,), "i4", external=one))
    refused(lambda: file.create_dataset("endless", (4,), "i4", maxshape=(None,), external=one))
    refused(lambda: file.create_dataset("grown", (4, 1), "i4", maxshape=(4, 2), external=raw("one")))
    assert not {"large", "endless", "grown"} & set(file)
    file.create_dataset("missing", (4,), "i4", external=[(os.path.join(DIRECTORY, "no", "file"), 0, 16)])
    refused(lambda: file["missing"][()])
    refused(lambda: file["missing"].__setitem__(0, 1))
    del file["missing"]


def check(file):
    expected = numpy.arange(20.0)
    expected[[0, 16, 18]] = [-5, 102, 103]
    assert (file["parts"][()].ravel() == expected).all() and file["copied"][0, 0] == -5
    assert file["there"][1, 1] == -1 and file["growing"].shape == (5, 3) and file["growing"].maxshape == (None, 3)
    assert file["parts"][1:4, 1:3].tolist() == [[5, 6], [9, 10], [13, 14]]
    refused(lambda: file["parts"].__setitem__((0, 0), 1))
