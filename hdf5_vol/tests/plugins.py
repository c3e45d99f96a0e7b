"""Filters of plugins, those of the wheel hdf5plugin: python plugins.py write|read POOL CONTAINER DIRECTORY

What they make of a dataset in a container is what they make of one in HDF5's own file, byte for byte as far as the sizes tell. Some (SZ, bitshuffle)
do not bear the parameters that they have worked out themselves.
"""

import os
import sys

import h5py
import hdf5plugin
import numpy

what, pool, container, local = sys.argv[1:]
PLACES = [f"daos://{pool}/{container}/plugins.h5", os.path.join(local, "plugins.h5")]
DATA = numpy.arange(1 << 18, dtype="f4").reshape(512, 512)
KINDS = {
    "bitshuffle": hdf5plugin.Bitshuffle(),
    "blosc": hdf5plugin.Blosc(),
    "blosc2": hdf5plugin.Blosc2(),
    "bzip2": hdf5plugin.BZip2(),
    "lz4": hdf5plugin.LZ4(),
    "sz": hdf5plugin.SZ(absolute=0.5),
    "zfp": hdf5plugin.Zfp(reversible=True),
    "zstd": hdf5plugin.Zstd(),
}


def write(name):
    with h5py.File(name, "w") as file:
        for kind, options in KINDS.items():
            file.create_dataset(kind, data=DATA, chunks=(64, 512), **options)
            file[kind][100, 7] = 3


def read(name):
    found = []
    with h5py.File(name, "r") as file:
        for kind in KINDS:
            data = file[kind]
            expected = DATA.copy()
            expected[100, 7] = 3
            assert abs(data[()] - expected).max() <= (1 if kind == "sz" else 0), kind
            assert data.id.get_storage_size() < DATA.nbytes + 1024, kind
            found.append((kind, data.id.get_storage_size(), data.id.get_create_plist().get_filter(0)))
    return found


if what == "write":
    for place in PLACES:
        write(place)
else:
    ours, native = map(read, PLACES)
    assert ours == native, (ours, native)
