"""What programs choose besides the names of files: python chosen.py information|classes|snapshots|functions POOL CONTAINER

The container is empty. Each part runs programs of its own, with what they say in the environment or by the connector's functions.
"""

import os
import re
import subprocess
import sys

PREAMBLE = """
import ctypes, sys
import h5py, numpy
from ctypes import byref, c_char_p, c_int64, c_size_t, c_uint64, create_string_buffer

def connector():
    '''Its functions.'''
    return ctypes.CDLL(sys.argv[1])

def fails(function, *words):
    try:
        function()
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        assert all(word in str(error) for word in words), (words, str(error))
        return
    raise AssertionError(f"no error that says {words}")
"""
LIBRARY = os.path.join(os.environ["HDF5_PLUGIN_PATH"], "libhdf5_vol_daos.so")

case, POOL, CONTAINER = sys.argv[1:]


def program(text, connector="daos", may_fail=False, **variables):
    """Runs a program of Python in a process of its own; without a connector it is one that has to ask for it."""
    environment = {name: value for name, value in os.environ.items() if name not in ("HDF5_VOL_CONNECTOR", "HDF5_PLUGIN_PATH")}
    if connector is not None:
        environment |= {"HDF5_VOL_CONNECTOR": connector, "HDF5_PLUGIN_PATH": os.environ["HDF5_PLUGIN_PATH"]}
    environment |= variables
    command = [sys.executable, "-c", PREAMBLE + text, LIBRARY, POOL, CONTAINER]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0 and not may_fail:
        raise AssertionError(f"{text}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def daos(*arguments):
    return subprocess.run(["daos", *arguments], check=True, capture_output=True, text=True).stdout


def classes(known=()):
    """Of the connector's objects that are not known yet, by part: header, elements, order, heap. Gives all that are there, too."""
    everything, found = set(), {}
    for line in daos("container", "list-objects", POOL, CONTAINER).splitlines():
        high, low = map(int, line.split("."))
        if high & 0xFFFFFF00 == 0x48444600:
            everything.add((high, low))
            if (high, low) not in known:
                part = ["header", "elements", "order", "heap"][high & 0xFF]
                found.setdefault(part, set()).add((high >> 48 & 0xFF, high >> 32 & 0xFFFF))
    return found, everything


# Numbers of classes: the kind of redundancy, and the number of groups.
S1, S2, SX = (1, 1), (1, 2), (1, 0xFFFF)


def information():
    here = f"daos pool={POOL};container={CONTAINER}"
    program("with h5py.File('a.h5', 'w') as file: file['x'] = numpy.arange(5)", here)
    program(f"assert h5py.File('daos://{POOL}/{CONTAINER}/a.h5')['x'][3] == 3")
    program("assert h5py.File('a.h5')['x'][3] == 3", f"daos pool={POOL}", DAOS_CONT=CONTAINER)
    # What is said comes before the environment.
    program("assert h5py.File('daos:a.h5')['x'][3] == 3", here, DAOS_POOL="none", DAOS_CONT="none")
    program("assert h5py.File('a.h5')['x'][3] == 3", here + ";system=daos_server")
    # Also as what another connector hands on to this one, which has the number 4004.
    through = f"pass_through under_vol=4004;under_info={{pool={POOL};container={CONTAINER}}}"
    program("with h5py.File('daos:t.h5', 'w') as file: file['x'] = numpy.arange(5)", through)
    program("assert h5py.File('t.h5')['x'][3] == 3", here)
    # Links lead to files in the container of the file that has them.
    program("with h5py.File('b.h5', 'w') as file: file['l'] = h5py.ExternalLink('a.h5', '/x')", here)
    program("assert h5py.File('b.h5')['l'][4] == 4", here)
    for wrong, why in [("pol=tank", "it knows no"), ("pool", "has no value"), ("pool=a;pool=b", "twice"), ("pool=a/b", "is the name of no pool")]:
        said = program("h5py.File('a.h5', 'w')", f"daos {wrong}", may_fail=True)
        assert why in said and "pool=tank;container=home" in said, said
    program("fails(lambda: h5py.File('daos://absent/home/a.h5', 'w'), 'pool absent', 'daos pool create absent')")
    program(f"fails(lambda: h5py.File('daos://{POOL}/absent/a.h5', 'w'), 'container absent', 'daos container create {POOL} absent')")
    program("fails(lambda: h5py.File('c.h5', 'w'), 'S99', 'no object class')", here + ";class=S99")
    # Also where the list for making it names one: what is there stays.
    spoil = '''
daos, list = connector(), h5py.h5p.create(h5py.h5p.FILE_CREATE)
assert daos.H5daos_set_object_class(c_int64(list.id), b'SX') >= 0
fails(lambda: h5py.h5f.create(b'a.h5', h5py.h5f.ACC_TRUNC, fcpl=list), 'S99', 'no object class')
'''
    program(spoil, here + ";class=S99")
    program("assert h5py.File('a.h5')['x'][3] == 3", here)
    # A snapshot in the name of the container that the environment names, too, and the other way round.
    daos("container", "create-snap", POOL, CONTAINER, "--snap", "first")
    for said, named in [(CONTAINER, f"{CONTAINER}@first"), (f"{CONTAINER}@first", CONTAINER)]:
        program(f"assert h5py.File('daos:/{POOL}/{named}/a.h5')['x'][3] == 3", DAOS_POOL=POOL, DAOS_CONT=said)


def object_classes():
    here = f"daos pool={POOL};container={CONTAINER}"
    make = """
with h5py.File('daos:a.h5', 'a') as file:
    group = file.require_group('g')
    name = f'd{len(group)}'
    group[name] = numpy.arange(100000)
    group.create_dataset(name + 'c', data=numpy.arange(10000), chunks=(1000,))
    group.create_dataset(name + 't', data=['a', 'bc' * 100], dtype=h5py.string_dtype())
"""
    program(make, here + ";class=S2")
    found, known = classes()
    assert found == {"header": {S2}, "elements": {S2}, "heap": {S2}}, found
    # The file remembers.
    program(make, here)
    found, known = classes(known)
    assert found == {"header": {S2}, "elements": {S2}}, found
    # Who opens it may say otherwise about elements.
    program(make, here + ";class=SX")
    found, known = classes(known)
    assert found == {"header": {S2}, "elements": {SX}}, found
    # A file of which nothing is said, and one dataset of which something is.
    program("h5py.File('daos:b.h5', 'w').create_dataset('d', data=numpy.arange(100000))", here)
    found, known = classes(known)
    assert found == {"header": {S1}, "elements": {S1}}, found
    # Large datasets, and those that may become large, are on all targets.
    for more in ["shape=200000", "shape=200000, chunks=(1000,)", "shape=10, chunks=(5,), maxshape=(None,), compression='gzip'"]:
        program(f"h5py.File('daos:b.h5', 'a').create_dataset({more!r}, {more}, dtype='i8')[:10] = 1", here)
        found, known = classes(known)
        assert found == {"header": {S1}, "elements": {SX}}, (more, found)
    program("h5py.File('daos:b.h5', 'a').create_dataset('few', shape=10, chunks=(5,), maxshape=(100,), dtype='i8')[:] = 1", here)
    found, known = classes(known)
    assert found == {"header": {S1}, "elements": {S1}}, found
    chosen = """
daos = connector()
with h5py.File('daos:b.h5', 'a') as file:
    list = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    assert daos.H5daos_set_object_class(c_int64(list.id), b'S2') >= 0
    space = h5py.h5s.create_simple((10,))
    for name, layout in [(b'small', None), (b'compact', h5py.h5d.COMPACT)]:
        if layout is not None:
            list.set_layout(layout)
        h5py.h5d.create(file.id, name, h5py.h5t.STD_I32LE, space, list).write(h5py.h5s.ALL, h5py.h5s.ALL, numpy.arange(10, dtype='i4'))
    assert (file['small'][()] == numpy.arange(10)).all() and (file['compact'][()] == numpy.arange(10)).all()
"""
    program(chosen, here)
    found, known = classes(known)
    assert found == {"header": {S1}, "elements": {S2}}, found
    program("file = h5py.File('daos:b.h5'); assert file['small'][9] == 9 and file['compact'][9] == 9", here)


WRITE = """
name, other, step = f'daos://{sys.argv[2]}/{sys.argv[3]}/a.h5', f'daos://{sys.argv[2]}/{sys.argv[3]}/b.h5', STEP
with h5py.File(other, 'a') as file:
    file.attrs['step'] = step
with h5py.File(name, 'a') as file:
    file.attrs['step'] = step
    group = file.create_group(f'group{step}')
    for n in range(50):
        group.create_group(str(n)).attrs['n'] = n * step
    if step > 1:
        del file['group1']
    else:
        file['link'] = h5py.ExternalLink('b.h5', '/')
        file['by uuid'] = h5py.ExternalLink(f'daos://{sys.argv[2]}/UUID/b.h5', '/')
        file.create_dataset('plain', 300000, dtype='i8')
        file.create_dataset('small', 10, dtype='i8')
        file.create_dataset('chunked', 10000, dtype='i8', chunks=(500,), maxshape=(None,))
        file.create_dataset('filtered', 10000, dtype='i8', chunks=(500,), compression='gzip')
        file.create_dataset('text', 100, dtype=h5py.string_dtype())
        file.create_dataset('view', shape=(10,), dtype='i8', data=None)
        layout = h5py.VirtualLayout((10,), dtype='i8')
        layout[:] = h5py.VirtualSource('.', 'plain', (300000,))[:10]
        file.create_virtual_dataset('virtual', layout)
    file['chunked'].resize((10000 * step,))
    for name in ['plain', 'small', 'chunked', 'filtered']:
        file[name][...] = numpy.arange(len(file[name])) * step
    file['text'][...] = [str(n) * step for n in range(100)]
"""
CHECK = """
def check(file, step):
    assert file.attrs['step'] == step and file['link'].attrs['step'] == step
    assert file['by uuid'].attrs['step'] == step
    assert [name for name in file if name.startswith('group')] == [f'group{step}'], list(file)
    assert sorted(file[f'group{step}'], key=int) == [str(n) for n in range(50)]
    assert all(group.attrs['n'] == int(name) * step for name, group in file[f'group{step}'].items())
    assert len(file['chunked']) == 10000 * step
    for name in ['plain', 'small', 'chunked', 'filtered', 'virtual']:
        numpy.testing.assert_array_equal(file[name][()], numpy.arange(len(file[name])) * step)
    assert [text.decode() for text in file['text'][()]] == [str(n) * step for n in range(100)]
    assert h5py.h5o.get_info(file['small'].id).mtime >= 0
"""


def snapshots():
    here = f"daos pool={POOL};container={CONTAINER}"
    name, at = f"daos://{POOL}/{CONTAINER}/a.h5", f"daos://{POOL}/{CONTAINER}@monday/a.h5"
    uuid = re.search("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", daos("container", "query", POOL, CONTAINER)).group()
    write = WRITE.replace("UUID", uuid)
    program(write.replace("STEP", "1"))
    daos("container", "create-snap", POOL, CONTAINER, "--snap", "monday")
    program(write.replace("STEP", "2"))
    taken = """
daos = connector()
with h5py.File(NAME, 'a') as file:
    epoch, inside = c_uint64(), file['plain']
    file.attrs['before'] = 1
    assert daos.H5daos_snap_create(c_int64(inside.id.id), byref(epoch)) >= 0 and epoch.value > 0
    file.attrs['before'] = 2
print(epoch.value)
"""
    epoch = int(program(taken.replace("NAME", repr(name))))
    assert f"{epoch:#x}" in daos("container", "list-snaps", POOL, CONTAINER)
    both = f"""
live, old = h5py.File({name!r}), h5py.File({at!r})
check(live, 2)
check(old, 1)
check(live, 2)
assert live.id != old.id and h5py.h5g.get_objinfo(live.id).fileno != h5py.h5g.get_objinfo(old.id).fileno
again = h5py.File({at!r})
assert again == old
live.close()
with h5py.File({name!r}, 'a') as live:
    live.attrs['more'] = 1
    assert 'more' not in old.attrs and 'before' in live.attrs and 'before' not in old.attrs
"""
    program(CHECK + both)
    program(CHECK + "check(h5py.File('a.h5'), 1)", DAOS_POOL=POOL, DAOS_CONT=f"{CONTAINER}@monday")
    program(CHECK + "check(h5py.File('a.h5'), 1)", here + ";snapshot=monday")
    program(CHECK + "file = h5py.File('a.h5'); check(file, 2); assert file.attrs['before'] == 1", f"{here};snapshot={epoch:#x}")
    program(f"assert h5py.File({name!r}).attrs['before'] == 2")
    by_property = """
daos, list = connector(), h5py.h5p.create(h5py.h5p.FILE_ACCESS)
assert daos.H5Pset_daos_snap_open(c_int64(list.id), c_uint64(EPOCH)) >= 0
file = h5py.File(h5py.h5f.open(NAME.encode(), h5py.h5f.ACC_RDONLY, fapl=list))
check(file, 2)
assert file.attrs['before'] == 1
"""
    program(CHECK + by_property.replace("EPOCH", str(epoch)).replace("NAME", repr(name)))
    # It is for reading, and must be there.
    for mode in ["r+", "a", "w"]:
        program(f"fails(lambda: h5py.File({at!r}, {mode!r}), 'snapshot', 'reading only')")
    program(f"fails(lambda: h5py.File({at.replace('monday', 'sunday')!r}), 'sunday')")
    # What is gone is there still, and a file that came later is not.
    program(f"h5py.File({name!r}, 'w'); h5py.File({name.replace('a.h5', 'c.h5')!r}, 'w')")
    program(CHECK + f"assert not list(h5py.File({name!r})); check(h5py.File({at!r}), 1)")
    program(f"fails(lambda: h5py.File({at.replace('a.h5', 'c.h5')!r}), 'No such file')")


def functions():
    text = """
daos, new = connector(), lambda kind: h5py.h5p.create(kind)
list = new(h5py.h5p.FILE_ACCESS)
assert daos.H5Pset_fapl_daos(c_int64(list.id), sys.argv[2].encode(), None) >= 0
assert daos.H5daos_set_container(c_int64(list.id), sys.argv[3].encode()) >= 0
buffer = create_string_buffer(8)
assert daos.H5daos_get_object_class(c_int64(list.id), buffer, c_size_t(8)) == 0
assert daos.H5daos_set_object_class(c_int64(list.id), b'S2') >= 0
copy = list.copy()
assert daos.H5daos_get_object_class(c_int64(copy.id), buffer, c_size_t(8)) == 2 and buffer.value == b'S2'
with h5py.File(h5py.h5f.create(b'daos:x.h5', fapl=list)) as file:
    file['d'] = numpy.arange(100000)
with h5py.File(h5py.h5f.open(b'x.h5', fapl=list)) as file:
    assert file['d'][77] == 77
# Without the list it is a name of the working directory.
fails(lambda: h5py.File('x.h5'), 'x.h5')
for function, list in [('set_object_class', new(h5py.h5p.LINK_CREATE)), ('set_container', new(h5py.h5p.DATASET_CREATE))]:
    assert getattr(daos, 'H5daos_' + function)(c_int64(list.id), b'S1') < 0, function
list = new(h5py.h5p.FILE_ACCESS)
assert daos.H5daos_set_object_class(c_int64(list.id), b'nonsense') < 0
for name in [b'a/b', b'a;class=SX', b'a;', b' a']:
    assert daos.H5Pset_fapl_daos(c_int64(list.id), name, None) < 0, name
    assert daos.H5daos_set_container(c_int64(list.id), name) < 0, name
assert daos.H5daos_set_object_class(c_int64(-1), b'S1') < 0
"""
    program(text, None)
    found, _ = classes()
    assert found == {"header": {S2}, "elements": {S2}}, found


{"information": information, "classes": object_classes, "snapshots": snapshots, "functions": functions}[case]()
