"""External links: into files beside, into one that no container has, back and around; what is read, made and removed through them."""

import os
import subprocess
import sys

import h5py
import numpy
from common import beside, fails, is_ours
from h5py import h5p

# One of HDF5's own, also where the others are in a container.
LOCAL = os.path.join(sys.prefix, "linked.h5")

WRITER = """
import sys, h5py
with h5py.File(sys.argv[1], "r+") as file:
    del file["thing"]
    file["thing"] = [3]
"""


def replaced(file, name, prepare=lambda kept: None):
    """What another program puts into the place of an object behind a link is found, as long as nothing is changed there."""
    file.create_group(name)
    name, links = beside(file, f"{name}.h5"), file[name]
    with h5py.File(name, "w") as other:
        other.create_group("group")
        other["thing"] = [1, 2]
    links["replaced"] = h5py.ExternalLink(name, "/thing")
    links["kept"] = h5py.ExternalLink(name, "/group")
    kept = links["kept"]
    prepared = prepare(kept)
    assert links["replaced"][()].tolist() == [1, 2]
    # HDF5's own files can then not be opened by another program.
    kept, prepared = (kept, prepared) if is_ours(file) else (None, None)
    subprocess.run([sys.executable, "-c", WRITER, name], check=True)
    assert links["replaced"][()].tolist() == [3]
    del file[links.name]


def open_and_close(kept):
    """The program has the file open for a while, and changes it meanwhile."""
    if is_ours(kept.file):
        with h5py.File(kept.file.filename, "r+") as file:
            file["changed"] = file["thing"][0]


def moved_out(file):
    """A link that cannot go from where it is does not come to where it goes."""
    name = beside(file, "moved_out.h5")
    with h5py.File(name, "w") as other:
        other["soft"] = h5py.SoftLink("/nowhere")
    with h5py.File(name, "r") as other:
        assert fails(lambda: other.id.links.move(b"soft", file.id, b"moved out"))
        assert "soft" in list(other)
    if is_ours(file):
        assert "moved out" not in list(file)
    elif "moved out" in list(file):
        # HDF5's own files have both then.
        del file["moved out"]


def write(file):
    with h5py.File(beside(file, "linked_one.h5"), "w") as other:
        other["in/it"] = numpy.arange(5)
        other["in"].attrs["a"] = "b"
        other["soft"] = h5py.SoftLink("/in/it")
        other["further"] = h5py.ExternalLink("linked_two.h5", "/deep")
    with h5py.File(beside(file, "linked_two.h5"), "w") as other:
        other["deep/est"] = 7
        other["back"] = h5py.ExternalLink("linked_one.h5", "in")
    with h5py.File(LOCAL, "w") as other:
        other["in/it"] = numpy.arange(7)
        other["in"].attrs["a"] = "c"
    file["one"] = h5py.ExternalLink("linked_one.h5", "/in/it")
    file["softly"] = h5py.ExternalLink("linked_one.h5", "soft")
    file["group"] = h5py.ExternalLink("linked_one.h5", "/in")
    file["all"] = h5py.ExternalLink("linked_one.h5", "/")
    file["local"] = h5py.ExternalLink(LOCAL, "/in")
    file["missing file"] = h5py.ExternalLink("no.h5", "/in")
    file["missing object"] = h5py.ExternalLink("linked_one.h5", "/no")
    file["prefixed"] = h5py.ExternalLink("linked.h5", "/in/it")
    file["around"] = h5py.ExternalLink("round.h5", "/around")
    with h5py.File(beside(file, "round.h5"), "w") as other:
        other["around"] = h5py.ExternalLink("round.h5", "around")
    replaced(file, "replaced")
    replaced(file, "asked for", lambda kept: kept.file)
    replaced(file, "opened and closed", open_and_close)
    moved_out(file)
    for place in ["group", "local"]:
        file[place].create_dataset("made/on the way", data=[1, 2, 3])
        h5py.h5g.create(file.id, f"{place}/by its path".encode())
        file[place].create_group("gone")
        del file[f"{place}/gone"]
        file[place].attrs["new"] = 9
        data = file[place].create_dataset("filtered", data=numpy.arange(1000), chunks=(100,), compression="gzip")
        data[:10] = 5
        del data


def check(file):
    assert (file["one"][()] == numpy.arange(5)).all() and (file["softly"][()] == numpy.arange(5)).all()
    assert file["all/further/est"][()] == 7 and "est" in file["all/further"]
    for place, letter, count, name in [("group", "b", 5, beside(file, "linked_one.h5")), ("local", "c", 7, LOCAL)]:
        group = file[place]
        assert group.name == "/in" and group.file.filename == name, (group.name, group.file.filename)
        assert group.attrs["a"] == letter and group.attrs["new"] == 9 and len(group.attrs) == 2
        assert sorted(group) == ["by its path", "filtered", "it", "made"], sorted(group)
        assert len(file[f"{place}/it"]) == count and f"{place}/it" in file and f"{place}/no" not in file
        assert (file[f"{place}/made/on the way"][()] == [1, 2, 3]).all()
        expected = numpy.arange(1000)
        expected[:10] = 5
        assert (file[f"{place}/filtered"][()] == expected).all()
        seen = []
        group.visititems(lambda path, thing: seen.append((path, type(thing).__name__)))
        expected = {"by its path": "Group", "filtered": "Dataset", "it": "Dataset", "made": "Group", "made/on the way": "Dataset"}
        assert dict(seen) == expected, seen
        assert isinstance(file.get(f"{place}/made", getlink=True), h5py.HardLink)
        assert file.get(f"{place}/it", getclass=True) is h5py.Dataset
        # It is open for reading as the file is that has the link.
        assert fails(lambda: group.create_group("x")) and fails(lambda: file.create_group(f"{place}/x"))
    for wrong in ["missing file", "missing object", "around", "missing file/x"]:
        assert fails(lambda: file[wrong]), wrong
    links = h5p.create(h5p.LINK_ACCESS)
    assert fails(lambda: h5py.h5o.open(file.id, b"prefixed", links))
    links.set_elink_prefix(sys.prefix.encode())
    assert len(h5py.Dataset(h5py.h5o.open(file.id, b"prefixed", links))) == 7
    links.set_nlinks(1)
    assert len(h5py.Dataset(h5py.h5o.open(file.id, b"one", links))) == 5
    assert fails(lambda: h5py.h5o.open(file.id, b"softly", links))
