"""A file that is mounted on a group of another one: paths lead into it while it is, and no longer."""

import h5py


def write(file):
    file["group/covered"] = 1
    name = f"{file.filename.rpartition('/')[0]}/mounted.h5"
    with h5py.File(name, "w") as other:
        other["in/it"] = 2
        h5py.h5f.mount(file.id, b"group", other.id)
        assert "covered" not in file["group"] and file["group/in/it"][()] == 2
        assert file["group/in/it"].name == "/group/in/it", file["group/in/it"].name
        file["group"].create_dataset("new", data=3)
        # The mounted file is a part of the other one now.
        assert "new" not in other and other["group/new"][()] == 3
        # A path from the root is one of the whole.
        assert file["group/in"]["/group/new"][()] == 3
        for wrong in [(file, b"group"), (other, b"in")]:
            try:
                h5py.h5f.mount(wrong[0].id, wrong[1], other.id)
            except (RuntimeError, ValueError, OSError):
                continue
            raise AssertionError("it is mounted already")
        h5py.h5f.unmount(file.id, b"group")
        assert file["group/covered"][()] == 1 and "in" not in file["group"]
    with h5py.File(name, "r") as other:
        assert other["new"][()] == 3
        file["seen"] = other["new"][()]


def check(file):
    assert file["group/covered"][()] == 1 and list(file["group"]) == ["covered"]
