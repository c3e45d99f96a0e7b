"""All that is in a file, as lines of text that do not depend on where it is stored."""

import hashlib

import h5py
import numpy


def leads(part):
    """Which references lead somewhere: where to differs between files."""
    if isinstance(part, numpy.ndarray):
        return [leads(element) for element in part]
    if isinstance(part, numpy.void):
        return [leads(part[name]) for name in part.dtype.names]
    return bool(part) if isinstance(part, (h5py.Reference, h5py.RegionReference)) else part


def value(array):
    """Few elements as they are, many as a checksum."""
    if isinstance(array, h5py.Empty):
        return f"nothing of {array.dtype}"
    array = numpy.asarray(array)
    if array.dtype.hasobject:
        parts = [repr(part.tolist() if isinstance(part, numpy.ndarray) else part) for part in array.ravel()]
        if any("reference" in part for part in parts):
            parts = [str(leads(part)) for part in array.ravel()]
        text = " ".join(parts)
        return text if len(text) < 200 else hashlib.sha256(text.encode()).hexdigest()
    if array.size <= 16:
        return repr(array.tolist())
    return hashlib.sha256(array.tobytes()).hexdigest()


def attributes(where, thing):
    for name in sorted(thing.attrs):
        identifier = thing.attrs.get_id(name)
        yield f"{where} @{name}: {identifier.dtype} {identifier.shape} = {value(thing.attrs[name])}"


def describe(group, where=""):
    yield f"{where}/ has {len(group)}: {list(group)}"
    yield from attributes(f"{where}/", group)
    for name in group:
        path = f"{where}/{name}"
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.SoftLink):
            yield f"{path} -> {link.path}"
            continue
        if isinstance(link, h5py.ExternalLink):
            yield f"{path} -> {link.filename}:{link.path}"
            continue
        thing = group[name]
        assert thing.name == path, (thing.name, path)
        if isinstance(thing, h5py.Group):
            yield from describe(thing, path)
        elif isinstance(thing, h5py.Datatype):
            yield f"{path} is the datatype {thing.dtype}"
            yield from attributes(path, thing)
        else:
            shape = f"{thing.dtype} {thing.shape} of {thing.maxshape} by {thing.chunks} fill {value(thing.fillvalue)}"
            yield f"{path}: {shape} = {value(thing[()])}"
            yield from attributes(path, thing)
