"""Files that are opened more than once, and behind links: what belongs to which opening, how they are locked, and whether for readers."""

import h5py
from h5py import h5f, h5i
from common import beside, fails

OPTIONS = {"libver": "latest"}


def locking(file):
    return file.id.get_access_plist().get_file_locking()


def count(file, kinds):
    return h5f.get_obj_count(file.id, kinds)


def write(file):
    file.create_group("group/in").attrs["a"] = 1
    file["group/data"] = [1, 2]
    with h5py.File(beside(file, "openings_other.h5"), "w", libver="latest") as other:
        other["there/data"] = 5
        other["back"] = h5py.ExternalLink(file.filename.rpartition("/")[2], "group")
    file["other"] = h5py.ExternalLink("openings_other.h5", "/there")
    file["missing"] = h5py.ExternalLink("openings_missing.h5", "/there")
    file["group/soft"] = h5py.SoftLink("/nowhere")
    name = file.filename
    file.close()
    look(name)


def check(file):
    assert "missing" in file and "missing/x" not in file and "other/data" in file and "other/x" not in file
    assert "group/soft" in file and "group/soft/x" not in file

def look(name):
    one, other = h5py.File(name, "r"), h5py.File(name, "r")
    mine, its, data = one["group"], other["group"], other["group/data"]
    attribute = mine["in"].attrs.get_id("a")
    for thing, owner in [(mine, one), (its, other), (data, other)]:
        assert h5i.get_file_id(thing.id) == owner.id
    assert h5i.get_file_id(attribute) == one.id
    everything = h5f.OBJ_GROUP | h5f.OBJ_DATASET | h5f.OBJ_ATTR
    assert count(one, everything) == 4 and count(other, everything) == 4
    assert count(one, everything | h5f.OBJ_LOCAL) == 2 and count(other, everything | h5f.OBJ_LOCAL) == 2
    assert count(one, h5f.OBJ_FILE) == 2 and count(one, h5f.OBJ_FILE | h5f.OBJ_LOCAL) == 1
    one.close()
    assert not mine.id.valid and not attribute.valid and its.id.valid and other.id.valid and data[1] == 2
    other.close()
    assert not its.id.valid and not data.id.valid
    # All who have a file open say the same of locking it, and what lies behind its links is locked as it is.
    for said, expected in [(False, (0, 0)), (True, (1, 0)), ("best-effort", (1, 1))]:
        with h5py.File(name, "r", locking=said) as file:
            assert locking(file) == expected and locking(file["other"].file) == expected
            assert (locking(file["other/data"].file), int(file["other/data"][()])) == (expected, 5)
            for wrong in {False, True, "best-effort"} - {said}:
                assert fails(lambda: h5py.File(name, "r", locking=wrong))
            with h5py.File(name, "r", locking=said) as again:
                assert locking(again) == expected
            for chosen, wanted in [(False, (0, 0)), (True, (1, 0))]:
                assert locking(file.get("other", elink_locking=chosen).file) == wanted
    for said in [False, True]:
        with h5py.File(name, "r", swmr=said) as file:
            assert file.swmr_mode == said and file["other"].file.swmr_mode == said
            assert file.get("other", elink_swmr=not said).file.swmr_mode != said
