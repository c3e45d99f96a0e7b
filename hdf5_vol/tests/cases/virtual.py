"""Virtual datasets: sources in the same file, in others beside, in one that no container has, and missing; what is written through them;
selections without an end; sources that are virtual themselves, and circles of such."""

import os
import sys

import h5py
import numpy
from h5py import h5d, h5p, h5s
from h5py.h5s import UNLIMITED
from common import beside, is_ours, refused

# One of HDF5's own, also where the others are in a container.
LOCAL = os.path.join(sys.prefix, "mapped.h5")
FIRST_MISSING, LAST_AVAILABLE = 0, 1
TEXT = h5py.string_dtype()
RECORD = numpy.dtype([("a", "i4"), ("b", "f8")])


def simple(shape, maximum=None):
    return h5s.create_simple(shape, maximum or shape)


def slab(shape, start, count, stride=None, block=None, maximum=None):
    space = simple(shape, maximum)
    space.select_hyperslab(start, count, stride or (1,) * len(shape), block or (1,) * len(shape))
    return space


def mapped(file, name, space, kind, mappings, fill=None):
    """Makes a virtual dataset of mappings: selection here, file, path, selection there."""
    creation = h5p.create(h5p.DATASET_CREATE)
    if fill is not None:
        creation.set_fill_value(numpy.array(fill))
    creation.set_layout(h5d.VIRTUAL)
    for here, source, path, there in mappings:
        creation.set_virtual(here, source.encode(), path.encode(), there)
    h5d.create(file.id, name.encode(), h5py.h5t.py_create(numpy.dtype(kind), logical=True), space, creation).close()


def seen(file, name, view=LAST_AVAILABLE, gap=0, prefix=None):
    """A dataset as it is seen with these properties."""
    access = h5p.create(h5p.DATASET_ACCESS)
    access.set_virtual_view(view)
    access.set_virtual_printf_gap(gap)
    if prefix:
        access.set_virtual_prefix(prefix.encode())
    return h5py.Dataset(h5d.open(file.id, name.encode(), access))


def sources(file):
    file["s/rows"] = numpy.arange(60, dtype="i4").reshape(6, 10)
    file.create_dataset("s/packed", data=numpy.arange(100, 160).reshape(6, 10), chunks=(4, 4), compression="gzip")
    file["s/line"] = numpy.arange(10, dtype=">i2")
    file["s/soft"] = h5py.SoftLink("/s/line")
    file["s/records"] = numpy.array([(number, number / 2) for number in range(8)], RECORD)
    file["s/eight"] = numpy.arange(8)
    file.create_dataset("s/words", data=["one", "two", "three"], dtype=TEXT)
    for number in [0, 1, 3]:
        file[f"s/block {number}"] = numpy.full((4, 2), number)
    file.create_dataset("s/growing", data=numpy.arange(10).reshape(5, 2), maxshape=(None, 2), chunks=(2, 2))
    for name, first in [("mapped_one.h5", 1000), ("mapped_two.h5", 2000)]:
        with h5py.File(beside(file, name), "w") as other:
            other["data"] = numpy.arange(first, first + 20)
            other["link"] = h5py.ExternalLink(LOCAL, "/data")
            other.create_group("group")
    with h5py.File(LOCAL, "w") as other:
        other["data"] = numpy.arange(3000, 3020)


def write(file):
    sources(file)
    row = lambda number: slab((8, 20), (number, 0), (1, 20))
    whole = simple((20,))
    places = [("mapped_one.h5", "data"), (LOCAL, "data"), ("missing.h5", "data"), ("mapped_two.h5", "missing")]
    places += [(".", "s/missing"), ("mapped_two.h5", "/data"), ("mapped_two.h5", "link")]
    mappings = [(row(number), *place, whole) for number, place in enumerate(places)]
    mapped(file, "files", simple((8, 20)), "f8", mappings, -1.5)
    pieces = [
        (slab((12, 10), (0, 0), (6, 10), (2, 1)), ".", "s/rows", simple((6, 10))),
        (slab((12, 10), (1, 2), (3, 2), (4, 4), (1, 2)), ".", "/s/packed", slab((6, 10), (1, 5), (3, 4))),
        (slab((12, 10), (3, 0), (1, 10)), ".", "s/soft", simple((10,))),
    ]
    mapped(file, "pieces", simple((12, 10)), "i8", pieces, -7)
    mapped(file, "again", simple((10,)), "i8", [(simple((10,)), ".", "pieces", slab((12, 10), (3, 0), (1, 10)))])
    mapped(file, "records", simple((12,)), RECORD, [(slab((12,), (2,), (8,)), ".", "s/records", simple((8,)))])
    mapped(file, "words", simple((5,)), TEXT, [(slab((5,), (1,), (3,)), ".", "s/words", simple((3,)))])
    shifted = slab((12,), (0,), (8,))
    shifted.offset_simple((1,))
    mapped(file, "shifted", shifted, "i2", [(shifted, ".", "s/eight", simple((8,)))], -1)
    mapped(file, "nothing", simple((3, 4)), "i4", [], 9)
    mapped(file, "scalar", h5s.create(h5s.SCALAR), "i4", [])
    blocks = (slab((4, 2), (0, 0), (UNLIMITED, 1), (5, 1), (4, 2), (UNLIMITED, 2)), ".", "s/block %b", simple((4, 2)))
    mapped(file, "blocks", simple((4, 2), (UNLIMITED, 2)), "i8", [blocks], 50)
    numbered = (slab((1, 20), (0, 0), (UNLIMITED, 1), (1, 1), (1, 20), (UNLIMITED, 20)), "mapped_%b.h5", "data", whole)
    mapped(file, "numbered", simple((1, 20), (UNLIMITED, 20)), "i8", [numbered])
    for number in range(3):
        with h5py.File(beside(file, f"mapped_{number}.h5"), "w") as other:
            other["data"] = numpy.full(20, number)
    endless = lambda start, stride: slab((1, 2), (start, 0), (UNLIMITED, 1), (stride, 1), (1, 2), (UNLIMITED, 2))
    for name, other in [("grown", "s/growing"), ("late", "s/late")]:
        mappings = [(endless(0, 2), ".", "s/growing", endless(0, 1)), (endless(1, 2), ".", other, endless(1, 1))]
        mapped(file, name, simple((1, 2), (UNLIMITED, 2)), "i8", mappings, 70)
    through(file)
    changing(file)
    of_before(file)
    wrong(file)
    file.copy("pieces", "copied")
    if is_ours(file):
        by_directory(file)
        overlapping(file)
        circles(file)


def write_points(dataset, at, values):
    space = dataset.id.get_space()
    space.select_elements(at)
    dataset.id.write(simple((len(at),)), space, numpy.array(values))


def through(file):
    """What is written goes to the sources."""
    file["files"][0, 5:8] = [1, 2, 3]
    file["files"][1, ::4] = 4.0
    file["files"][:2, 19] = [5, 6]
    assert file["files"][0, 4:9].tolist() == [1004, 1, 2, 3, 1008]
    file["pieces"][3] = numpy.arange(50, 60)
    file["again"][2] = 99
    file["pieces"][0:3:2, 1:9:3] = [[1, 2, 3], [4, 5, 6]]
    file["pieces"][1, 2:4] = [77, 78]
    assert file["s/line"][:4].tolist() == [50, 51, 99, 53] and file["s/packed"][1, 5:9].tolist() == [77, 78, 117, 118]
    file["files"].flush()
    if is_ours(file):
        # In HDF5's own files these change other elements, or end the program.
        file["records"][3:5, "b"] = [0.25, 0.75]
        file["words"][2] = "zwei"
        for place in [(2, 0), (3, slice(0, 2)), (7, 7), (slice(0, 3), 0)]:
            refused(lambda: file["files"].__setitem__(place, 1))
        refused(lambda: file["pieces"].__setitem__((1, 0), 1))
        write_points(file["files"], [(5, 9), (0, 8), (6, 2)], [-1, -2, -3])
        assert file["files"][:7, 8:10].ravel()[[0, 11]].tolist() == [-2, -1] and file["files"][6, 2] == -3
        write_points(file["files"], [(5, 9), (0, 8), (6, 2)], [2009, 1008, 3002])
        refused(lambda: write_points(file["files"], [(5, 9), (7, 7)], [0, 0]))
    else:
        file["s/records"][1:3, "b"] = [0.25, 0.75]
        file["s/words"][1] = "zwei"
    with h5py.File(beside(file, "mapped_two.h5"), "r+") as other:
        other["data"][0] = -3
    assert file["files"][5, 0] == -3


def changing(file):
    """Dimensions follow those of the sources."""
    growing = file["s/growing"]
    grown = file["grown"]
    assert grown.shape == (9, 2) and grown.maxshape == (None, 2), grown.shape
    growing.resize(7, axis=0)
    growing[5:] = 5
    assert file["grown"].shape == (13, 2) and grown.shape == (13, 2)
    assert seen(file, "grown", FIRST_MISSING).shape == (13, 2)
    again = file["grown"]
    assert again.shape == (13, 2)
    grown.id.set_extent((6, 2))
    found = numpy.full((13, 2), -1)
    # Another handle sees that, too.
    again.id.read(h5s.ALL, h5s.ALL, found)
    assert (found[6:] == -1).all() and (found[:6:2] == growing[:3]).all(), found
    found = numpy.zeros((6, 2), "i8")
    # Without a look at the dataspace, after which it has grown again.
    grown.id.read(simple((6, 2)), simple((6, 2)), found)
    assert (found[::2] == growing[:3]).all() and (found[1::2] == growing[1:4]).all() and grown.shape == (13, 2)
    assert file["late"].shape == (13, 2) and seen(file, "late", FIRST_MISSING).shape == (0, 2)
    file["s/late"] = numpy.arange(4).reshape(2, 2) + 90
    file["late"].id.refresh()
    assert seen(file, "late", FIRST_MISSING).shape == (3, 2), seen(file, "late", FIRST_MISSING).shape
    space = simple((10,), (30,))
    mapped(file, "resized", space, "i4", [(slab((10,), (2,), (8,), None, None, (30,)), ".", "s/line", slab((10,), (0,), (8,)))], 3)
    file["resized"].id.set_extent((25,))
    assert file["resized"].shape == (25,) and file["resized"][10] == 3
    refused(lambda: file["resized"].id.set_extent((9,)))
    refused(lambda: file["resized"].id.set_extent((31,)))


def of_before(file):
    """What is selected in a dataspace from before the dataset has grown is what its coordinates say."""
    file.create_dataset("s/wide", data=numpy.arange(40).reshape(4, 10), maxshape=(4, None), chunks=(4, 4))
    endless = lambda: slab((4, 1), (0, 0), (1, UNLIMITED), None, (4, 1), (4, UNLIMITED))
    mapped(file, "wide", simple((4, 1), (4, UNLIMITED)), "i8", [(endless(), ".", "s/wide", endless())])
    wide, before = file["wide"], file["wide"].id.get_space()
    points, box = file["wide"].id.get_space(), file["wide"].id.get_space()
    assert before.shape == (4, 10)
    file["s/wide"].resize((4, 20))
    file["s/wide"][:, 10:] = -1
    assert wide.shape == (4, 20)
    if not is_ours(file):
        return
    points.select_elements([(1, 3), (2, 9)])
    box.select_hyperslab((1, 3), (2, 2))
    for space, expected in [(points, [13, 29]), (box, [13, 14, 23, 24]), (before, list(range(40)))]:
        found = numpy.zeros(len(expected), "i8")
        wide.id.read(simple(found.shape), space, found)
        assert found.tolist() == expected, (found, expected)
    found = numpy.zeros((4, 10), "i8")
    wide.id.read(h5s.ALL, points, found)
    assert found[1, 3] == 13 and found[2, 9] == 29 and found.sum() == 42
    wide.id.write(simple((2,)), points, numpy.array([1, 2]))
    assert wide[1, 3] == 1 and wide[2, 9] == 2 and (wide[0] == [*range(10), *[-1] * 10]).all()
    wide.id.write(simple((2,)), points, numpy.array([13, 29]))
    far = file["wide"].id.get_space()
    far.select_elements([(1, 19)])
    file["s/wide"].resize((4, 12))
    assert wide.shape == (4, 12)
    refused(lambda: wide.id.read(simple((1,)), far, numpy.zeros(1, "i8")))
    file["s/wide"].resize((4, 20))
    file["s/wide"][:, 10:] = -1


def by_directory(file):
    """A number in a directory counts also where its name alone leads to a file, with which HDF5's own files do not end."""
    with h5py.File(beside(file, "mapped_plain.h5"), "w") as other:
        other["data"] = numpy.arange(20)
    blocks = slab((1, 20), (0, 0), (UNLIMITED, 1), (1, 1), (1, 20), (UNLIMITED, 20))
    source = beside(file, "numbered_%b/mapped_plain.h5")
    mapped(file, "by directory", simple((1, 20), (UNLIMITED, 20)), "i8", [(blocks, source, "data", simple((20,)))])
    assert file["by directory"].shape == (0, 20), file["by directory"].shape
    del file["by directory"]


def overlapping(file):
    """Elements that are mapped twice hide none that are not mapped."""
    half, ten = slab((20,), (0,), (10,)), simple((10,))
    mapped(file, "twice", simple((20,)), "i8", [(half, ".", "s/line", ten)] * 2, -5)
    twice = file["twice"]
    expected = [*file["s/line"][()], *[-5] * 10]
    found = numpy.full(20, 77)
    twice.id.read(h5s.ALL, h5s.ALL, found)
    assert found.tolist() == expected, found
    refused(lambda: twice.__setitem__(slice(0, 20), 1))
    refused(lambda: write_points(twice, [(0,), (15,)], [1, 1]))
    assert twice[()].tolist() == expected
    twice[:10] = expected[:10]
    write_points(twice, [(1,), (0,)], [expected[1], expected[0]])
    assert twice[()].tolist() == expected
    del file["twice"]


def wrong(file):
    refused(lambda: mapped(file, "small", simple((5,)), "i4", [(slab((10,), (0,), (10,)), ".", "s/line", simple((10,)))]))
    assert "small" not in file
    mapped(file, "beyond", simple((20,)), "i4", [(simple((20,)), ".", "s/line", simple((20,)))])
    mapped(file, "group", simple((20,)), "i4", [(simple((20,)), ".", "s", simple((20,)))])
    for name in ["beyond", "group"]:
        refused(lambda: file[name][()])
        del file[name]


def circles(file):
    """HDF5's own files do not end here."""
    one = simple((10,))
    mapped(file, "itself", one, "i4", [(one, ".", "itself", one)])
    mapped(file, "there", one, "i4", [(one, ".", "back", one)])
    mapped(file, "back", one, "i4", [(one, ".", "there", one)])
    endless = slab((1,), (0,), (UNLIMITED,), None, None, (UNLIMITED,))
    mapped(file, "endless", simple((1,), (UNLIMITED,)), "i4", [(endless, ".", "endless", endless)])
    for name in ["itself", "there", "back", "endless"]:
        assert "source of itself" in refused(lambda: file[name][()]), name
        assert "source of itself" in refused(lambda: file[name].__setitem__(0, 1)), name
    for name in ["itself", "there", "back", "endless"]:
        del file[name]
    previous = "s/line"
    for number in range(20):
        mapped(file, f"chain {number}", one, "i4", [(one, ".", previous, one)])
        previous = f"chain {number}"
    assert (file["chain 15"][()] == file["s/line"][()]).all()
    assert "sources of each other" in refused(lambda: file["chain 16"][()])
    for number in range(20):
        del file[f"chain {number}"]


def by_points(files, expected):
    """Elements that are named one by one, in any order and twice, which HDF5's own files refuse or mix up."""
    mask = expected % 3 == 1
    assert (files[mask] == expected[mask]).all()
    for at in [[(6, 19), (0, 6), (2, 2), (0, 6), (1, 0), (7, 7), (0, 5), (5, 0)], [(7, 1)], [(0, 1)]]:
        space = files.id.get_space()
        space.select_elements(at)
        found = numpy.zeros(len(at))
        files.id.read(simple((len(at),)), space, found)
        assert found.tolist() == [expected[place] for place in at]
        spread = numpy.zeros((4, 10))
        memory = simple(spread.shape)
        memory.select_elements([(number % 4, 9 - number) for number in range(len(at))])
        files.id.read(memory, space, spread)
        assert [spread[number % 4, 9 - number] for number in range(len(at))] == [expected[place] for place in at]


def check(file):
    files, pieces = file["files"], file["pieces"]
    assert files.is_virtual and len(files.virtual_sources()) == 7 and files.virtual_sources()[1].file_name == LOCAL
    first = numpy.arange(1000.0, 1020)
    first[5:8], first[19] = [1, 2, 3], 5
    third = numpy.arange(3000.0, 3020)
    third[::4], third[19] = 4, 6
    expected = numpy.full((8, 20), -1.5)
    expected[0], expected[1], expected[5], expected[6] = first, third, numpy.arange(2000, 2020), third
    expected[5, 0] = -3
    assert (files[()] == expected).all()
    assert (files[1:7:2, 3:18:5] == expected[1:7:2, 3:18:5]).all() and files.dtype == "f8"
    assert (files.astype("i2")[:, 4] == expected[:, 4].astype("i2")).all()
    if is_ours(file):
        by_points(files, expected)
    assert (file["copied"][()] == pieces[()]).all() and file["copied"].is_virtual
    assert (file["again"][()] == pieces[3]).all()
    assert file["records"]["a"].tolist() == [0, 0, *range(8), 0, 0] and file["records"][3]["b"] == 0.25
    assert file["words"].asstr()[()].tolist() == ["", "one", "zwei", "three", ""]
    assert file["shifted"][()].tolist() == [-1, *range(8), -1, -1, -1]
    assert file["shifted"].id.get_space().get_select_type() == h5s.SEL_ALL
    assert (file["nothing"][()] == 9).all() and file["scalar"][()] == 0 and file["nothing"].id.get_storage_size() == 0
    blocks(file)
    assert file["numbered"].shape == (3, 20) and (file["numbered"][:, 3] == [0, 1, 2]).all()
    grown = file["grown"][()]
    assert grown.shape == (13, 2) and (grown[::2] == file["s/growing"][()]).all()
    assert (grown[1::2] == file["s/growing"][1:]).all()
    assert (seen(file, "late", FIRST_MISSING)[()] == [[0, 1], [92, 93], [2, 3]]).all()
    assert file["late"][()][1::2].tolist() == [[92, 93], *[[70, 70]] * 5]
    assert refused(lambda: files.__setitem__((0, 0), 1))
    access = seen(file, "nothing", prefix="${ORIGIN}").id.get_access_plist()
    assert access.get_virtual_prefix() == beside(file, "").encode()


def blocks(file):
    assert file["blocks"].shape == (9, 2)
    assert file["blocks"][:, 1].tolist() == [*[0] * 4, 50, *[1] * 4]
    first = seen(file, "blocks", FIRST_MISSING)
    assert first.shape == (10, 2) and first[:, 0].tolist() == [*[0] * 4, 50, *[1] * 4, 50]
    # While one is open HDF5 shows another one in the same way.
    del first
    far = seen(file, "blocks", LAST_AVAILABLE, 1)
    assert far.shape == (19, 2) and far[8:, 0].tolist() == [1, 50, *[50] * 5, *[3] * 4]
    assert far[16, 1] == 3 and far[::6, 0].tolist() == [0, 1, 50, 3]
