"""Copies that take over committed datatypes of the file that they go to, where it has the same."""

import ctypes

import h5py
import numpy as np
from h5py import h5o, h5p

from cases.user_links import HDF5
from common import is_ours

PAIR = np.dtype([("x", "f8"), ("n", "i4")])
# h5py has no name for it.
MERGE = 0x40


def copy(source, name, target, copied, flags=MERGE):
    list = h5p.create(h5p.OBJECT_COPY)
    list.set_copy_object(flags)
    h5o.copy(source.id, name.encode(), target.id, copied.encode(), list)


def links(file, name):
    return h5o.get_info(file[name].id).rc


def counts(file, pair, short, short_without_attributes):
    """In HDF5's own files attributes that are copied so do not count, nor do all links."""
    assert [links(file, "types/pair"), links(file, "types/short")] == [pair, short if is_ours(file) else short_without_attributes]


def write(file):
    file["types/pair"] = PAIR
    file["types/short"] = np.dtype("i2")
    source = file.create_group("source")
    for name in ["pair", "short"]:
        source.create_dataset(name, (3,), dtype=file[f"types/{name}"]).attrs.create("a", 1, dtype=file["types/short"])
    counts(file, 2, 4, 4)
    # In the same file nothing is copied twice.
    copy(file, "source", file, "merged")
    counts(file, 3, 7, 5)
    copy(file, "types/pair", file, "types/again")
    assert file["types/again"] == file["types/pair"] and links(file, "types/pair") == 4
    copy(file, "source", file, "copied", 0)
    counts(file, 4, 7, 5)
    with h5py.File(file.filename + ".other", "w") as other:
        other["known"] = np.dtype("i2")
        copy(file, "source", other, "one")
        copy(file, "source", other, "two")
        copy(file, "types", other, "types")
        assert links(other, "known") == (8 if is_ours(file) else 4) and other["types/short"] == other["known"]
        assert other["types/pair"].id == other["one/pair"].id.get_type() and links(other, "types/pair") == (4 if is_ours(file) else 3)
        other.copy("one", file, "back")
        if is_ours(file):
            dangling(file, other)


def dangling(file, other):
    """A datatype that was counted too low is gone while a dataset and an attribute have it; in HDF5's own files nothing may come after that."""
    file["lost"] = np.dtype("u2")
    file.create_dataset("of lost", (3,), dtype=file["lost"]).attrs.create("a", 1, dtype=file["lost"])
    lost = file["lost"]
    for _ in range(2):
        assert HDF5.H5Odecr_refcount(ctypes.c_int64(lost.id.id)) >= 0
    del file["lost"], lost
    assert not file["of lost"].id.get_type().committed()
    copy(other, "one", file, "after")
    assert file["after/pair"].id.get_type().committed()
    del file["after"], file["of lost"].attrs["a"], file["of lost"]


def check(file):
    counts(file, 4, 7, 5)
    for group in ["merged", "copied", "back"]:
        for name in ["pair", "short"]:
            assert file[f"{group}/{name}"].id.get_type().committed() and file[f"{group}/{name}"].attrs.get_id("a").get_type().committed()
