"""What several cases need."""

# What h5py makes of an error of HDF5.
ERRORS = (KeyError, OSError, RuntimeError, ValueError)


def failure(function):
    """The error that a call gives; none when it gives none."""
    try:
        function()
    except ERRORS as error:
        return str(error)
    return None


def fails(function):
    return failure(function) is not None


def refused(function):
    """The error that a call must give."""
    told = failure(function)
    assert told is not None, "that is not possible"
    return told


def beside(file, name):
    """The name of another file where a file is."""
    return f"{file.filename.rpartition('/')[0]}/{name}"


def is_ours(file):
    """Whether it is in a container."""
    return file.filename.startswith("daos:")
