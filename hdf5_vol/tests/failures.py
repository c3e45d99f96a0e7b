"""What goes wrong while a file is written: python failures.py killed|full|damaged|unclosed|foreign|gone|replaced write|read FILE

An error is told by a flush and by a close, and what an earlier flush has promised is there afterwards.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zlib

import h5py
import numpy
from common import failure

FILTERED = dict(chunks=(64,), compression="gzip")


def kept(file):
    """What is flushed before anything goes wrong."""
    file.create_group("kept").attrs["number"] = 7
    file.create_dataset("kept/filtered", data=numpy.arange(1000), **FILTERED)
    file.create_dataset("kept/plain", data=numpy.arange(1000))
    file.flush()


def check_kept(file):
    assert file["kept"].attrs["number"] == 7
    for name in ["kept/filtered", "kept/plain"]:
        numpy.testing.assert_array_equal(file[name][()], numpy.arange(1000))


def change(file):
    """What waits to be written: metadata, few elements, and chunks that no filter has seen."""
    for number in range(200):
        group = file.create_group(f"new/{number}")
        group.create_dataset("plain", data=numpy.full(100, number))
        group.create_dataset("filtered", data=numpy.full(1000, number), **FILTERED)


def check_change(file):
    for number in range(200):
        assert (file[f"new/{number}/plain"][()] == number).all() and (file[f"new/{number}/filtered"][()] == number).all()


def close(file):
    """As a program in C does; h5py closes what is in the file first."""
    return failure(lambda: file.close())


def write_killed(name):
    file = h5py.File(name, "w")
    kept(file)
    with open(os.path.join(os.environ["DAOS_LOCAL_PATH"], "engine.pid")) as text:
        engine = int(text.read())
    for number in range(3):
        file.create_group(f"before {number}")
    os.kill(engine, signal.SIGKILL)
    told = [failure(lambda: change(file)), failure(file.flush), close(file)]
    print("told" if any(told[1:]) else "written")
    # An error of a flush is one of the close too, and one of neither means that all is there.
    assert not told[1] or told[2], told


def read_killed(name):
    with h5py.File(name, "r") as file:
        check_kept(file)
        if sys.argv[4] == "written":
            check_change(file)


def write_full(name):
    file = h5py.File(name, "w")
    kept(file)
    noise = numpy.frombuffer(numpy.random.default_rng(1).bytes(1 << 20), "u1")
    small = h5py.File(name + ".small", "w")
    with h5py.File(name + ".linked", "w") as linked:
        linked.create_group("group")
    holder = h5py.File("daos://test/container/leads to what is full.h5", "w")
    holder["link"] = h5py.ExternalLink(name + ".linked", "/group")
    mapped = h5py.File(name + ".mapped", "w")
    layout = h5py.VirtualLayout((1000,), "i8")
    layout[:] = h5py.VirtualSource(name, "kept/plain", (1000,))
    mapped.create_virtual_dataset("plain", layout)
    mapped.flush()
    data = file.create_dataset("noise", (1 << 31,), "u1", chunks=(1 << 16,), compression="gzip", compression_opts=1)
    told = None
    # Chunks are written behind, so writing has no error of its own before the flush.
    for number in range(2048):
        told = failure(lambda: data.write_direct(noise, dest_sel=numpy.s_[number << 20 : (number + 1) << 20]))
        told = told or failure(file.flush)
        if told:
            break
    assert told and "space" in told, told
    # Listing and reading say nothing of it, and take nothing of it away.
    assert sorted(file) == ["kept", "noise"]
    check_kept(file)
    # What is written through a virtual dataset is lost in the same way, and each flush of that dataset's file says so.
    mapped["plain"][5] = 5
    told = [failure(mapped.flush), failure(mapped.flush), close(mapped)]
    assert all(told), told
    again, closed = failure(file.flush), close(file)
    assert again and "space" in again, again
    assert closed, "the close says nothing of what was lost"
    fill_up(small)
    # Of a file that is open behind a link the handle that is asked for tells what was lost.
    group = holder["link"]
    for part in range(100):
        failure(lambda: group.create_group(f"{part:0>3000}").attrs.create("value", numpy.zeros(4000, "u1")))
    told = failure(group.file.id.close)
    assert told and "space" in told, told


def fill_up(file):
    """Makes groups until there is no room for their names either: those that are lost are not found, though they were used before."""
    told, number, names, there = None, 0, [], []
    while not told or there == names:
        number += 1
        group = file.create_group(str(number))
        names = [f"{part:0>3000}" for part in range(100)]
        for part in names:
            told = failure(lambda: group.create_group(part).attrs.create("value", numpy.zeros(4000, "u1"))) or told
        told = failure(file.flush) or told
        there = list(group)
    assert "space" in told, told
    assert [part for part in names if part in group] == there
    assert close(file)


def read_full(name):
    with h5py.File(name, "r") as file:
        check_kept(file)


def write_damaged(name):
    """HDF5's own files are no measure here: some of this ends the program there."""
    chunk = 1 << 10
    random = numpy.random.default_rng(11)
    whole = numpy.arange(4 * chunk, dtype="i4")
    file = h5py.File(name, "w")
    kept(file)
    kinds = {
        "all": dict(compression="gzip", shuffle=True, fletcher32=True),
        "deflated": dict(compression="gzip"),
        "shuffled": dict(shuffle=True),
        "checked": dict(shuffle=True, fletcher32=True),
    }
    for kind, options in kinds.items():
        data = file.create_dataset(kind, data=whole, chunks=(chunk,), **options)
        file.flush()
        mask, stored = data.id.read_direct_chunk((chunk,))
        changed = bytearray(stored)
        changed[len(changed) // 2] ^= 1
        noise = [random.bytes(int(length)) for length in random.integers(1, 3 * chunk, 20)]
        damaged = [*noise, b"x", b"\0" * 3, b"\0" * 9, stored[:-1], bytes(1 << 20)]
        # Only a checksum tells one bit.
        damaged += [stored + b"x", bytes(changed)] if data.fletcher32 else []
        if kind == "deflated":
            # What inflates to something else than a chunk: to nothing, to less, to more, and to more than there is memory for.
            sizes = [0, 1, 4 * chunk - 1, 4 * chunk + 1, 1 << 30]
            damaged += [zlib.compress(bytes(size), 9) for size in sizes]
        for number, value in enumerate(damaged):
            data.id.write_direct_chunk((chunk,), value)
            assert failure(lambda: data[chunk + 5]), (kind, number)
            assert failure(lambda: data.__setitem__(chunk + 5, 1)), (kind, number)
            numpy.testing.assert_array_equal(data[:chunk], whole[:chunk])
            numpy.testing.assert_array_equal(data[2 * chunk :], whole[2 * chunk :])
        # Filters are said to be left out that were not, and some that there are not.
        data.id.write_direct_chunk((chunk,), stored[: chunk - 1], filter_mask=0xFFFFFFFF)
        assert failure(lambda: data[chunk + 5]), kind
        data.id.write_direct_chunk((chunk,), stored, filter_mask=0xFFFFFFF8)
        numpy.testing.assert_array_equal(data[()], whole)
        data.id.write_direct_chunk((chunk,), stored, filter_mask=mask)
    file.close()


def read_damaged(name):
    with h5py.File(name, "r") as file:
        check_kept(file)
        for kind in ["all", "deflated", "shuffled", "checked"]:
            numpy.testing.assert_array_equal(file[kind][()], numpy.arange(4 << 10, dtype="i4"))


def write_unclosed(name):
    file = h5py.File(name, "w")
    kept(file)
    change(file)
    # As a program in C that returns from main: HDF5 itself closes what is open. At Python's own end h5py would.
    ctypes.CDLL(None).exit(0)


def read_unclosed(name):
    with h5py.File(name, "r") as file:
        check_kept(file)
        check_change(file)


def give_access(name, permissions):
    """Says what the user may do with the pool of a file."""
    with tempfile.NamedTemporaryFile("w", suffix=".acl") as entries:
        entries.write(f"A::OWNER@:{permissions}\nA:G:GROUP@:{permissions}\n")
        entries.flush()
        tool = ["daos", "pool", "overwrite-acl", name.split("/")[2], "--acl-file", entries.name]
        subprocess.run(tool, check=True, stdout=subprocess.DEVNULL)


def lead_to(holder, file, path, **names):
    """Makes a link to a dataset of another file, and a virtual dataset of it."""
    link, mapped = names["link"], names["mapped"]
    holder[link] = h5py.ExternalLink(file, path)
    layout = h5py.VirtualLayout((1000,), "i8")
    layout[:] = h5py.VirtualSource(file, path, (1000,))
    holder.create_virtual_dataset(mapped, layout)


def write_foreign(name):
    """A file that is open for writing leads to one that the user may only read: that can be read, and not written. What the user may not even read
    is an error, by whatever name, and neither missing nor another file of that name."""
    with h5py.File(name, "w") as file:
        kept(file)
    plain, beside = name.removeprefix("daos:/"), "daos://test/container/"
    with h5py.File(beside + "leads to it.h5", "w") as holder, h5py.File(beside + "foreign.h5", "w") as other:
        lead_to(holder, name, "/kept/plain", link="link", mapped="mapped")
        lead_to(holder, plain, "/kept/plain", link="plain link", mapped="plain mapped")
        lead_to(holder, "foreign.h5", "/kept/plain", link="near link", mapped="near mapped")
        kept(other)
        other.flush()
        give_access(name, "")
        for path in ["link", "mapped", "plain link", "plain mapped"]:
            told = failure(lambda: holder[path][0])
            assert told and "ermission" in told, (path, told)
        for variable in ["HDF5_EXT_PREFIX", "HDF5_VDS_PREFIX"]:
            os.environ[variable] = name.removesuffix("/foreign.h5")
        for path in ["near link", "near mapped"]:
            told = failure(lambda: holder[path][0])
            assert told and "ermission" in told, (path, told)
        give_access(name, "r")
        assert failure(lambda: h5py.File(name, "r+"))
        for path in ["link", "mapped", "plain link", "plain mapped", "near link", "near mapped"]:
            numpy.testing.assert_array_equal(holder[path][()], numpy.arange(1000))
            assert "reading only" in failure(lambda: holder[path].__setitem__(0, 5))


def read_foreign(name):
    with h5py.File(name, "r") as file:
        check_kept(file)


def objects_beside(name):
    """The objects of a file's container."""
    pool, container = name.removeprefix("daos://").split("/")[:2]
    listed = subprocess.run(["daos", "container", "list-objects", pool, container], check=True, stdout=subprocess.PIPE)
    return set(listed.stdout.split())


def write_replaced(name):
    """A file of which only a handle was left open may be replaced, and no other. What is written by such a handle is an error."""
    before = objects_beside(name)
    forgotten = h5py.File(name, "w")
    kept(forgotten)
    change(forgotten)
    dataset = forgotten["kept/plain"]
    assert "with objects in it" in failure(lambda: h5py.File(name, "w"))
    del dataset
    file = h5py.File(name, "w")
    assert list(file) == []
    assert "was replaced" in failure(lambda: forgotten.create_group("late"))
    assert "was replaced" in failure(lambda: forgotten["kept/plain"].__setitem__(0, 5))
    check_kept(forgotten)
    kept(file)
    reader = h5py.File(name, "r")
    check_kept(reader)
    reader.close()
    forgotten.close()
    check_kept(file)
    del file["kept"]
    file.flush()
    left = objects_beside(name) - before
    # The entry, the root group, and what was reserved for the new file and is there: nothing of the old one.
    assert len(left) < 10, left
    kept(file)
    file.close()


def read_replaced(name):
    with h5py.File(name, "r") as file:
        check_kept(file)


@contextlib.contextmanager
def without_engine():
    """The engine is gone, and none can be started."""
    directory = os.environ["DAOS_LOCAL_PATH"]
    with open(os.path.join(directory, "engine.pid")) as text:
        engine = int(text.read())
    os.rename(directory, directory + ".away")
    open(directory, "w").close()
    os.kill(engine, signal.SIGKILL)
    try:
        yield
    finally:
        os.remove(directory)
        os.rename(directory + ".away", directory)


def write_gone(name):
    """What a name leads to that may be a container's is an error without an engine, and not missing; what only the local file system can have is
    read, or missing, as ever."""
    other, local = "/test/container/gone other.h5", tempfile.mkdtemp()
    there, native = os.path.join(local, "there.h5"), os.path.join(local, "native.h5")
    for source in ["daos:/" + other, there]:
        with h5py.File(source, "w") as file:
            kept(file)
    holder = h5py.File(name, "w")
    kept(holder)
    missing = ["/no such/place/x.h5", os.path.join(local, "missing.h5")]
    for file in [holder, h5py.File(native, "w")]:
        for number, source in enumerate([there, *missing]):
            lead_to(file, source, "/kept/plain", link=f"{number} link", mapped=f"{number} mapped")
        if file is not holder:
            file.close()
    lead_to(holder, other, "/kept/plain", link="other link", mapped="other mapped")
    lead_to(holder, "/no/such/x.h5", "/kept/plain", link="no link", mapped="no mapped")
    names = holder.create_group("names")
    names.create_group("removed")
    holder.flush()
    for number in ["no", 1, 2]:
        assert not holder[f"{number} mapped"][()].any() and failure(lambda: holder[f"{number} link"])
    opened = {number: holder[f"{number} mapped"] for number in ["other", "no", 0, 1, 2]}
    with without_engine():
        numpy.testing.assert_array_equal(opened[0][()], numpy.arange(1000))
        with h5py.File(native, "r") as file:
            numpy.testing.assert_array_equal(file["0 mapped"][()], numpy.arange(1000))
            for number in [1, 2]:
                assert not file[f"{number} mapped"][()].any() and failure(lambda: file[f"{number} link"])
        # All of these may be in containers: the last ones by their last names, beside the file that leads to them.
        for number in ["other", "no", 1, 2]:
            assert failure(lambda: opened[number][0]), number
        # A link that could not be removed may be gone.
        assert failure(lambda: names.id.unlink(b"removed")) and failure(lambda: names.id.links.exists(b"removed"))
    numpy.testing.assert_array_equal(opened["other"][()], numpy.arange(1000))
    assert names.id.links.exists(b"removed")
    shutil.rmtree(local)


def read_gone(name):
    with h5py.File(name, "r") as file:
        check_kept(file)


what, step, name = sys.argv[1:4]
globals()[f"{step}_{what}"](name)
