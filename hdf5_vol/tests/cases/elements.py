"""Elements that are written a few at a time, over each other, in parts of a compound, converted in strips, and never."""

import numpy

PAIR = numpy.dtype([("a", "<i4"), ("b", "<f8"), ("c", "S4")])
TRIPLE = numpy.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4")])


def write(file):
    random = numpy.random.default_rng(7)
    # Rows, then columns over them, then single elements, each of which is read at once now and then.
    for name, chunks in [("contiguous", None), ("chunked", (30, 40))]:
        table = file.create_dataset(name, (200, 120), "i4", chunks=chunks, fillvalue=-1)
        for row in range(0, 200, 3):
            table[row] = numpy.arange(120) + row
        for column in range(0, 120, 7):
            table[:, column] = numpy.arange(200) * 1000 + column
        for number in range(300):
            row, column = random.integers(200), random.integers(120)
            table[row, column] = -number
            if number % 50 == 0:
                assert table[row, column] == -number
                assert file[name][row, column] == -number
    # Few elements behind many and before many: the later ones count.
    order = file.create_dataset("order", (300_000,), "f8")
    order[5:9] = 1
    order[:] = numpy.arange(300_000)
    order[7:11] = 2
    order[100_000:250_000] = 3
    # Elements that do not fit into a block of the store an even number of times, with holes at odd places.
    odd = file.create_dataset("odd", (400_000,), TRIPLE, fillvalue=numpy.array((1, 2, 3), TRIPLE))
    odd[87_380:87_383] = (4, 5, 6)
    odd[200_000:350_000:3] = numpy.zeros(50_000, TRIPLE)
    # Parts of a compound leave the others.
    pairs = file.create_dataset("pairs", (100_000,), PAIR)
    pairs["b"] = numpy.arange(100_000) / 4
    pairs[10:90_000, "a"] = numpy.arange(10, 90_000)
    pairs[50_000] = (7, 8.5, b"nine")
    # Conversion of more than is converted at a time, and where nothing was written.
    large = file.create_dataset("converted", (3_000_000,), ">f4", fillvalue=0.5)
    large[1_000_000:2_900_000] = numpy.arange(1_900_000, dtype="f8")
    # One element named twice.
    twice = file.create_dataset("twice", (60_000,), "i4")
    twice.id.write(*points(twice, [[5], [6], [5], [7]]), numpy.array([1, 2, 3, 4], "i4"))
    many = numpy.arange(40_000) % 20_000
    twice.id.write(*points(twice, many[:, None] + 100), numpy.arange(40_000, dtype="i4"))


def points(dataset, coordinates):
    import h5py

    space = dataset.id.get_space()
    space.select_elements(coordinates)
    return h5py.h5s.create_simple((len(coordinates),)), space


def check(file):
    order = numpy.arange(300_000.0)
    order[7:11] = 2
    order[100_000:250_000] = 3
    numpy.testing.assert_array_equal(file["order"][()], order)
    odd = file["odd"][87_370:87_390]
    assert odd[9].tolist() == (1, 2, 3) and odd[12].tolist() == (4, 5, 6) and odd[13].tolist() == (1, 2, 3)
    pairs = file["pairs"]
    assert pairs[20].tolist() == (20, 5.0, b"") and pairs[50_000].tolist() == (7, 8.5, b"nine")
    assert pairs["b"][99_999] == 99_999 / 4 and pairs["a"][95_000] == 0
    converted = file["converted"][()]
    assert converted[0] == 0.5 and converted[1_000_003] == 3 and converted[2_999_999] == 0.5
    assert file["converted"].astype("f8")[2_899_999] == numpy.float32(1_899_999)
    twice = file["twice"][()]
    assert twice[5:8].tolist() == [3, 2, 4], twice[5:8]
    numpy.testing.assert_array_equal(twice[100:20_100], numpy.arange(20_000, 40_000))
