"""References to objects and to regions, in datasets, attributes, compounds and sequences; dimension scales, which work by them."""

import h5py
import numpy

PAIR = numpy.dtype([("object", h5py.ref_dtype), ("number", "i4")])


def write(file):
    table = file.create_dataset("table", data=numpy.arange(100).reshape(10, 10))
    group = file.create_group("deep").create_group("group")
    file.create_dataset("objects", data=[table.ref, group.ref], dtype=h5py.ref_dtype)
    file.create_dataset("chunked", (20,), dtype=h5py.ref_dtype, chunks=(3,))[4:6] = [table.ref, group.ref]
    file.create_dataset("filtered", (20,), dtype=h5py.ref_dtype, chunks=(3,), compression="gzip")[4] = table.ref
    group.attrs["one"] = table.ref
    group.attrs.create("many", [table.ref, group.ref], dtype=h5py.ref_dtype)
    group.attrs["region"] = table.regionref[1, 2:4]
    regions = file.create_dataset("regions", (4,), dtype=h5py.regionref_dtype)
    regions[0] = table.regionref[2:4, 3:5]
    regions[1] = table.regionref[0, :]
    regions[2] = table.regionref[[1, 5], 4]
    pairs = file.create_dataset("pairs", (3,), dtype=PAIR)
    pairs[0] = (table.ref, 3)
    lists = file.create_dataset("lists", (2,), dtype=h5py.vlen_dtype(h5py.ref_dtype))
    lists[0] = numpy.array([table.ref, group.ref], dtype=h5py.ref_dtype)
    scale = file.create_dataset("scale", data=numpy.arange(10.0))
    other = file.create_dataset("other", data=numpy.arange(10.0))
    scale.make_scale("x")
    other.make_scale("y")
    table.dims[0].attach_scale(scale)
    table.dims[0].attach_scale(other)
    table.dims[1].attach_scale(other)
    table.dims[0].detach_scale(other)
    table.dims[0].label = "rows"


def names(file, references):
    return [file[reference].name if reference else None for reference in references]


def check(file):
    table, group = file["table"], file["deep/group"]
    assert names(file, file["objects"]) == ["/table", "/deep/group"]
    assert names(file, file["chunked"][3:7]) == [None, "/table", "/deep/group", None]
    assert names(file, file["filtered"][3:6]) == [None, "/table", None]
    assert names(file, [group.attrs["one"], *group.attrs["many"]]) == ["/table", "/table", "/deep/group"]
    assert table[group.attrs["region"]].tolist() == [[12, 13]]
    regions = file["regions"][:]
    assert table[regions[0]].tolist() == [[23, 24], [33, 34]] and table[regions[2]].tolist() == [[14], [54]]
    assert table.regionref.selection(regions[1]) == (1, 10) and not regions[3]
    assert file[regions[0]] == table
    pairs = file["pairs"][:]
    assert file[pairs[0]["object"]] == table and pairs[0]["number"] == 3 and not pairs[1]["object"]
    assert names(file, file["lists"][0]) == ["/table", "/deep/group"]
    assert table.dims[0].label == "rows" and list(table.dims[0].keys()) == ["x"] and list(table.dims[1].keys()) == ["y"]
    assert table.dims[0]["x"].name == "/scale" and file["scale"].is_scale
    assert names(file, file["other"].attrs["REFERENCE_LIST"]["dataset"]) == ["/table"]
    print(h5py.h5r.get_name(file["objects"][1], file.id), h5py.h5r.get_obj_type(file["objects"][1], file.id))
