"""Programs that have several HDF5 libraries, each of which loads the connector: python libraries.py write|read POOL CONTAINER DIRECTORY

The wheels of h5py, netCDF4 and PyTables bring one each. xarray uses the first two, and which one writes a file and which one reads it is all the same.
"""

import os
import subprocess
import sys

import h5py
import netCDF4
import numpy
import tables
import xarray

what, pool, container, local = sys.argv[1:]
ROWS = numpy.arange(12.0).reshape(3, 4)
ENGINES = ["h5netcdf", "netcdf4"]


def name(file):
    """One that libnetcdf takes for no address of a server."""
    return f"/{pool}/{container}/{file}"


def dataset():
    return xarray.Dataset({"rows": (("x", "y"), ROWS)}, {"x": [1, 2, 3]}, {"title": "r\N{LATIN SMALL LETTER E WITH ACUTE}sum"})


def write():
    with h5py.File(name("h5py.h5"), "w") as file:
        file["rows"] = ROWS
    with netCDF4.Dataset(name("netcdf.nc"), "w") as file:
        file.createDimension("x", None)
        file.createDimension("y", 4)
        file.createVariable("rows", "f8", ("x", "y"), zlib=True)[:] = ROWS
        words = file.createGroup("group").createVariable("words", str, ("y",))
        words[:] = numpy.array(list("abcd"), dtype=object)
    for engine in ENGINES:
        dataset().to_netcdf(name(f"{engine}.nc"), engine=engine)
    replace()


def replace():
    """What is replaced has no say in what comes: by netCDF's own model on HDF5, by its classic one, and the classic format by either."""
    for number, model in enumerate(["NETCDF4", "NETCDF4_CLASSIC", "NETCDF4"]):
        with netCDF4.Dataset(name("replaced.nc"), "w", format=model) as file:
            file.number = number
        with netCDF4.Dataset(name("replaced.nc")) as file:
            assert file.data_model == model and file.number == number, (file.data_model, model)
    # HDF5 replaces whatever has the name.
    classic = os.path.join(local, "to replace.nc")
    with netCDF4.Dataset(classic, "w", format="NETCDF3_CLASSIC") as file:
        file.title = "x" * 1000
    subprocess.run(["daos", "fs", "copy", "--src", classic, "--dst", f"daos://{pool}/{container}/classic.nc"], check=True)
    assert not h5py.is_hdf5(name("classic.nc"))
    with netCDF4.Dataset(name("classic.nc"), "w") as file:
        file.number = 7
    with h5py.File(name("classic.nc")) as file:
        assert file.attrs["number"] == 7
    said = subprocess.run(["daos", "fs", "copy", "--src", f"daos://{pool}/{container}/classic.nc", "--dst", classic], check=True)
    assert os.path.getsize(classic) < 1000, said


def read():
    with netCDF4.Dataset(name("h5py.h5")) as file:
        numpy.testing.assert_array_equal(file["rows"][:], ROWS)
    with netCDF4.Dataset(name("netcdf.nc")) as file:
        assert file.dimensions["x"].isunlimited() and list(file["group/words"][:]) == list("abcd")
    with h5py.File(name("netcdf.nc")) as file:
        numpy.testing.assert_array_equal(file["rows"][:], ROWS)
        assert file["rows"].compression == "gzip" and file["rows"].dims[1][0] == file["y"]
    for written in ENGINES:
        for engine in ENGINES:
            with xarray.open_dataset(name(f"{written}.nc"), engine=engine) as found:
                xarray.testing.assert_identical(found.load(), dataset())
    # One of another format, and one that is not there, are what they are.
    classic = os.path.join(local, "classic.nc")
    dataset().to_netcdf(classic, engine="netcdf4", format="NETCDF3_CLASSIC")
    with netCDF4.Dataset(classic) as file:
        assert file.data_model == "NETCDF3_CLASSIC"
    try:
        netCDF4.Dataset(name("missing.nc"))
    except FileNotFoundError:
        return
    raise AssertionError("a file that is not there was opened")


def use_third():
    """PyTables asks the system for a file first, so this one is elsewhere; its HDF5 has loaded the connector all the same."""
    with tables.open_file(os.path.join(local, "tables.h5"), "w") as file:
        file.create_array("/", "rows", ROWS)
    with h5py.File(os.path.join(local, "tables.h5")) as file:
        numpy.testing.assert_array_equal(file["rows"][:], ROWS)


if what == "write":
    write()
else:
    read()
use_third()
