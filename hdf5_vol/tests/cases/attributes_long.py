"""Long attributes beside short ones: who asks for some of the short ones needs no memory for all."""

import subprocess
import sys

import numpy as np

OPTIONS = {"libver": "latest"}

LONG, SHORT, BYTES = 20, 8, 4 << 20

READER = """
import resource, sys, h5py
with h5py.File(sys.argv[1], "r") as file:
    file.attrs["long0"]
    pages = int(open("/proc/self/statm").read().split()[0])
    limit = pages * resource.getpagesize() + (48 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    # Asked for one by one, so that the others are read ahead.
    print([int(file.attrs[f"short{number}"]) for number in range(8)])
    print(int(file.attrs["long7"][0]))
"""


def write(file):
    for number in range(LONG):
        file.attrs[f"long{number}"] = np.full(BYTES, number, "u1")
    for number in range(SHORT):
        file.attrs[f"short{number}"] = number


def check(file):
    said = subprocess.run([sys.executable, "-c", READER, file.filename], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert said.stdout.split("\n")[:2] == [str(list(range(SHORT))), "7"], said.stdout
