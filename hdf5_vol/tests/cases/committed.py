"""Committed datatypes: what is made with one keeps it, and it stays as long as something has it."""

import h5py
import numpy as np


def links(file, name):
    return h5py.h5o.get_info(file[name].id).rc


def named(identifier, name):
    """Whether a dataset or an attribute is of the committed datatype with a name."""
    datatype = identifier.get_type()
    return datatype.committed() and h5py.h5i.get_name(datatype) == name


def write(file):
    file["types/u8"] = np.dtype("u8")
    file["types/pair"] = np.dtype([("x", "f8"), ("n", "i4")])
    file["types/text"] = h5py.string_dtype()
    for name in ["u8", "pair", "text"]:
        datatype = file[f"types/{name}"]
        datatype.attrs["unit"] = "none"
        file.create_dataset(f"data/{name}", (3,), datatype)
        file["data"].attrs.create(name, np.zeros(2, datatype.dtype) if name != "text" else ["a", "b"], dtype=datatype)
        assert links(file, f"types/{name}") == 3
        assert named(file[f"data/{name}"].id, b"/types/" + name.encode())
        assert file[f"data/{name}"].id.get_type() == datatype.id
    file["data/text"][1] = "words of some length"
    file["data/pair"][0] = (1.5, 7)
    # What is removed, renamed and changed is counted.
    group = file.create_group("gone")
    for number in range(3):
        group.create_dataset(str(number), (2,), file["types/u8"]).attrs.create("a", 1, dtype=file["types/u8"])
    assert links(file, "types/u8") == 9
    group["0"].attrs.create("a", 2, dtype=file["types/u8"])
    group["0"].attrs["a"] = 3
    assert links(file, "types/u8") == 8
    h5py.h5a.rename(group["1"].id, b"a", b"b")
    group["1"].attrs.modify("b", 5)
    assert links(file, "types/u8") == 8 and named(group["1"].attrs.get_id("b"), b"/types/u8")
    del group["1"].attrs["b"]
    assert links(file, "types/u8") == 7
    file["kept"] = group["2"]
    del group, file["gone"]
    assert links(file, "types/u8") == 5
    # Its name is gone, and it is not.
    file["types/short"] = np.dtype("i2")
    file["short"] = file.create_dataset("data/short", data=np.arange(5), dtype=file["types/short"])
    datatype = file["types/short"]
    del file["types/short"]
    assert datatype.name is None and links(file, "short") == 2
    assert file["data/short"].id.get_type().committed()
    file["again"] = h5py.Datatype(file["data/short"].id.get_type())
    assert datatype.name == "/again" and links(file, "again") == 2
    # One that nothing has goes.
    file["types/lost"] = np.dtype("i1")
    lost = file.create_dataset("lost", (1,), dtype=file["types/lost"])
    del file["types/lost"], file["lost"], lost
    file.move("types/u8", "types/moved")
    # Copies have a copy of it, in the file and in another one, where it has a name only if that is copied too.
    file.copy("data", "copy")
    file.copy("/", file.create_group("whole"), "of it")
    assert links(file, "types/pair") == links(file, "whole/of it/types/pair") == 3
    with h5py.File(file.filename + ".second", "w") as other:
        file.copy("data", other)
        assert other["data/text"].id.get_type().committed()
        assert list(other["data"].attrs["text"]) == ["a", "b"]
        # That of another file is copied without a name.
        other.create_dataset("foreign", (1,), file["types/pair"])
        assert not other["foreign"].id.get_type().committed()


def check(file):
    for name, path in [("u8", b"/types/moved"), ("pair", b"/types/pair"), ("text", b"/types/text")]:
        assert named(file[f"data/{name}"].id, path) and named(file["data"].attrs.get_id(name), path)
        assert file[f"data/{name}"].id.get_type() == file[path].id
    assert [links(file, f"types/{name}") for name in ["moved", "pair", "text"]] == [5, 3, 3]
    assert file["data/text"].asstr()[1] == "words of some length" and tuple(file["data/pair"][0]) == (1.5, 7)
    assert list(file["data"].attrs["text"]) == ["a", "b"]
    assert named(file["data/short"].id, b"/again") and links(file, "again") == 2
    assert list(file["short"]) == [0, 1, 2, 3, 4]
    assert named(file["whole/of it/data/pair"].id, b"/whole/of it/types/pair")
    copied = file["copy/pair"].id.get_type()
    assert copied.committed() and h5py.h5i.get_name(copied) is None
    assert copied == file["types/pair"].id
