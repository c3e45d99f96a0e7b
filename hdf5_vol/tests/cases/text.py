"""Values of variable length: strings, sequences, and references to objects."""

import h5py
import numpy


def write(file):
    text = h5py.string_dtype()
    file.create_dataset("texts", data=[f"text number {number} äöü" * (number % 5) for number in range(2000)], dtype=text)
    file.create_dataset("one", data="a single one")
    some = file.create_dataset("some", (10,), text, chunks=(4,))
    some[3:5] = ["three", "four" * 100_000]
    ragged = file.create_dataset("ragged", (5,), h5py.vlen_dtype("i4"))
    for number in range(4):
        ragged[number] = numpy.arange(number * number)
    record = numpy.dtype([("id", "i4"), ("name", text)])
    table = file.create_dataset("table", (3,), record)
    table[...] = numpy.array([(1, "one"), (2, "two"), (3, "three")], record)
    file.attrs["long"] = "x" * 60_000
    file.create_group("target")


def check(file):
    texts = file["texts"].asstr()[()]
    assert texts[7] == "text number 7 äöü" * 2, texts[7]
    assert file["one"].asstr()[()] == "a single one"
    assert file["some"].asstr()[4] == "four" * 100_000 and file["some"].asstr()[0] == ""
    assert file["ragged"][3].tolist() == list(range(9)) and file["ragged"][4].tolist() == []
    assert file["table"][1]["name"] == b"two"
    assert file.attrs["long"] == "x" * 60_000
