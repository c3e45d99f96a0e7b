"""Datasets: element types, layouts, selections, growing and shrinking, fill values."""

import h5py
import numpy

TYPES = ["i1", "u1", "<i2", ">i2", "<u4", ">i8", "<f4", ">f8", "c16", "S7", "V5", "?"]


def sample(kind, shape):
    count = int(numpy.prod(shape))
    if kind == "?":
        return (numpy.arange(count) % 3 == 0).reshape(shape)
    if kind[0] == "S":
        return numpy.array([f"t{number}" for number in range(count)], dtype=kind).reshape(shape)
    if kind[0] == "V":
        return numpy.array([bytes([number % 251] * 5) for number in range(count)], dtype=kind).reshape(shape)
    return (numpy.arange(count) % 100).astype(kind).reshape(shape)


def write(file):
    for kind in TYPES:
        data = sample(kind, (5, 7))
        file.create_dataset(f"contiguous {kind}", data=data)
        file.create_dataset(f"chunked {kind}", data=data, chunks=(2, 3))
    file["scalar"] = 3.25
    file["empty"] = numpy.zeros((0, 4))
    file["nothing"] = h5py.Empty("i4")
    large = file.create_dataset("large", (300, 1000), "f8", fillvalue=-1.5)
    large[10:20, 5:900] = numpy.arange(8950, dtype="f8").reshape(10, 895)
    large[250:, ::7] = 4
    chunked = file.create_dataset("large chunked", (300, 1000), "f4", chunks=(64, 100), fillvalue=7)
    chunked[5:200:3, 50:950:11] = numpy.random.default_rng(1).random((65, 82), dtype="f4")
    chunked[[1, 4, 250], :] = 9
    chunked[17, [3, 5, 999]] = [1, 2, 3]
    cube = file.create_dataset("cube", (20, 30, 40), "i4", chunks=(7, 8, 9))
    cube[...] = numpy.arange(24_000).reshape(20, 30, 40)
    cube[3:7, 2:29:5, 1:40:2] *= -1
    growing = file.create_dataset("growing", (4, 4), "i4", maxshape=(None, 10), chunks=(3, 3), fillvalue=-9)
    growing[...] = 1
    growing.resize((9, 8))
    growing[8, :] = 2
    growing.resize((5, 3))
    growing.resize((7, 7))
    contiguous = file.create_dataset("rows", (1000, 300), "f8")
    contiguous[...] = numpy.arange(300_000).reshape(1000, 300)
    mask = numpy.zeros((5, 7), bool)
    mask[1, 2] = mask[4, 6] = True
    file["contiguous <u4"][mask] = 77
    # What is selected of the dataspace is no part of the dataset.
    space = h5py.h5s.create_simple((10,))
    space.select_hyperslab((2,), (3,))
    selected = h5py.h5d.create(file.id, b"selected", h5py.h5t.NATIVE_INT32, space)
    assert selected.get_space().get_select_npoints() == 10
    half = file.create_dataset("half", (10, 10), "f8", fillvalue=2)
    half.write_direct(numpy.arange(50.0).reshape(5, 10), numpy.s_[:, 2:8], numpy.s_[3:8, 1:7])


def check(file):
    for kind in TYPES:
        for layout in ["contiguous", "chunked"]:
            if layout == "contiguous" and kind == "<u4":
                continue
            numpy.testing.assert_array_equal(file[f"{layout} {kind}"][()], sample(kind, (5, 7)))
    rows = numpy.arange(300_000.0).reshape(1000, 300)
    numpy.testing.assert_array_equal(file["rows"][3:900:7, 100:200], rows[3:900:7, 100:200])
    numpy.testing.assert_array_equal(file["rows"][[5, 6, 999]], rows[[5, 6, 999]])
    growing = numpy.full((7, 7), -9)
    growing[:4, :3] = 1
    growing[4, :3] = -9
    numpy.testing.assert_array_equal(file["growing"][()], growing)
    assert file["selected"].id.get_space().get_select_type() == h5py.h5s.SEL_ALL
    out = numpy.zeros((4, 6), "f8")
    file["half"].read_direct(out, numpy.s_[3:5, 1:4], numpy.s_[1:3, 2:5])
    assert out[1, 2] == 2 and out[2, 4] == 14 and out[0, 0] == 0 and file["half"][0, 0] == 2
