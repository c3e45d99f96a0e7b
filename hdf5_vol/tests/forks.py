"""Processes that are forked from one that uses the connector: python forks.py write|read POOL CONTAINER DIRECTORY

Python's `multiprocessing` makes such, and loaders of data read files in them. A child opens files as any process does; those that its parent has
open are the parent's.
"""

import multiprocessing
import os
import sys

import h5py
import numpy

what, pool, container, _ = sys.argv[1:]
CHILDREN = 3
ROWS = numpy.arange(1000)


def name(file):
    return f"daos://{pool}/{container}/forks {file}.h5"


def is_refused(function):
    try:
        function()
    except (OSError, RuntimeError, ValueError, KeyError):
        return True
    return False


def read_in_child(number):
    with h5py.File(name("data"), "r") as file:
        return int(file["rows"][number])


def write_in_child(number, inherited, reader):
    with h5py.File(name("data"), "r") as file:
        numpy.testing.assert_array_equal(file["rows"][()], ROWS)
    with h5py.File(name(number), "w") as file:
        file.create_group("group").attrs["number"] = number
        file["rows"] = ROWS * number
    assert is_refused(lambda: inherited.create_group("of a child"))
    assert is_refused(lambda: inherited["rows"].__setitem__(0, 5))
    # Numbers of the parent's handles are those of the child's own.
    with h5py.File(name(number), "r") as file:
        opened = [file["rows"], file["group"]]
        assert is_refused(lambda: reader[0])
        assert is_refused(lambda: reader.attrs["unread"])
        del opened
    # What the parent has not written yet is not the child's to write.
    inherited.close()


def write():
    context = multiprocessing.get_context("fork")
    with h5py.File(name("data"), "w") as file:
        file["rows"] = ROWS
        file["rows"].attrs["unread"] = 5
    reader = h5py.File(name("data"), "r")["rows"]
    # A file that is open, with changes that wait, and of which chunks wait for their filters.
    parent = h5py.File(name("parent"), "w")
    parent["rows"] = ROWS
    parent.create_dataset("filtered", data=ROWS, chunks=(100,), compression="gzip")
    children = [context.Process(target=write_in_child, args=(number, parent, reader)) for number in range(CHILDREN)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0, child.exitcode
    with context.Pool(2) as workers:
        assert workers.map(read_in_child, range(20)) == list(range(20))
    parent["more"] = ROWS
    parent.close()
    # A child of a child.
    if os.fork() == 0:
        if os.fork() == 0:
            assert read_in_child(7) == 7
            os._exit(0)
        os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 0


def read():
    with h5py.File(name("parent"), "r") as file:
        assert sorted(file) == ["filtered", "more", "rows"]
        for path in file:
            numpy.testing.assert_array_equal(file[path][()], ROWS)
    for number in range(CHILDREN):
        with h5py.File(name(number), "r") as file:
            assert file["group"].attrs["number"] == number
            numpy.testing.assert_array_equal(file["rows"][()], ROWS * number)


write() if what == "write" else read()
