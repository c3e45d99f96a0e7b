"""Files that are in no container, beside one that may be in one: HDF5's own connector keeps doing all that it does."""

import io
import os
import tempfile

import h5py
import numpy as np
from common import refused


def fill(file):
    group = file.create_group("g", track_order=True)
    group.attrs["a"] = [1.5, 2.5]
    group.attrs["text"] = "äöü"
    group["compressed"] = np.arange(1000)
    group.create_dataset("filtered", data=np.zeros((100, 100)), chunks=(10, 10), compression="gzip", shuffle=True)
    group["type"] = np.dtype([("x", "f8"), ("n", "i4")])
    group.create_dataset("records", (3,), dtype=group["type"])
    group["words"] = ["one", "two", "three"]
    group["soft"] = h5py.SoftLink("/g/words")
    file["reference"] = group.ref
    file.create_dataset("references", data=[group.ref, file["g/words"].ref], dtype=h5py.ref_dtype)
    file.copy(group, "copy")
    file.move("copy", "moved")


def look(file):
    names = []
    file.visititems(lambda name, found: names.append((name, type(found).__name__)))
    filtered = file["g/filtered"]
    assert filtered.compression == "gzip" and filtered.id.get_storage_size() < filtered.nbytes
    assert file["g/records"].dtype == file["g/type"].dtype and file["g/records"].id.get_type().committed()
    assert file[file["reference"][()]] == file["g"]
    assert file[file["references"][1]].asstr()[0] == "one"
    assert file["g/soft"].parent.name == "/g"
    assert isinstance(file["g"].get("soft", getlink=True), h5py.SoftLink)
    assert file["g"].file == file and file["g"].id.valid
    assert list(file["g"]) == ["compressed", "filtered", "type", "records", "words", "soft"]
    assert h5py.h5f.get_obj_count(file.id, h5py.h5f.OBJ_FILE) >= 1
    return names, dict((name, str(value)) for name, value in file["g"].attrs.items())


def everywhere(directory):
    """What files of each kind give."""
    name = os.path.join(directory, "local.h5")
    with h5py.File(name, "w", userblock_size=512) as file:
        fill(file)
        file.flush()
        assert file.id.get_filesize() > 512 and file.userblock_size == 512
        assert os.path.getsize(name) > 512
        yield look(file)
    assert h5py.is_hdf5(name)
    with h5py.File(name, "r+") as file:
        file["g/compressed"][:10] = 7
        file["g/filtered"].id.read_direct_chunk((0, 0))
        assert file["g/compressed"][5] == 7 and file.driver == "sec2"
        yield look(file)
    with h5py.File(name, "r", driver="core", backing_store=False) as file:
        yield look(file)
    with h5py.File(os.path.join(directory, "part%d.h5"), "w", driver="family", memb_size=1 << 20) as file:
        fill(file)
        yield look(file)
    assert os.path.exists(os.path.join(directory, "part0.h5"))
    with h5py.File("memory.h5", "w", driver="core", backing_store=False) as file:
        fill(file)
        image = file.id.get_file_image() if file.flush() is None else None
        yield look(file)
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fapl_core(backing_store=False)
    access.set_file_image(image)
    with h5py.File(h5py.h5f.open(b"image.h5", fapl=access)) as file:
        yield look(file)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        fill(file)
        yield look(file)
    assert buffer.getvalue()[:4] == b"\x89HDF"


def write(file):
    with tempfile.TemporaryDirectory() as directory:
        found = list(everywhere(directory))
        assert all(one == found[0] for one in found), found
        file["found"] = str(found[0])
        missing = refused(lambda: h5py.File(os.path.join(directory, "missing.h5")))
        assert "No such file" in missing, missing
        refused(lambda: h5py.File(os.path.join(directory, "no directory/new.h5"), "w"))
        text = os.path.join(directory, "text.h5")
        with open(text, "w") as other:
            other.write("this is no HDF5 file")
        assert not h5py.is_hdf5(text)
        refused(lambda: h5py.File(text))
        with h5py.File(os.path.join(directory, "beside.h5"), "w") as beside:
            beside["values"] = file["found"][()]
            beside["numbers"] = [1, 2, 3]
            file["numbers"] = beside["numbers"][()]
            assert file != beside and file["numbers"] != beside["numbers"]
            refused(lambda: file.__setitem__("link", beside["numbers"]))
            refused(lambda: beside.__setitem__("link", file["numbers"]))
            beside["after"] = "no harm done"
            file["after"] = beside["after"][()]
        with h5py.File(os.path.join(directory, "parent.h5"), "w") as parent:
            parent.create_group("at")
            with h5py.File(os.path.join(directory, "beside.h5")) as child:
                h5py.h5f.mount(parent.id, b"at", child.id)
                assert parent["at/numbers"][1] == 2
                h5py.h5f.unmount(parent.id, b"at")
            parent["out"] = h5py.ExternalLink("beside.h5", "/numbers")
            assert parent["out"][()].tolist() == [1, 2, 3]


        nowhere(file, os.path.join(directory, "beside.h5"))


def nowhere(file, beside):
    """A call that a link leads elsewhere, and that fails there, leaves nothing behind: the next one once went on in the other file."""
    file["out"] = h5py.ExternalLink(beside, "/")
    name = b"out/after"
    calls = [
        lambda: h5py.h5a.get_info(file.id, b"no attribute", obj_name=name),
        lambda: file.id.links.move(name, file.id, b"moved"),
        lambda: h5py.h5o.copy(file.id, name, file.id, b"no group/copied"),
        lambda: h5py.h5o.link(file["numbers"].id, file.id, b"out/linked"),
        lambda: h5py.h5f.mount(file.id, name, file.id),
    ]
    for call in calls:
        refused(call)
        missing = refused(lambda: file["nothing"])
        assert "doesn't exist" in missing, missing
    del file["out"]


def check(file):
    assert file["after"][()] == b"no harm done"
