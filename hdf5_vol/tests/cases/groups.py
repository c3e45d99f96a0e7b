"""Groups and links: names of many kinds, deep ones, soft and hard links, what was removed and moved."""

import h5py

# Names in an order that is not that of their bytes.
MANY = [f"{number * 77 % 200:0>{400 if number % 50 == 0 else 1}}" for number in range(200)]


def write(file):
    for name in ["b", "a", "ünïcode", "with space", "n" * 1000]:
        file.create_group(name)
    file.create_group("deep/er/and/deeper")
    file["soft"] = h5py.SoftLink("/deep/er")
    file["nowhere"] = h5py.SoftLink("/no/such")
    file["hard"] = file["deep/er/and"]
    file["other"] = h5py.ExternalLink("another.h5", "/in/it")
    file["a/gone"] = file.create_group("a/stays")
    del file["a/gone"]
    file.create_group("b/old")
    file.move("b/old", "b/new")
    for number in range(300):
        file.create_group(f"many/{number}")
    assert "deep/er" in file and "soft/and" in file and "no" not in file
    for wrong in [lambda: file.create_group("a"), lambda: file["no"], lambda: file["deep/no/er"]]:
        try:
            wrong()
        except (ValueError, KeyError):
            continue
        raise AssertionError("this must fail")
    file.require_group("a")
    with h5py.File(file.filename + ".links", "w") as beside:
        # Links that name what they lead to go to another file, and others do not.
        beside["soft"] = h5py.SoftLink("/b/new")
        beside["other"] = h5py.ExternalLink("another.h5", "/in/it")
        for name in [b"soft", b"other"]:
            beside.id.links.move(name, file.id, b"moved " + name)
            assert name not in beside
        beside.create_group("hard")
        try:
            beside.id.links.move(b"hard", file.id, b"moved hard")
        except (OSError, RuntimeError, ValueError):
            pass
        assert "hard" in beside and "moved hard" not in file
    ordered = file.create_group("ordered", track_order=True)
    for name in ["z", "y", "x"]:
        ordered.create_group(name)
    del ordered["y"]
    # More than are asked for at a time, and some longer than there is room for.
    many = ordered.create_group("many", track_order=True)
    for name in MANY:
        many[name] = h5py.SoftLink("/b")


def check(file):
    assert list(file["ordered"]) == ["z", "x", "many"], list(file["ordered"])
    assert list(file["ordered/many"]) == MANY and list(reversed(file["ordered/many"])) == MANY[::-1]
    assert len(file["many"]) == 300
    assert file["hard"] == file["deep/er/and"]
    assert file["soft/and"] == file["hard"]
    seen = []
    file.visit(seen.append)
    assert "deep/er/and/deeper" in seen and "many/299" in seen, seen
    kinds = {}
    file.visititems(lambda name, thing: kinds.setdefault(name, type(thing).__name__) and None)
    assert set(kinds) == set(seen) and set(kinds.values()) == {"Group"}
    assert file["a"].file.filename == file.filename
    assert file["deep/er"].parent.name == "/deep"
