"""When objects were changed, where that is tracked."""

import time

import h5py

SECONDS_MAX = 24 * 60 * 60


def changed(thing):
    """As programs ask, new and old ones."""
    times = h5py.h5o.get_info(thing.id)
    assert h5py.h5g.get_objinfo(thing.id).mtime == times.ctime
    return times.ctime


def write(file):
    assert changed(file) == 0
    for is_tracked in [False, True]:
        data = file.create_dataset(f"data {is_tracked}", data=[1, 2, 3], track_times=is_tracked)
        data.attrs["a"] = 1
        file.create_dataset_like(f"like {is_tracked}", data)
        file.copy(f"data {is_tracked}", f"copy {is_tracked}")
    file.flush()


def check(file):
    for kind in ["data", "like", "copy"]:
        assert changed(file[f"{kind} False"]) == 0
        assert abs(changed(file[f"{kind} True"]) - time.time()) < SECONDS_MAX
