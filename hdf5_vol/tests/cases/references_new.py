"""References of HDF5's second kind (`H5R_ref_t`), to objects, regions and attributes, also of another file. h5py has none, so HDF5 is called."""

import ctypes

import h5py
import numpy
from common import beside

SIZE = 64
ALL = ctypes.c_int64(0)


def library():
    with open("/proc/self/maps") as maps:
        names = {line.split()[-1] for line in maps if "/libhdf5-" in line or "/libhdf5.so" in line}
    return ctypes.CDLL(names.pop())


HDF5 = library()


def call(name, *arguments, result=ctypes.c_int):
    function = getattr(HDF5, name)
    function.restype = result
    found = function(*[ctypes.c_int64(part.id) if hasattr(part, "id") else part for part in arguments])
    assert found >= 0, name
    return found


def identifier(name, *arguments):
    return call(name, *arguments, result=ctypes.c_int64)


def reference():
    return ctypes.create_string_buffer(SIZE)


def kind():
    return ctypes.c_int64(ctypes.c_int64.in_dll(HDF5, "H5T_STD_REF_g").value)


def text(name, *arguments):
    room = ctypes.create_string_buffer(1000)
    call(name, *arguments, room, ctypes.c_size_t(1000), result=ctypes.c_ssize_t)
    return room.value.decode()


def write(holder):
    file = h5py.File(beside(holder, "referred.h5"), "w")
    table = file.create_dataset("table", data=numpy.arange(100).reshape(10, 10))
    table.attrs["unit"] = "m"
    file.create_group("deep/group").attrs["n"] = 5
    file.flush()
    space = table.id.get_space()
    space.select_hyperslab((2, 3), (2, 4))
    references = [reference() for _ in range(4)]
    call("H5Rcreate_object", file.id, b"deep/group", ALL, references[0])
    call("H5Rcreate_region", file.id, b"table", space, ALL, references[1])
    call("H5Rcreate_attr", file.id, b"table", b"unit", ALL, references[2])
    copy = reference()
    call("H5Rcopy", references[0], copy)
    assert call("H5Requal", references[0], copy) == 1 and call("H5Requal", references[0], references[1]) == 0
    call("H5Rdestroy", copy)
    # The one that is left leads nowhere.
    values = ctypes.create_string_buffer(b"".join(one.raw for one in references), 4 * SIZE)
    # h5py would not describe such a dataset.
    with h5py.File(beside(holder, "referring.h5"), "w") as referring:
        space = h5py.h5s.create_simple((4,))
        data = ctypes.c_int64(identifier("H5Dcreate2", referring.id, b"references", kind(), space, ALL, ALL, ALL))
        call("H5Dwrite", data, kind(), ALL, ALL, ALL, values)
        call("H5Dclose", data)
    for one in references[:3]:
        call("H5Rdestroy", one)
    file.close()


def check(file):
    name = beside(file, "referred.h5")
    with h5py.File(beside(file, "referring.h5"), "r") as referring:
        data = ctypes.c_int64(identifier("H5Dopen2", referring.id, b"references", ALL))
        values = ctypes.create_string_buffer(4 * SIZE)
        call("H5Dread", data, kind(), ALL, ALL, ALL, values)
        references = [ctypes.create_string_buffer(values.raw[place * SIZE : (place + 1) * SIZE], SIZE) for place in range(4)]
        kinds = [HDF5.H5Rget_type(one) for one in references[:3]]
        assert kinds == [2, 3, 4], kinds
        assert text("H5Rget_file_name", references[0]) == name
        assert text("H5Rget_obj_name", references[0], ALL) == "/deep/group"
        assert text("H5Rget_attr_name", references[2]) == "unit"
        group = h5py.Group(h5py.h5g.GroupID(identifier("H5Ropen_object", references[0], ALL, ALL)))
        assert group.attrs["n"] == 5 and group.name == "/deep/group" and group.file.filename == name
        region = h5py.h5s.SpaceID(identifier("H5Ropen_region", references[1], ALL, ALL))
        assert region.get_select_bounds() == ((2, 3), (3, 6)), region.get_select_bounds()
        table = h5py.Dataset(h5py.h5d.DatasetID(identifier("H5Ropen_object", references[1], ALL, ALL)))
        assert table[2, 3] == 23
        unit = h5py.h5a.AttrID(identifier("H5Ropen_attr", references[2], ALL, ALL))
        assert unit.name == b"unit"
        del group, table, region, unit
        for one in references[:3]:
            call("H5Rdestroy", one)
        call("H5Dclose", data)
