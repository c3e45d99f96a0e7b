"""Filters: compression, shuffling, checksums, and what programs ask of chunks as they are stored."""

import zlib

import h5py
import numpy

KINDS = {
    "gzip": dict(compression="gzip"),
    "gzip shuffle": dict(compression="gzip", compression_opts=9, shuffle=True),
    "fletcher": dict(fletcher32=True),
    "all": dict(compression="gzip", shuffle=True, fletcher32=True),
    "lzf": dict(compression="lzf"),
    "scale": dict(scaleoffset=0),
}


def write(file):
    random = numpy.random.default_rng(3)
    table = numpy.arange(300 * 200).reshape(300, 200) // 7
    for name, options in KINDS.items():
        data = file.create_dataset(name, data=table, chunks=(70, 90), dtype="i4", fillvalue=5, **options)
        # Parts of chunks, again and again.
        for row in range(0, 300, 11):
            data[row, 3:150] = row
        assert data[11, 3] == 11 and file[name][22, 149] == 22
    # A cache of two chunks, and none at all.
    for name, size in [("little", 2 * 400 * 8), ("none", 0)]:
        space = h5py.h5s.create_simple((100, 100))
        create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        create.set_chunk((20, 20))
        create.set_deflate(1)
        access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
        access.set_chunk_cache(101, size, 1.0)
        data = h5py.Dataset(h5py.h5d.create(file.id, name.encode(), h5py.h5t.NATIVE_DOUBLE, space, create, None, access))
        for column in range(100):
            data[:, column] = column
    growing = file.create_dataset("growing", (50, 50), "f8", maxshape=(None, None), chunks=(16, 16), compression=4, fillvalue=-1)
    growing[...] = 1
    growing.resize((20, 70))
    growing.resize((70, 60))
    growing[65:, 55:] = 2
    file.create_dataset("never written", (100, 100), "f4", chunks=(10, 10), compression="gzip", fillvalue=3)
    file.create_dataset("scalar strings", data=["a", "bb", "ccc"] * 50, chunks=(20,), compression="gzip", dtype=h5py.string_dtype())
    large = file.create_dataset("large", (1000, 1000), "f8", chunks=(100, 1000), compression="gzip", compression_opts=1)
    large[...] = numpy.repeat(numpy.arange(1000.0), 1000).reshape(1000, 1000)
    noise = file.create_dataset("noise", (1 << 18,), "u1", chunks=(1 << 16,), compression="gzip")
    noise[:] = numpy.frombuffer(random.bytes(1 << 18), "u1")
    converted = file.create_dataset("converted", (500,), ">i8", chunks=(64,), shuffle=True, compression="gzip")
    converted[10:400] = numpy.arange(390, dtype="i2")
    # Chunks that went through the filter here, and through none.
    direct = file.create_dataset("direct", (40,), "i4", chunks=(10,), compression="gzip")
    direct.id.write_direct_chunk((0,), zlib.compress(numpy.arange(10, dtype="i4").tobytes()))
    direct.id.write_direct_chunk((10,), numpy.arange(10, 20, dtype="i4").tobytes(), filter_mask=1)
    direct[20:30] = numpy.arange(20, 30)
    plain = file.create_dataset("plain", (40,), "i4", chunks=(10,), fillvalue=8)
    plain.id.write_direct_chunk((10,), numpy.arange(10, dtype="i4").tobytes())
    try:
        direct.id.write_direct_chunk((3,), b"x")
        raise AssertionError("no chunk begins there")
    except (RuntimeError, ValueError, OSError):
        pass
    # What is asked while changes wait.
    growing.flush()
    file.attrs["stored"] = [file[name].id.get_storage_size() for name in ("gzip", "large", "never written", "noise")]


def check(file):
    table = numpy.arange(300 * 200).reshape(300, 200) // 7
    for row in range(0, 300, 11):
        table[row, 3:150] = row
    for name in KINDS:
        numpy.testing.assert_array_equal(file[name][()], table)
        numpy.testing.assert_array_equal(file[name][60:80:3, 85:100], table[60:80:3, 85:100])
    for name in ["little", "none"]:
        numpy.testing.assert_array_equal(file[name][()], numpy.tile(numpy.arange(100.0), (100, 1)))
    growing = file["growing"][()]
    assert growing[19, 49] == 1 and growing[20, 0] == -1 and growing[19, 50] == -1 and growing[69, 59] == 2
    large = file["large"]
    assert large[777].tolist() == [777.0] * 1000
    size = large.id.get_storage_size()
    assert 0 < size < 8_000_000 // 100, size
    print(f"8000000 bytes are stored as {size}, {file['gzip'].id.get_storage_size()} for 240000")
    assert file["never written"].id.get_storage_size() == 0
    assert file["noise"].id.get_storage_size() >= 1 << 18
    direct = file["direct"]
    assert direct[()].tolist() == list(range(30)) + [0] * 10
    identifier = direct.id
    print(identifier.get_num_chunks(), [identifier.get_chunk_info(number)[:2] for number in range(3)])
    print([identifier.get_chunk_info(number).size for number in range(3)], identifier.get_chunk_info_by_coord((10,)).size)
    # Some filters work out parameters for the dataset.
    for name in KINDS:
        plist = file[name].id.get_create_plist()
        print(name, [plist.get_filter(number) for number in range(plist.get_nfilters())])
    # Of the chunk that has an element, wherever in it that is; and of none.
    print([identifier.get_chunk_info_by_coord((element,)).size for element in (0, 9, 13, 29, 35, 100)])
    mask, stored = identifier.read_direct_chunk((0,))
    assert mask == 0 and numpy.frombuffer(zlib.decompress(stored), "i4").tolist() == list(range(10))
    mask, stored = identifier.read_direct_chunk((10,))
    assert mask == 1 and numpy.frombuffer(stored, "i4").tolist() == list(range(10, 20))
    found = []
    identifier.chunk_iter(lambda info: found.append((info.chunk_offset, info.filter_mask, info.size)))
    print(found)
    plain = file["plain"]
    assert plain.id.read_direct_chunk((10,))[1] == numpy.arange(10, dtype="i4").tobytes()
    assert plain[9] == 8 and plain[12] == 2 and plain.id.get_storage_size() == 40
    print([(name, file[name].compression, file[name].shuffle, file[name].fletcher32, file[name].scaleoffset) for name in KINDS])
    print([(name, file[name].id.get_space_status()) for name in ("never written", "large", "direct", "plain")])
