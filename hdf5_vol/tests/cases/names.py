"""Names that lead to one object after the other while the file stays open: removed, made anew, moved, replaced, in groups that go themselves."""

import h5py


def write(file):
    for round_number in range(3):
        file.create_group("g/a").attrs["round"] = round_number
        assert file["g/a"].attrs["round"] == round_number
        file.create_dataset("g/d", data=[round_number])
        assert file["g/d"][0] == round_number
        del file["g/a"]
        assert "g/a" not in file and "a" not in file["g"]
        file["g/a"] = round_number
        assert isinstance(file["g/a"], h5py.Dataset) and file["g/a"][()] == round_number
        file.move("g", f"moved{round_number}")
        assert "g" not in file and file[f"moved{round_number}/d"][0] == round_number
    # A whole tree goes, and another one has its names.
    file["tree/b/c/d"] = 1
    del file["tree"]
    try:
        file["tree/b/c/d"]
        raise AssertionError("it is gone")
    except KeyError:
        pass
    file["tree/b/c/d"] = 2
    assert file["tree/b/c/d"][()] == 2
    # Two groups change places; links of other kinds take a name.
    file.create_group("one/of")
    file.create_group("two/of").attrs["is"] = "two"
    file.move("one", "between")
    file.move("two", "one")
    file.move("between", "two")
    assert file["one/of"].attrs["is"] == "two" and "is" not in file["two/of"].attrs
    del file["two/of"]
    file["two/of"] = h5py.SoftLink("/one/of")
    assert file["two/of"].attrs["is"] == "two"
    del file["two/of"]
    file["two/of"] = file["one"]
    assert file["two/of/of"].attrs["is"] == "two"
    # By a second handle, and after the file was opened again.
    name = file.filename
    with h5py.File(name, "r+") as again:
        del again["tree/b"]
        again["tree/b"] = 3
    assert file["tree/b"][()] == 3
    file.close()
    with h5py.File(name, "a") as file:
        for number in range(4):
            file[f"late/{number}/x"] = number
            assert file[f"late/{number}/x"][()] == number
            if number % 2:
                del file[f"late/{number}"]
                file[f"late/{number}/x"] = -number


def check(file):
    assert [file[f"late/{number}/x"][()] for number in range(4)] == [0, -1, 2, -3]
    assert file["tree/b"][()] == 3 and file["moved2/a"][()] == 2
    assert file["one/of"].attrs["is"] == "two" and file["two/of/of"] == file["one/of"]
