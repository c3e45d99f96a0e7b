/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Parallel HDF5 over the driver: datasets that all ranks write with one division, contiguous and in chunks, and read with another one, by collective and by
 * independent calls.
 *
 *   fields parallel NAME    on some ranks
 *   fields serial NAME      compares a file of those ranks by HDF5's ordinary calls, without MPI-IO
 */
#include <hdf5.h>
#include <mpi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 60, COLUMNS = 44, CHUNK = 9 };

static int rank, ranks;

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: rank %d: failed: %s\n", __FILE__, __LINE__, rank, #condition); \
			MPI_Abort(MPI_COMM_WORLD, 1); \
		} \
	} while (0)

static const char *const NAMES[] = { "contiguous", "chunked" };
enum { DATASETS = 2 };

static double value(int dataset, hsize_t row, hsize_t column)
{
	return 1e6 * (dataset + 1) + 1e3 * (double)row + (double)column;
}

/* This rank's part when one dimension is divided. */
static void divide(int dimension, hsize_t *start, hsize_t *part)
{
	static const hsize_t SIZE[] = { ROWS, COLUMNS };

	for (int i = 0; i < 2; i++) {
		start[i] = 0;
		part[i] = SIZE[i];
	}
	start[dimension] = SIZE[dimension] * (hsize_t)rank / (hsize_t)ranks;
	part[dimension] = SIZE[dimension] * (hsize_t)(rank + 1) / (hsize_t)ranks - start[dimension];
}

static hid_t create(hid_t file, int dataset)
{
	hsize_t size[] = { ROWS, COLUMNS }, chunk[] = { CHUNK, CHUNK };
	hid_t space = H5Screate_simple(2, size, NULL), how = H5Pcreate(H5P_DATASET_CREATE), made;

	CHECK(dataset == 0 || H5Pset_chunk(how, 2, chunk) >= 0);
	made = H5Dcreate2(file, NAMES[dataset], H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, how, H5P_DEFAULT);
	CHECK(made >= 0);
	H5Pclose(how);
	H5Sclose(space);
	return made;
}

static void transfer(hid_t made, int dataset, int dimension, bool is_write, H5FD_mpio_xfer_t way)
{
	hsize_t start[2], part[2];
	double *data = calloc(ROWS * COLUMNS, sizeof *data);
	hid_t space = H5Dget_space(made), how = H5Pcreate(H5P_DATASET_XFER), memory;

	divide(dimension, start, part);
	memory = H5Screate_simple(2, part, NULL);
	CHECK(H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, part, NULL) >= 0);
	CHECK(H5Pset_dxpl_mpio(how, way) >= 0);
	if (is_write) {
		for (hsize_t i = 0; i < part[0] * part[1]; i++)
			data[i] = value(dataset, start[0] + i / part[1], start[1] + i % part[1]);
		CHECK(H5Dwrite(made, H5T_NATIVE_DOUBLE, memory, space, how, data) >= 0);
	} else {
		CHECK(H5Dread(made, H5T_NATIVE_DOUBLE, memory, space, how, data) >= 0);
		for (hsize_t i = 0; i < part[0] * part[1]; i++)
			CHECK(data[i] == value(dataset, start[0] + i / part[1], start[1] + i % part[1]));
	}
	H5Sclose(memory);
	H5Sclose(space);
	H5Pclose(how);
	free(data);
}

static void parallel(const char *name)
{
	hid_t access = H5Pcreate(H5P_FILE_ACCESS), file, made;

	CHECK(H5Pset_fapl_mpio(access, MPI_COMM_WORLD, MPI_INFO_NULL) >= 0);
	file = H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, access);
	CHECK(file >= 0);
	for (int dataset = 0; dataset < DATASETS; dataset++) {
		made = create(file, dataset);
		transfer(made, dataset, 0, true, dataset == 0 ? H5FD_MPIO_INDEPENDENT : H5FD_MPIO_COLLECTIVE);
		H5Dclose(made);
	}
	CHECK(H5Fclose(file) >= 0);
	file = H5Fopen(name, H5F_ACC_RDWR, access);
	CHECK(file >= 0);
	for (int dataset = 0; dataset < DATASETS; dataset++) {
		made = H5Dopen2(file, NAMES[dataset], H5P_DEFAULT);
		CHECK(made >= 0);
		transfer(made, dataset, 1, false, H5FD_MPIO_COLLECTIVE);
		transfer(made, dataset, 1, false, H5FD_MPIO_INDEPENDENT);
		/* And the same bytes once more, by the other division. */
		transfer(made, dataset, 1, true, H5FD_MPIO_COLLECTIVE);
		transfer(made, dataset, 0, false, H5FD_MPIO_COLLECTIVE);
		H5Dclose(made);
	}
	CHECK(H5Fclose(file) >= 0);
	H5Pclose(access);
}

static void serial(const char *name)
{
	double *data = malloc(ROWS * COLUMNS * sizeof *data);
	hid_t file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT), made;

	CHECK(file >= 0);
	for (int dataset = 0; dataset < DATASETS; dataset++) {
		made = H5Dopen2(file, NAMES[dataset], H5P_DEFAULT);
		CHECK(made >= 0 && H5Dread(made, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
		for (int i = 0; i < ROWS * COLUMNS; i++)
			CHECK(data[i] == value(dataset, (hsize_t)i / COLUMNS, (hsize_t)i % COLUMNS));
		H5Dclose(made);
	}
	H5Fclose(file);
	free(data);
}

int main(int count, char **arguments)
{
	MPI_Init(&count, &arguments);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	CHECK(count == 3);
	(strcmp(arguments[1], "serial") == 0 ? serial : parallel)(arguments[2]);
	if (rank == 0)
		printf("passed\n");
	MPI_Finalize();
	return 0;
}
