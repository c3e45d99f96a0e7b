# SPDX-License-Identifier: BSD-2-Clause-Patent
"""mpi4py's own tests of files, on files in a container.

Usage: mpi4py_files.py TESTS DIRECTORY [OPTIONS], where TESTS is the directory `test` of mpi4py's sources, DIRECTORY is
`daos:/POOL/CONTAINER`, and the options are those of mpi4py's test program.

The tests make their files by tempfile.mkstemp, of which they use the name. Here the name is one in the container; no file stays
behind on the local file system.
"""

import itertools
import os
import sys
import tempfile

TESTS, DIRECTORY = sys.argv[1:3]
NUMBERS = itertools.count()


def make_name(suffix="", prefix="tmp", **_):
    """What mkstemp gives: a descriptor, which is closed at once, and a name that nobody else has."""
    name = f"{DIRECTORY}/{prefix}{os.getpid()}-{next(NUMBERS)}{suffix}"
    return os.open(os.devnull, os.O_RDWR), name


tempfile.mkstemp = make_name
sys.dont_write_bytecode = True
sys.path.insert(0, TESTS)
from main import main  # noqa: E402: it is found where the line before says

main(module=None, argv=["mpi4py_files", *sys.argv[3:]])
