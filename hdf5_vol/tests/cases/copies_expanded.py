"""Copies with what references and external links lead to; and references where that is not copied."""

import h5py
import numpy as np
from common import beside, is_ours

PAIR = np.dtype([("object", h5py.ref_dtype), ("number", "i4")])
REFERRED = "~obj_pointed_by_"


def referred(file):
    """What HDF5 has given a name because only references lead to it: how many there are of each kind."""
    return sorted(type(file[name]).__name__ for name in file if name.startswith(REFERRED))


def write(file):
    table = file.create_dataset("table", data=np.arange(100).reshape(10, 10))
    table.attrs["unit"] = "m"
    deep = file.create_group("deep/group")
    deep["in"] = 5
    source = file.create_group("source")
    source.create_dataset("objects", data=[table.ref, deep.ref, table.ref, h5py.Reference()], dtype=h5py.ref_dtype)
    # HDF5 cannot copy references in chunks in its own files.
    chunks = {"chunks": (3,), "compression": "gzip"} if is_ours(file) else {}
    source.create_dataset("chunked", (20,), dtype=h5py.ref_dtype, **chunks)[4:6] = [table.ref, deep.ref]
    source.create_dataset("regions", (2,), dtype=h5py.regionref_dtype)[0] = table.regionref[2:4, 3:5]
    source.create_dataset("pairs", (2,), dtype=PAIR)[1] = (deep.ref, 3)
    source.attrs["one"] = table.ref
    # One that leads back, and to itself, ends the process with HDF5's own files.
    circle = source.create_dataset("circle", (2,), dtype=h5py.ref_dtype)
    circle[:] = [circle.ref, source.ref] if is_ours(file) else [table.ref, deep.ref]
    file.flush()
    with h5py.File(beside(file, "copies_linked.h5"), "w") as linked:
        linked["there/data"] = [7, 8]
        linked["there/further"] = h5py.ExternalLink("copies_missing.h5", "/x")
    source["outside"] = h5py.ExternalLink("copies_linked.h5", "/there")
    source["missing"] = h5py.ExternalLink("copies_missing.h5", "/there")
    file.copy("source", "plain")
    # In HDF5's own files those of attributes lead nowhere.
    assert file[file["plain/objects"][0]] == table and (not is_ours(file) or file[file["plain"].attrs["one"]] == table)
    del file["plain"].attrs["one"]
    with h5py.File(beside(file, "copies_plain.h5"), "w") as other:
        file.copy("source", other)
        # What they lead to is not there.
        assert not any(other["source/objects"]) and not other["source"].attrs["one"] and not any(other["source/chunked"][3:7])
        assert not any(other["source/circle"]) and list(other) == ["source"]
        assert isinstance(other["source"].get("outside", getlink=True), h5py.ExternalLink)
    with h5py.File(beside(file, "copies_target.h5"), "w") as other:
        file.copy("source", other, "copy", expand_refs=True, expand_external=True)
    del source["chunked"], file["plain/chunked"]
    # Within a file they stay.
    file.copy("source/objects", "again", expand_refs=True)
    assert file[file["again"][0]].name == "/table" and not referred(file)
    del file["again"]


def look(file):
    copy = file["copy"]
    first, second, third, fourth = copy["objects"]
    table, deep = file[first], file[second]
    assert table.attrs["unit"] == "m" and table[3, 4] == 34 and deep["in"][()] == 5
    assert file[third] == table and not fourth and file[copy.attrs["one"]] == table
    assert referred(file) == ["Dataset", "Group"] and table.name.startswith(f"/{REFERRED}")
    assert [bool(reference) for reference in copy["chunked"][3:7]] == [False, True, True, False]
    assert file[copy["chunked"][4]] == table and file[copy["chunked"][5]] == deep
    if is_ours(file):
        assert [file[reference].name for reference in copy["circle"]] == ["/copy/circle", "/copy"]
    linked = copy["outside"]
    assert isinstance(copy.get("outside", getlink=True), h5py.HardLink) and list(linked["data"]) == [7, 8]
    assert isinstance(copy.get("missing", getlink=True), h5py.ExternalLink)
    assert isinstance(linked.get("further", getlink=True), h5py.ExternalLink)
    return copy, table, deep


def check(file):
    with h5py.File(beside(file, "copies_target.h5"), "r") as other:
        copy, table, deep = look(other)
        region = copy["regions"][0]
        assert other[region] == table and table[region].tolist() == [[23, 24], [33, 34]] and not copy["regions"][1]
        # HDF5's own files leave those within compounds as they are.
        if is_ours(file):
            assert other[copy["pairs"][1]["object"]] == deep and copy["pairs"][1]["number"] == 3
