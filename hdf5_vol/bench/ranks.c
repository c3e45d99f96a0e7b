/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * What the ranks of a job write to and read from one dataset together. Started by `cargo xtask bench hdf5` with files of containers and,
 * over MPI-IO, with HDF5's own:
 *
 *   mpiexec -n RANKS ranks FILE MEBIBYTES_PER_RANK
 *
 * Each case is one line, "case TAB bytes TAB unit TAB figure": the bytes of all ranks by the time from a barrier to the end of the
 * last one. What was read is compared with what was written.
 */
#include <hdf5.h>
#include <mpi.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Bytes of one call of a rank, in floats, and of a piece of a strided one. */
enum { SLAB_FLOATS = 1 << 20, PIECE_FLOATS = 1024 };

static int rank, ranks;

static int64_t checked(int64_t result, const char *call, int line)
{
	if (result < 0) {
		fprintf(stderr, "ranks: rank %d, line %d: %s failed\n", rank, line, call);
		MPI_Abort(MPI_COMM_WORLD, 1);
	}
	return result;
}
#define H5(call) checked((int64_t)(call), #call, __LINE__)

struct pattern {
	const char *name;
	bool is_strided, is_collective;
};

static const struct pattern PATTERNS[] = {
	{ "contiguous", false, false },
	{ "contiguous, collective", false, true },
	{ "strided", true, false },
	{ "strided, collective", true, true },
};

/* Selects what a call of this rank is for: a slab of its own, or pieces between those of the others. */
static void choose(hid_t space, const struct pattern *pattern, hsize_t slab, hsize_t slabs)
{
	hsize_t from = (rank * slabs + slab) * SLAB_FLOATS, stride = 1, count = 1, block = SLAB_FLOATS;

	if (pattern->is_strided) {
		stride = (hsize_t)ranks * PIECE_FLOATS;
		from = slab * ranks * SLAB_FLOATS + (hsize_t)rank * PIECE_FLOATS;
		count = SLAB_FLOATS / PIECE_FLOATS;
		block = PIECE_FLOATS;
	}
	H5(H5Sselect_hyperslab(space, H5S_SELECT_SET, &from, &stride, &count, &block));
}

static float float_at(hsize_t slab, hsize_t i)
{
	return (float)((rank * 7919 + slab * 104729 + i) % 1000003);
}

/* The seconds that all ranks took from a common begin to the end of the last one. */
static double longest(double since)
{
	double spent = MPI_Wtime() - since, most;

	MPI_Allreduce(&spent, &most, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
	return most;
}

static void transfer(hid_t dataset, const struct pattern *pattern, bool is_write, hsize_t slabs, float *floats)
{
	hsize_t count = SLAB_FLOATS;
	hid_t memory = H5(H5Screate_simple(1, &count, NULL)), space = H5(H5Dget_space(dataset)), how = H5(H5Pcreate(H5P_DATASET_XFER));
	double spent = 0, since;

	H5(H5Pset_dxpl_mpio(how, pattern->is_collective ? H5FD_MPIO_COLLECTIVE : H5FD_MPIO_INDEPENDENT));
	for (hsize_t slab = 0; slab < slabs; slab++) {
		choose(space, pattern, slab, slabs);
		for (hsize_t i = 0; is_write && i < SLAB_FLOATS; i++)
			floats[i] = float_at(slab, i);
		MPI_Barrier(MPI_COMM_WORLD);
		since = MPI_Wtime();
		if (is_write)
			H5(H5Dwrite(dataset, H5T_NATIVE_FLOAT, memory, space, how, floats));
		else
			H5(H5Dread(dataset, H5T_NATIVE_FLOAT, memory, space, how, floats));
		spent += longest(since);
		for (hsize_t i = 0; !is_write && i < SLAB_FLOATS; i++)
			if (floats[i] != float_at(slab, i))
				checked(-1, "to read what was written", __LINE__);
	}
	if (rank == 0)
		printf("%s %s\t%zu\tB/s\t%.6g\n", is_write ? "write" : "read", pattern->name, SLAB_FLOATS * sizeof(float),
		       slabs * ranks * SLAB_FLOATS * sizeof(float) / spent);
	H5(H5Pclose(how));
	H5(H5Sclose(space));
	H5(H5Sclose(memory));
}

int main(int argc, char **argv)
{
	hsize_t slabs, floats;
	float *memory = malloc(SLAB_FLOATS * sizeof(float));
	hid_t access_list, file, space, dataset, list;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	if (argc != 3 || memory == NULL) {
		fprintf(stderr, "usage: ranks FILE MEBIBYTES_PER_RANK\n");
		MPI_Abort(MPI_COMM_WORLD, 2);
	}
	slabs = strtoull(argv[2], NULL, 10) / (SLAB_FLOATS * sizeof(float) >> 20);
	floats = slabs * ranks * SLAB_FLOATS;
	access_list = H5(H5Pcreate(H5P_FILE_ACCESS));
	H5(H5Pset_fapl_mpio(access_list, MPI_COMM_WORLD, MPI_INFO_NULL));
	list = H5(H5Pcreate(H5P_DATASET_CREATE));
	H5(H5Pset_fill_time(list, H5D_FILL_TIME_NEVER));
	file = H5(H5Fcreate(argv[1], H5F_ACC_TRUNC, H5P_DEFAULT, access_list));
	space = H5(H5Screate_simple(1, &floats, NULL));
	for (size_t i = 0; i < sizeof(PATTERNS) / sizeof(PATTERNS[0]); i++) {
		dataset = H5(H5Dcreate2(file, PATTERNS[i].name, H5T_IEEE_F32LE, space, H5P_DEFAULT, list, H5P_DEFAULT));
		transfer(dataset, &PATTERNS[i], true, slabs, memory);
		H5(H5Fflush(file, H5F_SCOPE_GLOBAL));
		transfer(dataset, &PATTERNS[i], false, slabs, memory);
		H5(H5Dclose(dataset));
		/* The space is free again before the next. */
		H5(H5Ldelete(file, PATTERNS[i].name, H5P_DEFAULT));
	}
	H5(H5Sclose(space));
	H5(H5Fclose(file));
	H5(H5Pclose(list));
	MPI_Barrier(MPI_COMM_WORLD);
	H5(H5Fdelete(argv[1], access_list));
	H5(H5Pclose(access_list));
	free(memory);
	MPI_Finalize();
	return 0;
}
