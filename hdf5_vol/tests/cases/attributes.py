"""Attributes: of every simple type, large and many, replaced, renamed and removed."""

import h5py
import numpy


def write(file):
    attributes = file.attrs
    attributes["number"] = 5
    attributes["text"] = "ünïcode"
    attributes["bytes"] = numpy.bytes_(b"fixed")
    attributes["texts"] = ["one", "two", "three"]
    attributes["array"] = numpy.arange(6, dtype=">i2").reshape(2, 3)
    attributes["large"] = numpy.arange(8_000, dtype="f8")
    attributes["nothing"] = h5py.Empty("f4")
    attributes["complex"] = 1 + 2j
    attributes["truth"] = True
    attributes["record"] = numpy.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")])
    attributes["replaced"] = 1
    attributes["replaced"] = "something else"
    attributes.modify("replaced", "again")
    attributes["gone"] = 1
    del attributes["gone"]
    attributes["slash/and space"] = 1
    group = file.create_group("group")
    for number in range(1000):
        group.attrs[f"a{number}"] = number
    dataset = file.create_dataset("dataset", data=numpy.arange(3))
    dataset.attrs["of a dataset"] = "yes"
    file["type"] = numpy.dtype("f4")
    file["type"].attrs["of a type"] = "yes"


def check(file):
    assert file.attrs["text"] == "ünïcode"
    assert file.attrs["replaced"] == "again"
    assert "gone" not in file.attrs and "number" in file.attrs
    assert len(file["group"].attrs) == 1000
    assert sum(file["group"].attrs.values()) == sum(range(1000))
    assert list(file.attrs["texts"]) == ["one", "two", "three"]
