"""Copies of references of HDF5's second kind, with what they lead to and without. h5py has none, so HDF5 is called."""

import ctypes

import h5py
import numpy
from common import beside, is_ours
from cases.references_new import ALL, HDF5, SIZE, call, identifier, kind, reference, text

REFERRED = "/~obj_pointed_by_"


def make(file, data, names):
    """A dataset with a reference to an object, one to a region, one to an attribute, and one that leads nowhere."""
    space = file["table"].id.get_space()
    space.select_hyperslab((2, 3), (2, 4))
    references = [reference() for _ in range(3)]
    call("H5Rcreate_object", file.id, names[0], ALL, references[0])
    call("H5Rcreate_region", file.id, b"table", space, ALL, references[1])
    call("H5Rcreate_attr", file.id, b"table", b"unit", ALL, references[2])
    values = ctypes.create_string_buffer(b"".join(one.raw for one in references), 4 * SIZE)
    shape = h5py.h5s.create_simple((4,))
    made = ctypes.c_int64(identifier("H5Dcreate2", file.id, data, kind(), shape, ALL, ALL, ALL))
    call("H5Dwrite", made, kind(), ALL, ALL, ALL, values)
    call("H5Dclose", made)
    for one in references:
        call("H5Rdestroy", one)


class References:
    def __init__(self, file, name):
        self.data = ctypes.c_int64(identifier("H5Dopen2", file.id, name, ALL))
        values = ctypes.create_string_buffer(4 * SIZE)
        call("H5Dread", self.data, kind(), ALL, ALL, ALL, values)
        self.all = [ctypes.create_string_buffer(values.raw[place * SIZE : (place + 1) * SIZE], SIZE) for place in range(4)]

    def __enter__(self):
        return self.all

    def __exit__(self, *_):
        for one in self.all[:3]:
            call("H5Rdestroy", one)
        call("H5Dclose", self.data)


def write(holder):
    copy_attributes(holder)
    with h5py.File(beside(holder, "copied_source.h5"), "w") as file:
        file.create_dataset("table", data=numpy.arange(100).reshape(10, 10)).attrs["unit"] = "m"
        file.create_group("deep/group").attrs["n"] = 5
        file.create_group("source")
        make(file, b"source/references", [b"deep/group"])
        file.copy("source", "same")
        with h5py.File(beside(holder, "copied_target.h5"), "w") as target:
            file.copy("source", target, "expanded", expand_refs=True)
            look(target)
        # Within a file they stay.
        file.copy("source", "expanded", expand_refs=True)
        # One to the group that it is in ends the process with HDF5's own files.
        if is_ours(file):
            make(file, b"source/circle", [b"source"])
            with h5py.File(beside(holder, "copied_round.h5"), "w") as target:
                file.copy("source", target, "round", expand_refs=True)
                with References(target, b"round/circle") as references:
                    assert text("H5Rget_obj_name", references[0], ALL) == "/round"


def copy_attributes(holder):
    """References of attributes lead to copies within a file, too."""
    with h5py.File(beside(holder, "copied_attributes.h5"), "w") as file:
        deep, source = file.create_group("deep"), file.create_group("source")
        source.attrs["deep"] = deep.ref
        source.attrs.create("several", [deep.ref, source.ref], dtype=h5py.ref_dtype)
        file.copy("source", "expanded", expand_refs=True)
        attributes = file["expanded"].attrs
        assert file[attributes["deep"]].name.startswith("/~obj_pointed_by_"), file[attributes["deep"]].name
        assert file[attributes["several"][0]] == file[attributes["deep"]] and file[attributes["several"][1]] == file["expanded"]


def look(target):
    with References(target, b"expanded/references") as references:
        assert [HDF5.H5Rget_type(one) for one in references[:3]] == [2, 3, 4] and not any(references[3].raw)
        assert all(text("H5Rget_obj_name", one, ALL).startswith(REFERRED) for one in references[:3])
        assert text("H5Rget_attr_name", references[2]) == "unit"
        group = h5py.Group(h5py.h5g.GroupID(identifier("H5Ropen_object", references[0], ALL, ALL)))
        assert group.attrs["n"] == 5 and group.file == target
        region = h5py.h5s.SpaceID(identifier("H5Ropen_region", references[1], ALL, ALL))
        assert region.get_select_bounds() == ((2, 3), (3, 6)), region.get_select_bounds()
        table = h5py.Dataset(h5py.h5d.DatasetID(identifier("H5Ropen_object", references[1], ALL, ALL)))
        assert table[2, 3] == 23 and table.file == target
        unit = h5py.h5a.AttrID(identifier("H5Ropen_attr", references[2], ALL, ALL))
        assert unit.name == b"unit"
        del group, table, region, unit
    assert sorted(type(target[name]).__name__ for name in target if name.startswith(REFERRED[1:])) == ["Dataset", "Group"]


def check(holder):
    with h5py.File(beside(holder, "copied_target.h5"), "r") as target:
        look(target)
    with h5py.File(beside(holder, "copied_source.h5"), "r") as file:
        for name in [b"same/references", b"expanded/references"]:
            with References(file, name) as references:
                assert text("H5Rget_obj_name", references[0], ALL) == "/deep/group"
        assert not any(name.startswith(REFERRED[1:]) for name in file)
