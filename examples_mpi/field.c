/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A field of three dimensions in one file: every rank writes its slab of planes, and reads a slab of columns back.
 *
 *   mpicc.mpich field.c -o field
 *   env $(daos mpi-env) mpiexec.mpich -n 4 ./field daos:/tank/home/field
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIMENSIONS = 3 };

static const int size[DIMENSIONS] = { 64, 48, 40 };

/* Ends the job with the sentence of an error. */
static void check(int code, const char *what)
{
	char sentence[MPI_MAX_ERROR_STRING];
	int length;

	if (code == MPI_SUCCESS)
		return;
	MPI_Error_string(code, sentence, &length);
	fprintf(stderr, "%s: %s\n", what, sentence);
	MPI_Abort(MPI_COMM_WORLD, 1);
}

/* The part of a rank when one dimension is divided among all ranks. */
static void divide(int dimension, int rank, int ranks, int *part, int *start)
{
	for (int i = 0; i < DIMENSIONS; i++) {
		part[i] = size[i];
		start[i] = 0;
	}
	start[dimension] = size[dimension] * rank / ranks;
	part[dimension] = size[dimension] * (rank + 1) / ranks - start[dimension];
}

static double value(int x, int y, int z)
{
	return x + 1000.0 * y + 1000000.0 * z;
}

/* Writes or reads this rank's part, with one collective call. */
static void transfer(const char *name, int mode, const int *part, const int *start, double *data)
{
	MPI_Datatype view;
	MPI_File file;
	int count = part[0] * part[1] * part[2];

	MPI_Type_create_subarray(DIMENSIONS, size, part, start, MPI_ORDER_C, MPI_DOUBLE, &view);
	MPI_Type_commit(&view);
	check(MPI_File_open(MPI_COMM_WORLD, name, mode, MPI_INFO_NULL, &file), "opening");
	check(MPI_File_set_view(file, 0, MPI_DOUBLE, view, "native", MPI_INFO_NULL), "setting the view");
	if (mode & MPI_MODE_WRONLY)
		check(MPI_File_write_all(file, data, count, MPI_DOUBLE, MPI_STATUS_IGNORE), "writing");
	else
		check(MPI_File_read_all(file, data, count, MPI_DOUBLE, MPI_STATUS_IGNORE), "reading");
	check(MPI_File_close(&file), "closing");
	MPI_Type_free(&view);
}

int main(int count, char **arguments)
{
	int rank, ranks, part[DIMENSIONS], start[DIMENSIONS], wrong = 0, all;
	double *data;

	MPI_Init(&count, &arguments);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	if (count != 2) {
		fprintf(stderr, "usage: %s FILE\n", arguments[0]);
		MPI_Abort(MPI_COMM_WORLD, 1);
	}
	data = malloc(sizeof *data * size[0] * size[1] * size[2]);

	divide(0, rank, ranks, part, start);
	for (int x = 0, i = 0; x < part[0]; x++)
		for (int y = 0; y < part[1]; y++)
			for (int z = 0; z < part[2]; z++)
				data[i++] = value(start[0] + x, start[1] + y, start[2] + z);
	transfer(arguments[1], MPI_MODE_CREATE | MPI_MODE_WRONLY, part, start, data);

	divide(2, rank, ranks, part, start);
	transfer(arguments[1], MPI_MODE_RDONLY, part, start, data);
	for (int x = 0, i = 0; x < part[0]; x++)
		for (int y = 0; y < part[1]; y++)
			for (int z = 0; z < part[2]; z++)
				wrong += data[i++] != value(start[0] + x, start[1] + y, start[2] + z);
	MPI_Allreduce(&wrong, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	if (rank == 0)
		printf("%d values of %d are wrong\n", all, size[0] * size[1] * size[2]);
	free(data);
	MPI_Finalize();
	return all != 0;
}
