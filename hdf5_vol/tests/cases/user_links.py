"""Links of a kind that the program defines: here the value is the path of an object, and each function says that it was called."""

import ctypes
import os
import re
import tempfile

import h5py
from ctypes import CFUNCTYPE, c_char_p, c_int, c_int64, c_size_t, c_ssize_t, c_void_p
from common import fails, is_ours

KIND = 100
calls = []
follows = []
depths = []
away = []


def library():
    """The HDF5 that h5py brings."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        path = re.search(r"/\S*/libhdf5[-.][^/\s]*", maps.read()).group(0)
    return ctypes.CDLL(path)


HDF5 = library()
HDF5.H5Oopen.restype = c_int64
HDF5.H5Fopen.restype = HDF5.H5Pcreate.restype = HDF5.H5VLget_connector_id_by_name.restype = c_int64
HDF5.H5Oopen.argtypes = [c_int64, c_char_p, c_int64]
HDF5.H5Lcreate_ud.argtypes = [c_int64, c_char_p, c_int, c_void_p, c_size_t, c_int64, c_int64]
HDF5.H5Lcopy.argtypes = [c_int64, c_char_p, c_int64, c_char_p, c_int64, c_int64]
HDF5.H5Lget_val.argtypes = [c_int64, c_char_p, c_void_p, c_size_t, c_int64]

Change = CFUNCTYPE(c_int, c_char_p, c_int64, c_void_p, c_size_t)
Create = CFUNCTYPE(c_int, c_char_p, c_int64, c_void_p, c_size_t, c_int64)
Follow = CFUNCTYPE(c_int64, c_char_p, c_int64, c_void_p, c_size_t, c_int64, c_int64)
Query = CFUNCTYPE(c_ssize_t, c_char_p, c_void_p, c_size_t, c_void_p, c_size_t)


class Class(ctypes.Structure):
    _fields_ = [("version", c_int), ("kind", c_int), ("comment", c_char_p), ("create", Create), ("move", Change), ("copy", Change),
                ("follow", Follow), ("delete", Change), ("query", Query)]


def note(what):
    def noted(name, place, value, size, *_):
        calls.append((what, name.decode(), ctypes.string_at(value, size)))
        return -1 if name == b"refused" else 0
    return noted


def follow(name, group, value, size, *_):
    follows.append(name)
    depths.append(len(follows))
    path = ctypes.string_at(value, size)
    # One that begins so is in a file of the local file system.
    found = HDF5.H5Oopen(away[0], path[5:], 0) if path.startswith(b"away:") else HDF5.H5Oopen(group, path, 0)
    follows.pop()
    return found


def query(name, value, size, place, room):
    # It is told from its end.
    told = ctypes.string_at(value, size)[::-1]
    if place:
        ctypes.memmove(place, told, min(room, size))
    return size


CLASS = Class(1, KIND, b"path", Create(note("create")), Change(note("move")), Change(note("copy")), Follow(follow),
              Change(note("delete")), Query(query))


def link(group, name, path, kind=KIND):
    return HDF5.H5Lcreate_ud(group.id.id, name.encode(), kind, path, len(path), 0, 0)


def write(file):
    # What is in the file itself h5py must know.
    file["other"] = "user_links_own.h5"
    with h5py.File(own(file), "w") as other:
        make(other)
        look(other)
        if is_ours(other):
            circle(other)
        leave(other)
        assert HDF5.H5Lunregister(KIND) >= 0
        assert fails(lambda: other["links/moved"]) and "moved" in other["links"]


def circle(file):
    """HDF5's own files do not end here: the function opens a path, in which links are counted anew."""
    assert link(file["links"], "round", b"/links/round") >= 0
    assert fails(lambda: file["links/round"]) and "round/x" not in file["links"]
    assert max(depths) == 16, depths
    del file["links/round"]
    look(file)


def leave(file):
    """Links into a file of the local file system, which the program has opened as this one, and by HDF5's own connector."""
    assert link(file, "out", b"away:/group") >= 0 and link(file, "data", b"away:/group/data") >= 0 and link(file, "lost", b"away:/x") >= 0
    with tempfile.TemporaryDirectory() as directory:
        name = os.path.join(directory, "away.h5")
        with h5py.File(name, "w") as target:
            target["group/data"], target["group/sub/numbers"] = [4, 5, 6], range(10)
            target["group"].attrs["a"] = "b"
            away.append(target.id.id)
            go(file)
            assert target["group/new/x"][()] == 7 and "old" not in target["group"] and target["group"].attrs["c"] == 8
        native = HDF5.H5Pcreate(c_int64(h5py.h5p.FILE_ACCESS.id))
        connector = HDF5.H5VLget_connector_id_by_name(b"native")
        assert HDF5.H5Pset_vol(c_int64(native), c_int64(connector), None) >= 0
        away[0] = HDF5.H5Fopen(name.encode(), 1, c_int64(native))
        assert away[0] >= 0
        del file["out/new"]
        go(file)
        assert HDF5.H5Fclose(c_int64(away.pop())) >= 0
    for name in ["out", "data", "lost"]:
        del file[name]


def go(file):
    assert list(file["data"]) == [4, 5, 6] and list(file["out/data"]) == [4, 5, 6] and file["out/sub/numbers"][9] == 9
    assert isinstance(file["out"], h5py.Group) and set(file["out"]) == {"data", "sub"}, list(file["out"])
    assert file["out"].attrs["a"] == "b"
    assert file["data"].shape == (3,) and file["out/data"].dtype == file["data"].dtype
    assert "out/sub" in file and "out/x" not in file and "out/sub/x" not in file and "lost" in file
    assert fails(lambda: file["lost"]) and fails(lambda: file["out/x"])
    file["data"][1] = 5
    file.create_dataset("out/new/x", data=7)
    file["out"].attrs["c"] = 8
    file["out/old"] = h5py.SoftLink("/group")
    assert file["out/old/data"][0] == 4
    del file["out/old"]
    assert file["out/new/x"][()] == 7
    found = []
    file["out"].visit(found.append)
    assert sorted(found) == ["data", "new", "new/x", "sub", "sub/numbers"], found

def own(file):
    return f"{file.filename.rpartition('/')[0]}/user_links_own.h5"


def make(file):
    assert HDF5.H5Lregister(ctypes.byref(CLASS)) >= 0
    file["group/data"] = [1, 2, 3]
    file["group/in"] = h5py.SoftLink("/group")
    group = file.create_group("links")
    for name, path in [("data", b"/group/data"), ("group", b"/group"), ("nowhere", b"/nowhere"), ("gone", b"x")]:
        assert link(group, name, path) >= 0
    assert link(group, "refused", b"/group") < 0 and link(group, "unknown", b"/group", KIND + 1) < 0
    del group["gone"]
    file.move("links/group", "links/moved")
    assert HDF5.H5Lcopy(group.id.id, b"data", group.id.id, b"copied", 0, 0) >= 0
    # HDF5's own files keep a link whose making was refused.
    assert set(group) - {"refused"} == {"data", "moved", "nowhere", "copied"}
    expected = [("create", "data", b"/group/data"), ("create", "group", b"/group"), ("create", "nowhere", b"/nowhere"),
                ("create", "gone", b"x"), ("create", "refused", b"/group"), ("delete", "gone", b"x"), ("move", "moved", b"/group"),
                ("delete", "group", b"/group"), ("copy", "copied", b"/group/data")]
    assert calls == expected, calls


def look(file):
    group = file["links"]
    assert list(group["data"]) == [1, 2, 3] and list(file["links/moved/data"]) == [1, 2, 3] and list(group["copied"]) == [1, 2, 3]
    assert list(file["links/moved/in/in/data"]) == [1, 2, 3]
    assert fails(lambda: group["nowhere"]) and "nowhere" in group and "nowhere/x" not in group
    assert "moved/data" in group and "moved/x" not in group
    info = group.id.links.get_info(b"moved")
    assert info.type == KIND and info.u == len(b"/group")
    told = ctypes.create_string_buffer(info.u)
    assert HDF5.H5Lget_val(group.id.id, b"moved", told, info.u, 0) >= 0 and told.raw == b"/group"[::-1]


def check(file):
    assert HDF5.H5Lregister(ctypes.byref(CLASS)) >= 0
    with h5py.File(own(file), "r") as other:
        look(other)
