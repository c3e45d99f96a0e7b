"""Fill values. h5py gives those of texts as pointers, whatever the dataset has: they must mean the same in another process."""

import h5py
from common import is_ours

FIXED = h5py.string_dtype("ascii", 10)
TEXT = h5py.string_dtype()


def write(file):
    file.create_dataset("fixed", (100,), FIXED, fillvalue=b"bar")
    file.create_dataset("chunks", (100,), FIXED, fillvalue=b"bar", chunks=(30,))[5:40] = b"set"
    # HDF5's own files can only give such values where something is stored: at least one element of each chunk.
    file.create_dataset("text", (100,), TEXT, fillvalue="bár")[0] = "set"
    file.create_dataset("growing", (3,), TEXT, fillvalue="more", chunks=(4,), maxshape=(None,))[0] = "first"
    file["growing"].resize((7,))
    file["growing"][4] = "last"
    file.create_dataset("empty", (4,), TEXT, fillvalue="")[1] = "not"
    filtered = file.create_dataset("filtered", (50,), TEXT, fillvalue="f" * 300, chunks=(20,), shuffle=True)
    filtered[3] = filtered[23] = filtered[43] = "three"
    file.create_dataset("number", (5,), ">f4", fillvalue=2.5)
    # What HDF5's own files give there is not said.
    never = dict(fillvalue=4.0, fill_time="never")
    for name, options in [("plain", {}), ("chunks", {"chunks": (3,)}), ("filters", {"chunks": (3,), "compression": "gzip"})]:
        file.create_dataset(f"never/{name}", (8,), "f4", maxshape=(20,) if options else (8,), **options, **never)[:] = 7
    grown = file["never/chunks"]
    grown.resize((20,))
    if is_ours(file):
        assert not grown[9:].any()
    grown[:] = 7
    for name in ["fixed", "text", "filtered"]:
        file.copy(name, f"copy of {name}")
    with h5py.File(file.filename + ".fills", "w") as other:
        file.copy("text", other, "text")
        other.copy("text", file, "back")


def check(file):
    assert (file["fixed"][:] == b"bar").all() and file["fixed"].fillvalue == b"bar"
    assert file["chunks"][4] == b"bar" and file["chunks"][5] == b"set" and file["chunks"][40] == b"bar"
    for name in ["text", "copy of text", "back"]:
        assert file[name].asstr()[99] == "bár" and file[name].fillvalue == "bár".encode(), name
    assert list(file["growing"].asstr()) == ["first", "more", "more", "more", "last", "more", "more"]
    assert file["empty"].asstr()[2] == "" and file["filtered"].asstr()[4] == "f" * 300
    for name in file["never"]:
        assert (file["never"][name][()] == 7).all() and file["never"][name].fillvalue == 4
        assert file["never"][name].id.get_create_plist().get_fill_time() == h5py.h5d.FILL_TIME_NEVER
    assert file["number"][4] == 2.5 and file["number"].fillvalue == 2.5
