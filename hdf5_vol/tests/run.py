"""One test case in one process: python run.py write|read CASE FILE

`write` makes the file by the case's write(file). `read` opens it in another process, lets the case's check(file) look at it, and prints
all that is in it; the same case written by HDF5's own files must print the same.
"""

import importlib
import sys

import h5py

from describe import describe

what, case, name = sys.argv[1:]
case = importlib.import_module(f"cases.{case}")
if what == "write":
    with h5py.File(name, "w", **getattr(case, "OPTIONS", {})) as file:
        case.write(file)
else:
    with h5py.File(name, "r") as file:
        case.check(file)
        for line in describe(file):
            print(line)
