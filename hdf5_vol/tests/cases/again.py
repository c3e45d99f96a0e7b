"""A file that is opened again and changed, by a second process and by a second handle."""

import h5py


def write(file):
    file.create_group("first").attrs["a"] = 1
    file.flush()
    name = file.filename
    again = h5py.File(name, "r+")
    again["second"] = [1, 2, 3]
    assert "second" in file
    file["second"][1] = 20
    assert again["second"][1] == 20
    file["third"] = "text"
    again.close()
    file.close()
    with h5py.File(name, "a") as file:
        del file["first"]
        file.create_group("fourth")
    try:
        h5py.File(name, "x")
    except OSError:
        pass
    else:
        raise AssertionError("the file is there")
    with h5py.File(name, "r") as file:
        try:
            file.create_group("no")
            raise AssertionError("the file is open for reading only")
        except ValueError:
            pass
    with h5py.File(name, "r+") as file:
        file["fifth"] = 5


def check(file):
    assert list(file) == ["fifth", "fourth", "second", "third"], list(file)
    assert file["second"][()].tolist() == [1, 20, 3]
    assert h5py.h5f.is_hdf5(file.filename.encode())
