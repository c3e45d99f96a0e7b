"""Elements whose type in memory is another one than in the file, and members of compound ones."""

import numpy


def write(file):
    narrow = file.create_dataset("narrow", (10,), "i2")
    narrow[...] = numpy.linspace(-5, 50, 10)
    wide = file.create_dataset("wide", (4, 5), ">f8", chunks=(2, 2))
    wide[...] = numpy.arange(20, dtype="i1").reshape(4, 5)
    wide[1:3, 1:4] = numpy.arange(6, dtype="<u2").reshape(2, 3) + 100
    kind = numpy.dtype([("id", "<i4"), ("place", "<f8", (3,)), ("name", "S4")])
    table = file.create_dataset("table", (6,), kind, chunks=(4,))
    rows = numpy.zeros(6, kind)
    rows["id"] = range(6)
    rows["place"] = numpy.arange(18).reshape(6, 3)
    rows["name"] = [b"n%d" % number for number in range(6)]
    table[...] = rows
    table["id"] = numpy.arange(6) * 10
    table[2:4, "name"] = numpy.array([b"xx", b"yy"])


def check(file):
    assert file["narrow"].astype("f4")[3] == 13
    numpy.testing.assert_array_equal(file["wide"].astype("i8")[1], [5, 100, 101, 102, 9])
    table = file["table"]
    numpy.testing.assert_array_equal(table["id"], numpy.arange(6) * 10)
    numpy.testing.assert_array_equal(table["place"][5], [15, 16, 17])
    assert table["name"].tolist() == [b"n0", b"n1", b"xx", b"yy", b"n4", b"n5"]
