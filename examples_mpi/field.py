# SPDX-License-Identifier: BSD-2-Clause-Patent
"""A field of three dimensions in one file: every rank writes its slab of planes, and reads a slab of columns back.

    pip install mpi4py numpy
    ln -s $(mpicc.mpich -print-file-name=libmpich.so.12) libmpi.so.12    # the name that mpi4py's wheel looks for
    env $(daos mpi-env) LD_LIBRARY_PATH=$PWD mpiexec.mpich -n 4 python3 field.py daos:/tank/home/field
"""

import sys

import numpy
from mpi4py import MPI

SIZE = (64, 48, 40)
WORLD = MPI.COMM_WORLD


def divide(dimension):
    """Size and start of this rank's part when one dimension is divided among all ranks."""
    start, end = [0, 0, 0], list(SIZE)
    start[dimension] = SIZE[dimension] * WORLD.rank // WORLD.size
    end[dimension] = SIZE[dimension] * (WORLD.rank + 1) // WORLD.size
    return [last - first for first, last in zip(start, end)], start


def expected(part, start):
    """What belongs into a part."""
    x, y, z = numpy.indices(part)
    return (x + start[0]) + 1e3 * (y + start[1]) + 1e6 * (z + start[2])


def transfer(name, mode, part, start, values):
    """Writes or reads this rank's part, with one collective call; errors are exceptions."""
    view = MPI.DOUBLE.Create_subarray(SIZE, part, start).Commit()
    file = MPI.File.Open(WORLD, name, mode)
    file.Set_view(0, MPI.DOUBLE, view)
    if mode & MPI.MODE_WRONLY:
        file.Write_all(values)
    else:
        file.Read_all(values)
    file.Close()
    view.Free()


def main():
    """Writes, reads with another division, and compares."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FILE")
    name = sys.argv[1]
    part, start = divide(0)
    transfer(name, MPI.MODE_CREATE | MPI.MODE_WRONLY, part, start, expected(part, start))
    part, start = divide(2)
    values = numpy.empty(part)
    transfer(name, MPI.MODE_RDONLY, part, start, values)
    wrong = WORLD.allreduce(int((values != expected(part, start)).sum()))
    if WORLD.rank == 0:
        print(f"{wrong} values of {numpy.prod(SIZE)} are wrong")
    sys.exit(wrong != 0)


if __name__ == "__main__":
    main()
