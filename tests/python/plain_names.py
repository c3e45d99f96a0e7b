"""Calls the C API by its plain names, as programs do that look functions up in the library and never see a header.

    plain_names.py LIBRARY_DIRECTORY POOL CONTAINER

What C programs reach through a macro (daos_pool_connect, daos_cont_open, ...) must be there under the plain name too, with
the same arguments.
"""

import ctypes
import errno
import os
import sys
import uuid

DAOS_PC_RW = 2
DAOS_COO_RW = 2
DAOS_OO_RW = 4
DAOS_OT_KV_HASHED = 8
OC_SX = 16842751
DER_NONEXIST = 1005
S_IFREG = 0o100000


class Handle(ctypes.Structure):
    _fields_ = [("cookie", ctypes.c_uint64)]


class ObjectId(ctypes.Structure):
    _fields_ = [("lo", ctypes.c_uint64), ("hi", ctypes.c_uint64)]


class Vector(ctypes.Structure):
    _fields_ = [("buffer", ctypes.c_void_p), ("buffer_length", ctypes.c_size_t), ("length", ctypes.c_size_t)]


class ScatterList(ctypes.Structure):
    _fields_ = [("count", ctypes.c_uint32), ("count_out", ctypes.c_uint32), ("vectors", ctypes.POINTER(Vector))]


NONE = Handle(0)


def check(name, result, wanted=0):
    if result != wanted:
        sys.exit(f"{name} gave {result}, not {wanted}")


def key_value(daos, container):
    """Puts a value under a key, and gets it back."""
    oid = ObjectId(11, 0)
    check("daos_obj_generate_oid",
          daos.daos_obj_generate_oid(container, ctypes.byref(oid), DAOS_OT_KV_HASHED, OC_SX, 0, 0))
    kv = Handle()
    check("daos_kv_open", daos.daos_kv_open(container, oid, DAOS_OO_RW, ctypes.byref(kv), None))
    value = b"value of python"
    check("daos_kv_put",
          daos.daos_kv_put(kv, NONE, ctypes.c_uint64(0), b"key", ctypes.c_uint64(len(value)), value, None))
    size = ctypes.c_uint64(64)
    found = ctypes.create_string_buffer(64)
    check("daos_kv_get",
          daos.daos_kv_get(kv, NONE, ctypes.c_uint64(0), b"key", ctypes.byref(size), found, None))
    if found.raw[:size.value] != value:
        sys.exit(f"daos_kv_get gave {found.raw[:size.value]}")
    check("daos_kv_close", daos.daos_kv_close(kv, None))


def files(dfs, pool, container):
    """Writes a file and reads it back, through libdfs by itself."""
    check("dfs_init", dfs.dfs_init())
    mount = ctypes.c_void_p()
    check("dfs_mount", dfs.dfs_mount(pool, container, os.O_RDWR, ctypes.byref(mount)))
    entry = ctypes.c_void_p()
    missing = dfs.dfs_open(mount, None, b"none", S_IFREG, os.O_RDONLY, 0, ctypes.c_uint64(0), None, ctypes.byref(entry))
    check("dfs_open of a file that is not there", missing, errno.ENOENT)
    check("dfs_open", dfs.dfs_open(mount, None, b"file", S_IFREG | 0o644, os.O_RDWR | os.O_CREAT, 0, ctypes.c_uint64(0),
                                   None, ctypes.byref(entry)))
    text = ctypes.create_string_buffer(b"text of python", 14)
    vector = Vector(ctypes.addressof(text), 14, 14)
    gather = ScatterList(1, 0, ctypes.pointer(vector))
    check("dfs_write", dfs.dfs_write(mount, entry, ctypes.byref(gather), ctypes.c_uint64(0), None))
    back = ctypes.create_string_buffer(32)
    vector = Vector(ctypes.addressof(back), 32, 32)
    scatter = ScatterList(1, 0, ctypes.pointer(vector))
    size = ctypes.c_uint64()
    check("dfs_read",
          dfs.dfs_read(mount, entry, ctypes.byref(scatter), ctypes.c_uint64(0), ctypes.byref(size), None))
    if back.raw[:size.value] != text.raw:
        sys.exit(f"dfs_read gave {back.raw[:size.value]}")
    check("dfs_release", dfs.dfs_release(entry))
    check("dfs_umount", dfs.dfs_umount(mount))
    check("dfs_fini", dfs.dfs_fini())


def main():
    directory, pool_label, container_label = sys.argv[1], sys.argv[2].encode(), sys.argv[3].encode()
    daos = ctypes.CDLL(os.path.join(directory, "libdaos.so.2"))
    dfs = ctypes.CDLL(os.path.join(directory, "libdfs.so"))
    check("daos_init", daos.daos_init())
    pool, container = Handle(), Handle()
    check("daos_pool_connect of no pool",
          daos.daos_pool_connect(b"none", None, DAOS_PC_RW, ctypes.byref(pool), None, None), -DER_NONEXIST)
    check("daos_pool_connect",
          daos.daos_pool_connect(pool_label, None, DAOS_PC_RW, ctypes.byref(pool), None, None))
    identity = (ctypes.c_ubyte * 16)()
    made = dfs.dfs_cont_create_with_label(pool, container_label, None, ctypes.byref(identity), None, None)
    check("dfs_cont_create_with_label", made)
    text = str(uuid.UUID(bytes=bytes(identity))).encode()
    for name in (container_label, text):
        check("daos_cont_open",
              daos.daos_cont_open(pool, name, DAOS_COO_RW, ctypes.byref(container), None, None))
        if name == text:
            key_value(daos, container)
            files(dfs, pool, container)
        check("daos_cont_close", daos.daos_cont_close(container, None))
    check("daos_cont_destroy", daos.daos_cont_destroy(pool, container_label, 0, None))
    check("daos_pool_disconnect", daos.daos_pool_disconnect(pool, None))
    check("daos_fini", daos.daos_fini())


if __name__ == "__main__":
    main()
