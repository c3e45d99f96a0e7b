/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Patterns of access as IOR makes them, in three ways by turns: MPI-IO in a container, MPI-IO in a local directory (tmpfs is
 * meant, by MPICH's own driver), and the same bytes by the calls of an array in the container. Started by `cargo xtask bench mpi`:
 *
 *   patterns POOL CONTAINER LOCAL_DIRECTORY BYTES_PER_RANK ROUNDS
 *
 * Each way is timed from a barrier to the end of the last rank, without opening and closing; the medians of the rounds and
 * their ratios are printed.
 */
#include <mpi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <daos.h>
#include <daos_array.h>
#include <daos_obj_class.h>

enum way { DRIVER, LOCAL, ARRAY, WAYS };
enum pattern { SEGMENTED, STRIDED, PIECES };
enum { ROUNDS_MAX = 32, CHUNK_BYTES = 1 << 20 };

struct run {
	const char *name;
	enum pattern pattern;
	int transfer;
	bool is_collective;
};

static const struct run RUNS[] = {
	{ "segmented, 1 MiB, independent", SEGMENTED, 1 << 20, false },
	{ "segmented, 1 MiB, collective", SEGMENTED, 1 << 20, true },
	{ "segmented, 47008 B, independent", SEGMENTED, 47008, false },
	{ "strided, 47008 B, independent", STRIDED, 47008, false },
	{ "strided, 47008 B, collective", STRIDED, 47008, true },
	{ "segmented, 4 KiB, independent", SEGMENTED, 4096, false },
	{ "strided, 4 KiB, independent", STRIDED, 4096, false },
	{ "pieces of 4 KiB, one collective call", PIECES, 4096, true },
	{ "pieces of 512 B, one collective call", PIECES, 512, true },
};

static int rank, ranks;
static const char *pool_name, *container_name, *local_directory;
static daos_handle_t pool, container;
static char *data;
static size_t bytes_per_rank;

static void check(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "%s: %d\n", what, rc);
	MPI_Abort(MPI_COMM_WORLD, 1);
}

/* Where transfer `i` of a rank is. */
static size_t place(const struct run *run, int of, size_t i, size_t count)
{
	return run->pattern == SEGMENTED ? (of * count + i) * (size_t)run->transfer :
					   (i * (size_t)ranks + (size_t)of) * (size_t)run->transfer;
}

static void mpi_file(const struct run *run, enum way way, bool is_write, int of, size_t count, double *seconds)
{
	char name[1024];
	MPI_Datatype view;
	MPI_File file;

	if (way == DRIVER)
		snprintf(name, sizeof name, "daos:/%s/%s/patterns", pool_name, container_name);
	else
		snprintf(name, sizeof name, "%s/patterns", local_directory);
	check(MPI_File_open(MPI_COMM_WORLD, name, MPI_MODE_CREATE | MPI_MODE_RDWR, MPI_INFO_NULL, &file), name);
	if (run->pattern == PIECES) {
		MPI_Type_vector((int)count, run->transfer, run->transfer * ranks, MPI_BYTE, &view);
		MPI_Type_commit(&view);
		check(MPI_File_set_view(file, (MPI_Offset)of * run->transfer, MPI_BYTE, view, "native", MPI_INFO_NULL), "view");
		MPI_Type_free(&view);
	}
	MPI_Barrier(MPI_COMM_WORLD);
	*seconds = MPI_Wtime();
	if (run->pattern == PIECES) {
		int all = (int)count * run->transfer;

		check(is_write ? MPI_File_write_at_all(file, 0, data, all, MPI_BYTE, MPI_STATUS_IGNORE) :
				 MPI_File_read_at_all(file, 0, data, all, MPI_BYTE, MPI_STATUS_IGNORE), "access");
	} else {
		for (size_t i = 0; i < count; i++) {
			MPI_Offset at = (MPI_Offset)place(run, of, i, count);
			char *from = data + i * (size_t)run->transfer;
			int code;

			if (run->is_collective)
				code = is_write ? MPI_File_write_at_all(file, at, from, run->transfer, MPI_BYTE, MPI_STATUS_IGNORE) :
						  MPI_File_read_at_all(file, at, from, run->transfer, MPI_BYTE, MPI_STATUS_IGNORE);
			else
				code = is_write ? MPI_File_write_at(file, at, from, run->transfer, MPI_BYTE, MPI_STATUS_IGNORE) :
						  MPI_File_read_at(file, at, from, run->transfer, MPI_BYTE, MPI_STATUS_IGNORE);
			check(code, "access");
		}
	}
	*seconds = MPI_Wtime() - *seconds;
	check(MPI_File_close(&file), "close");
}

static void array_call(daos_handle_t array, daos_range_t *ranges, size_t count, char *from, size_t bytes, bool is_write)
{
	daos_array_iod_t list = { .arr_nr = count, .arr_rgs = ranges };
	d_iov_t piece;
	d_sg_list_t pieces = { .sg_nr = 1, .sg_iovs = &piece };

	d_iov_set(&piece, from, bytes);
	check(is_write ? daos_array_write(array, DAOS_TX_NONE, &list, &pieces, NULL) :
			 daos_array_read(array, DAOS_TX_NONE, &list, &pieces, NULL), "array");
}

static void by_array(const struct run *run, daos_obj_id_t id, bool is_write, int of, size_t count, double *seconds)
{
	daos_range_t *ranges = malloc(count * sizeof *ranges);
	daos_size_t cell, chunk;
	daos_handle_t array;

	check(daos_array_open(container, id, DAOS_TX_NONE, DAOS_OO_RW, &cell, &chunk, &array, NULL), "open");
	for (size_t i = 0; i < count; i++)
		ranges[i] = (daos_range_t){ .rg_idx = place(run, of, i, count), .rg_len = (daos_size_t)run->transfer };
	MPI_Barrier(MPI_COMM_WORLD);
	*seconds = MPI_Wtime();
	if (run->pattern == PIECES)
		array_call(array, ranges, count, data, count * (size_t)run->transfer, is_write);
	else
		for (size_t i = 0; i < count; i++)
			array_call(array, &ranges[i], 1, data + i * (size_t)run->transfer, (size_t)run->transfer, is_write);
	*seconds = MPI_Wtime() - *seconds;
	check(daos_array_close(array, NULL), "close");
	free(ranges);
}

/* Seconds of the slowest rank. */
static double once(const struct run *run, enum way way, daos_obj_id_t id, bool is_write)
{
	size_t count = bytes_per_rank / (size_t)run->transfer;
	/* Each rank reads what another one has written. */
	int of = is_write ? rank : (rank + 1) % ranks;
	double mine, all;

	if (way == ARRAY)
		by_array(run, id, is_write, of, count, &mine);
	else
		mpi_file(run, way, is_write, of, count, &mine);
	MPI_Allreduce(&mine, &all, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
	return all;
}

static int ascending(const void *one, const void *other)
{
	double difference = *(const double *)one - *(const double *)other;

	return difference < 0 ? -1 : difference > 0;
}

static daos_obj_id_t new_array(void)
{
	daos_obj_id_t id = { 0 };
	daos_handle_t array;

	if (rank == 0) {
		check(daos_cont_alloc_oids(container, 1, &id.lo, NULL), "ids");
		check(daos_obj_generate_oid(container, &id, DAOS_OT_ARRAY, OC_SX, 0, 0), "id");
		check(daos_array_create(container, id, DAOS_TX_NONE, 1, CHUNK_BYTES, &array, NULL), "create");
		check(daos_array_close(array, NULL), "close");
	}
	MPI_Bcast(&id, sizeof id, MPI_BYTE, 0, MPI_COMM_WORLD);
	return id;
}

static void remove_files(void)
{
	char name[1024];

	MPI_Barrier(MPI_COMM_WORLD);
	if (rank != 0)
		return;
	snprintf(name, sizeof name, "daos:/%s/%s/patterns", pool_name, container_name);
	MPI_File_delete(name, MPI_INFO_NULL);
	snprintf(name, sizeof name, "%s/patterns", local_directory);
	MPI_File_delete(name, MPI_INFO_NULL);
}

static void measure(const struct run *run, int rounds)
{
	double seconds[WAYS][2][ROUNDS_MAX], rate[WAYS];
	size_t bytes = bytes_per_rank / (size_t)run->transfer * (size_t)run->transfer * (size_t)ranks;
	daos_obj_id_t id = new_array();

	for (int round = 0; round < rounds; round++)
		for (int way = 0; way < WAYS; way++)
			for (int reads = 0; reads < 2; reads++)
				seconds[way][reads][round] = once(run, (enum way)way, id, reads == 0);
	remove_files();
	for (int reads = 0; reads < 2; reads++) {
		for (int way = 0; way < WAYS; way++) {
			qsort(seconds[way][reads], (size_t)rounds, sizeof(double), ascending);
			rate[way] = (double)bytes / seconds[way][reads][rounds / 2] / (1 << 20);
		}
		if (rank == 0)
			printf("%-38s %-5s %10.0f %10.0f %10.0f %9.2f %9.2f\n", run->name, reads ? "read" : "write", rate[DRIVER],
				rate[ARRAY], rate[LOCAL], rate[DRIVER] / rate[ARRAY], rate[DRIVER] / rate[LOCAL]);
		fflush(stdout);
	}
}

int main(int count, char **arguments)
{
	int rounds;

	MPI_Init(&count, &arguments);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	check(count == 6 ? 0 : 1, "POOL CONTAINER LOCAL_DIRECTORY BYTES_PER_RANK ROUNDS");
	pool_name = arguments[1];
	container_name = arguments[2];
	local_directory = arguments[3];
	bytes_per_rank = strtoull(arguments[4], NULL, 10);
	rounds = atoi(arguments[5]);
	check(rounds >= 1 && rounds <= ROUNDS_MAX ? 0 : 1, "the number of rounds");
	data = malloc(bytes_per_rank);
	memset(data, rank + 1, bytes_per_rank);
	check(daos_init(), "daos_init");
	check(daos_pool_connect(pool_name, NULL, DAOS_PC_RW, &pool, NULL, NULL), "connect");
	check(daos_cont_open(pool, container_name, DAOS_COO_RW, &container, NULL, NULL), "open");
	if (rank == 0)
		printf("%-38s %-5s %10s %10s %10s %9s %9s\n", "MiB/s, medians by turns", "", "driver", "array", "tmpfs", "to array",
			"to tmpfs");
	for (size_t i = 0; i < sizeof RUNS / sizeof *RUNS; i++)
		measure(&RUNS[i], rounds);
	daos_cont_close(container, NULL);
	daos_pool_disconnect(pool, NULL);
	daos_fini();
	MPI_Finalize();
	return 0;
}
