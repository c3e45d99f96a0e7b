"""Copies of objects, within a file and to another one."""

import h5py
import numpy as np
from common import refused


def fill(group):
    group.attrs["number"] = 1
    group.attrs["texts"] = ["one", "two", "drei äöü"]
    sub = group.create_group("sub", track_order=True)
    sub["z"] = np.arange(10)
    sub["a"] = [b"abc", b"de"]
    sub["words"] = ["", "one", "a" * 5000]
    sub["words"].attrs["unit"] = "none"
    sub["twice"] = sub["z"]
    deep = sub.create_group("deep")
    deep["scalar"] = 1.5
    group["type"] = np.dtype([("x", "f8"), ("n", "i4")])
    large = group.create_dataset("large", (3, 1_000_000), chunks=(2, 100_000), maxshape=(None, 1_000_000), dtype="f8")
    large[...] = np.arange(3_000_000).reshape(3, -1)
    large.resize((4, 1_000_000))
    group.create_dataset("filtered", data=np.zeros((200, 200), "i4"), chunks=(20, 20), compression="gzip")
    group.create_dataset("empty", data=h5py.Empty("f4"))
    group.create_dataset("unwritten", (5,), dtype="i2", fillvalue=7)
    group.create_dataset("sequences", (3,), dtype=h5py.vlen_dtype("i4"))[1] = [1, 2, 3]
    group["soft"] = h5py.SoftLink("sub/z")
    group["dangling"] = h5py.SoftLink("/nowhere")
    group["outside"] = h5py.ExternalLink("other.h5", "/x")


def write(file):
    fill(file.create_group("source"))
    source = file["source"]
    file.copy("source", "copy")
    file.copy("source", "shallow", shallow=True)
    file.copy("source", "expanded", expand_soft=True)
    file.copy("source", "bare", without_attrs=True)
    file.copy(source["sub/words"], file.create_group("into"), "words")
    file.copy(source["type"], "into/type")
    file.copy("source", "source/itself")
    source["sub/deep/circle"] = source
    file.copy("source", "round")
    assert file["round/sub/deep/circle"] == file["round"] != source
    del file["round/sub/deep/circle"], source["sub/deep/circle"], file["round"]
    refused(lambda: file.copy("source/sub/z", "copy"))
    refused(lambda: file.copy("source/missing", "new"))
    assert "new" not in file
    source["sub/z"][0] = 100
    del file["source/sub/words"]
    with h5py.File(file.filename + ".second", "w") as other:
        file.copy("copy", other, "from another file")
        file.copy("/", other, "root")
        other.copy(other["from another file/sub"], file, "back")
        other.flush()
    with h5py.File(file.filename + ".second") as other:
        moved = other["from another file"]
        assert moved["sub/words"].asstr()[2] == "a" * 5000 and list(moved.attrs["texts"]) == ["one", "two", "drei äöü"]
        assert (moved["large"][:3].ravel() == np.arange(3_000_000)).all()
        assert other["root/copy/sub/z"][5] == 5


def check(file):
    copy = file["copy"]
    assert list(copy["sub"]) == ["z", "a", "words", "twice", "deep"]
    assert copy["sub/twice"] == copy["sub/z"] and copy["sub/z"][0] == 0 and file["source/sub/z"][0] == 100
    assert copy != file["source"]
    assert h5py.h5o.get_info(copy["sub/z"].id).rc == 2
    assert copy["sub/words"].asstr()[2] == "a" * 5000 and copy["sub/words"].attrs["unit"] == "none"
    assert (copy["large"][:3].ravel() == np.arange(3_000_000)).all() and (copy["large"][3] == 0).all()
    assert copy["filtered"].compression == "gzip"
    assert len(file["shallow/sub"]) == 0 and len(file["bare"].attrs) == 0
    assert isinstance(file["expanded"].get("soft", getlink=True), h5py.HardLink)
    assert isinstance(file["expanded"].get("dangling", getlink=True), h5py.SoftLink)
    assert file["into/type"].dtype == file["source/type"].dtype
    assert "itself" not in file["source/itself"]
