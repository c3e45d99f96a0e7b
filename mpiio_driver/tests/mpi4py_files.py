# SPDX-License-Identifier: BSD-2-Clause-Patent
"""mpi4py's own tests of files, on files in a container.

Usage: mpi4py_files.py TESTS DIRECTORY [OPTIONS], where TESTS is the directory `test` of mpi4py's sources, DIRECTORY is
`daos:/POOL/CONTAINER`, and the options are those of mpi4py's test program. With `list` as the DIRECTORY, the names of the tests in the modules that
the options name are printed, one a line.

The tests make their files by tempfile.mkstemp, of which they use the name. Here the name is one in the container; no file stays
behind on the local file system.
"""

import itertools
import os
import sys
import tempfile
import unittest

TESTS, DIRECTORY = sys.argv[1:3]
NUMBERS = itertools.count()


def make_name(suffix="", prefix="tmp", **_):
    """What mkstemp gives: a descriptor, which is closed at once, and a name that nobody else has."""
    name = f"{DIRECTORY}/{prefix}{os.getpid()}-{next(NUMBERS)}{suffix}"
    return os.open(os.devnull, os.O_RDWR), name


def print_names(suite):
    """The names of all tests in a suite, and in those within it."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            print_names(test)
        else:
            print(test.id())


sys.dont_write_bytecode = True
sys.path.insert(0, TESTS)
if DIRECTORY == "list":
    print_names(unittest.defaultTestLoader.loadTestsFromNames(sys.argv[3:]))
    sys.exit()
tempfile.mkstemp = make_name
from main import main  # noqa: E402: it is found where the line before says

main(module=None, argv=["mpi4py_files", *sys.argv[3:]])
