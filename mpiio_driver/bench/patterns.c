/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Patterns of access as IOR makes them, by turns: MPI-IO in a container, MPI-IO in a local directory (tmpfs is meant, by MPICH's
 * own driver), and the same bytes by the calls of an array in the container; collective calls for many pieces also in the container
 * by ROMIO's two-phase buffering. Started by `cargo xtask bench mpi`:
 *
 *   patterns POOL CONTAINER LOCAL_DIRECTORY BYTES_PER_RANK ROUNDS
 *   patterns POOL CONTAINER LOCAL_DIRECTORY many ROUNDS
 *
 * Each way is timed from a barrier to the end of the last rank, without opening and closing, and what was read is compared with
 * what was written; the medians of the rounds and their ratios are printed, each beside its goal where it has one. With `many`,
 * each rank has 175 000 pieces of 4 KiB in one collective call, and seconds are printed.
 */
#include <mpi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <daos.h>
#include <daos_array.h>
#include <daos_obj_class.h>

enum way { DRIVER, LOCAL, ARRAY, TWO_PHASE, WAYS };
/* Pieces are those of one call; with gaps, they have gaps in memory as well. */
enum pattern { SEGMENTED, STRIDED, PIECES, PIECES_WITH_GAPS };
/* More transfers of a rank than this, each of which is a call of its own, make a figure no better. */
enum { ROUNDS_MAX = 32, CHUNK_BYTES = 1 << 20, MANY = 175000, CALLS_MAX = 2048 };

/* What the driver may take more than the calls of an array: a share for large transfers, microseconds of a call for small ones. */
#define GOAL_TO_ARRAY 0.95
#define GOAL_MICROSECONDS 2.0
enum { LARGE = 1 << 20, SMALL = 4096 };

struct run {
	const char *name;
	enum pattern pattern;
	int transfer;
	bool is_collective;
	/* How many times as fast as the local file system it is to be; zero for what has no goal. */
	int goal;
};

static const struct run RUNS[] = {
	{ "segmented, 1 MiB, independent", SEGMENTED, LARGE, false, 1 },
	{ "segmented, 1 MiB, collective", SEGMENTED, LARGE, true, 1 },
	{ "segmented, 47008 B, independent", SEGMENTED, 47008, false, 0 },
	{ "strided, 47008 B, independent", STRIDED, 47008, false, 2 },
	{ "strided, 47008 B, collective", STRIDED, 47008, true, 2 },
	{ "segmented, 4 KiB, independent", SEGMENTED, SMALL, false, 0 },
	{ "strided, 4 KiB, independent", STRIDED, SMALL, false, 2 },
	{ "pieces of 4 KiB, one independent call", PIECES, 4096, false, 2 },
	{ "pieces of 4 KiB, one collective call", PIECES, 4096, true, 2 },
	{ "the same, gaps in memory", PIECES_WITH_GAPS, 4096, true, 2 },
	{ "pieces of 512 B, one collective call", PIECES, 512, true, 2 },
};
static const struct run RUN_OF_MANY = { "175000 pieces of 4 KiB per rank", PIECES, 4096, true, 2 };

static int rank, ranks;
static const char *pool_name, *container_name, *local_directory;
static daos_handle_t pool, container;
static char *data;
static size_t bytes_per_rank;
/* Of this rank's last access. */
static double seconds_of_call;

static void check(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "%s: %d\n", what, rc);
	MPI_Abort(MPI_COMM_WORLD, 1);
}

/* Ranks whose transfers are in turns. A single rank leaves room for another one, else its pieces would be one. */
static int in_turn(void)
{
	return ranks > 1 ? ranks : 2;
}

/* Where transfer `i` of a rank is. */
static size_t place(const struct run *run, int of, size_t i, size_t count)
{
	return run->pattern == SEGMENTED ? (of * count + i) * (size_t)run->transfer :
					   (i * (size_t)in_turn() + (size_t)of) * (size_t)run->transfer;
}

static bool has_pieces(const struct run *run)
{
	return run->pattern >= PIECES;
}

/* From one piece in memory to the next one. */
static size_t stride(const struct run *run)
{
	return (size_t)run->transfer * (run->pattern == PIECES_WITH_GAPS ? 2 : 1);
}

/* One call for all pieces. */
static int access_pieces(const struct run *run, MPI_File file, bool is_write, int of, size_t count)
{
	MPI_Datatype view, memory;
	int code;

	MPI_Type_vector((int)count, run->transfer, run->transfer * in_turn(), MPI_BYTE, &view);
	MPI_Type_commit(&view);
	MPI_Type_vector((int)count, run->transfer, (int)stride(run), MPI_BYTE, &memory);
	MPI_Type_commit(&memory);
	check(MPI_File_set_view(file, (MPI_Offset)of * run->transfer, MPI_BYTE, view, "native", MPI_INFO_NULL), "view");
	MPI_Barrier(MPI_COMM_WORLD);
	seconds_of_call = MPI_Wtime();
	if (run->is_collective)
		code = is_write ? MPI_File_write_at_all(file, 0, data, 1, memory, MPI_STATUS_IGNORE) :
				  MPI_File_read_at_all(file, 0, data, 1, memory, MPI_STATUS_IGNORE);
	else
		code = is_write ? MPI_File_write_at(file, 0, data, 1, memory, MPI_STATUS_IGNORE) :
				  MPI_File_read_at(file, 0, data, 1, memory, MPI_STATUS_IGNORE);
	seconds_of_call = MPI_Wtime() - seconds_of_call;
	MPI_Type_free(&view);
	MPI_Type_free(&memory);
	return code;
}

static int access_one(const struct run *run, MPI_File file, bool is_write, MPI_Offset at, char *from)
{
	if (run->is_collective)
		return is_write ? MPI_File_write_at_all(file, at, from, run->transfer, MPI_BYTE, MPI_STATUS_IGNORE) :
				  MPI_File_read_at_all(file, at, from, run->transfer, MPI_BYTE, MPI_STATUS_IGNORE);
	return is_write ? MPI_File_write_at(file, at, from, run->transfer, MPI_BYTE, MPI_STATUS_IGNORE) :
			  MPI_File_read_at(file, at, from, run->transfer, MPI_BYTE, MPI_STATUS_IGNORE);
}

static void by_file(const struct run *run, enum way way, bool is_write, int of, size_t count)
{
	MPI_Info hints = MPI_INFO_NULL;
	char name[1024];
	MPI_File file;

	if (way == LOCAL)
		snprintf(name, sizeof name, "%s/patterns", local_directory);
	else
		snprintf(name, sizeof name, "daos:/%s/%s/patterns", pool_name, container_name);
	if (way == TWO_PHASE) {
		MPI_Info_create(&hints);
		MPI_Info_set(hints, "romio_cb_write", "enable");
		MPI_Info_set(hints, "romio_cb_read", "enable");
	}
	check(MPI_File_open(MPI_COMM_WORLD, name, MPI_MODE_CREATE | MPI_MODE_RDWR, hints, &file), name);
	if (has_pieces(run)) {
		check(access_pieces(run, file, is_write, of, count), "access");
	} else {
		MPI_Barrier(MPI_COMM_WORLD);
		seconds_of_call = MPI_Wtime();
		for (size_t i = 0; i < count; i++)
			check(access_one(run, file, is_write, (MPI_Offset)place(run, of, i, count), data + i * stride(run)), "access");
		seconds_of_call = MPI_Wtime() - seconds_of_call;
	}
	check(MPI_File_close(&file), "close");
	if (hints != MPI_INFO_NULL)
		MPI_Info_free(&hints);
}

static void array_call(const struct run *run, daos_handle_t array, daos_range_t *ranges, d_iov_t *pieces, size_t count,
	bool is_write)
{
	bool is_one_piece = run->pattern != PIECES_WITH_GAPS;
	daos_array_iod_t list = { .arr_nr = count, .arr_rgs = ranges };
	d_sg_list_t memory = { .sg_nr = is_one_piece ? 1 : (uint32_t)count, .sg_iovs = pieces };

	if (is_one_piece)
		d_iov_set(pieces, pieces->iov_buf, count * (size_t)run->transfer);
	check(is_write ? daos_array_write(array, DAOS_TX_NONE, &list, &memory, NULL) :
			 daos_array_read(array, DAOS_TX_NONE, &list, &memory, NULL), "array");
}

static void by_array(const struct run *run, daos_obj_id_t id, bool is_write, int of, size_t count)
{
	daos_range_t *ranges = malloc(count * sizeof *ranges);
	d_iov_t *pieces = malloc(count * sizeof *pieces);
	daos_size_t cell, chunk;
	daos_handle_t array;

	check(daos_array_open(container, id, DAOS_TX_NONE, DAOS_OO_RW, &cell, &chunk, &array, NULL), "open");
	for (size_t i = 0; i < count; i++) {
		ranges[i] = (daos_range_t){ .rg_idx = place(run, of, i, count), .rg_len = (daos_size_t)run->transfer };
		d_iov_set(&pieces[i], data + i * stride(run), (size_t)run->transfer);
	}
	MPI_Barrier(MPI_COMM_WORLD);
	seconds_of_call = MPI_Wtime();
	if (has_pieces(run))
		array_call(run, array, ranges, pieces, count, is_write);
	else
		for (size_t i = 0; i < count; i++)
			array_call(run, array, &ranges[i], &pieces[i], 1, is_write);
	seconds_of_call = MPI_Wtime() - seconds_of_call;
	check(daos_array_close(array, NULL), "close");
	free(ranges);
	free(pieces);
}

static void fill(const struct run *run, size_t count, int value)
{
	for (size_t i = 0; i < count; i++)
		memset(data + i * stride(run), value + (int)(i % 100), (size_t)run->transfer);
}

static void compare(const struct run *run, size_t count, int value)
{
	for (size_t i = 0; i < count; i++) {
		const char *piece = data + i * stride(run);

		check(piece[0] == (char)(value + i % 100) && memcmp(piece, piece + 1, (size_t)run->transfer - 1) == 0 ? 0 : 1, "what was read");
	}
}

/* Transfers of each rank. */
static size_t transfers(const struct run *run)
{
	size_t count = bytes_per_rank / (size_t)run->transfer;

	return has_pieces(run) || count < CALLS_MAX ? count : CALLS_MAX;
}

/* Seconds of the slowest rank. */
static double once(const struct run *run, enum way way, daos_obj_id_t id, bool is_write)
{
	size_t count = transfers(run);
	/* Each rank reads what another one has written. */
	int of = is_write ? rank : (rank + 1) % ranks;
	double all;

	fill(run, count, is_write ? rank + 1 : -1);
	if (way == ARRAY)
		by_array(run, id, is_write, of, count);
	else
		by_file(run, way, is_write, of, count);
	if (!is_write)
		compare(run, count, of + 1);
	MPI_Allreduce(&seconds_of_call, &all, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
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

/* The median of the rounds. */
static double median(double *seconds, int rounds)
{
	qsort(seconds, (size_t)rounds, sizeof(double), ascending);
	return seconds[rounds / 2];
}

static bool is_measured(const struct run *run, int way)
{
	return way != TWO_PHASE || (has_pieces(run) && run->is_collective && ranks > 1);
}

/* A ratio and its goal, which is missed when the ratio is below it. */
static void print_ratio(double ratio, double goal)
{
	if (goal == 0)
		printf(" %9.2f %12s", ratio, "");
	else
		printf(" %9.2f (%s %.2f)", ratio, ratio < goal ? "not" : ">=", goal);
}

static void print(const struct run *run, bool is_read, const double *seconds)
{
	double bytes = (double)transfers(run) * run->transfer * ranks, rate[WAYS] = { 0 };
	double microseconds = (seconds[DRIVER] - seconds[ARRAY]) / (double)transfers(run) * 1e6;

	for (int way = 0; way < WAYS; way++)
		if (is_measured(run, way))
			rate[way] = bytes / seconds[way] / (1 << 20);
	printf("%-38s %-5s %8.0f %8.0f %8.0f %10.0f", run->name, is_read ? "read" : "write", rate[DRIVER], rate[ARRAY], rate[LOCAL],
		rate[TWO_PHASE]);
	print_ratio(rate[DRIVER] / rate[ARRAY], run->transfer == LARGE ? GOAL_TO_ARRAY : 0);
	print_ratio(rate[DRIVER] / rate[LOCAL], run->goal);
	if (run->transfer == SMALL && !has_pieces(run))
		printf("  driver - array: %.2f us per call (%s %.0f)", microseconds, microseconds > GOAL_MICROSECONDS ? "not" : "<=",
			GOAL_MICROSECONDS);
	printf("\n");
	fflush(stdout);
}

static void measure(const struct run *run, int rounds)
{
	double seconds[WAYS][2][ROUNDS_MAX], medians[WAYS];
	daos_obj_id_t id = new_array();

	for (int round = 0; round < rounds; round++)
		for (int way = 0; way < WAYS; way++)
			for (int reads = 0; reads < 2 && is_measured(run, way); reads++)
				seconds[way][reads][round] = once(run, (enum way)way, id, reads == 0);
	remove_files();
	for (int reads = 0; reads < 2; reads++) {
		for (int way = 0; way < WAYS; way++)
			if (is_measured(run, way))
				medians[way] = median(seconds[way][reads], rounds);
		if (rank == 0)
			print(run, reads != 0, medians);
	}
}

/* Each way has its file alone, because all of them together are large. */
static void measure_many(int rounds)
{
	static const char *const NAMES[] = { "driver", "tmpfs", NULL, "two-phase" };
	const struct run *run = &RUN_OF_MANY;
	double seconds[2][ROUNDS_MAX], driver[2] = { 0 };

	bytes_per_rank = (size_t)MANY * (size_t)run->transfer;
	for (int way = 0; way < WAYS; way++) {
		if (NAMES[way] == NULL || !is_measured(run, way))
			continue;
		for (int round = 0; round < rounds; round++) {
			for (int reads = 0; reads < 2; reads++)
				seconds[reads][round] = once(run, (enum way)way, (daos_obj_id_t){ 0 }, reads == 0);
			remove_files();
		}
		for (int reads = 0; reads < 2; reads++) {
			double one = median(seconds[reads], rounds);

			if (way == DRIVER)
				driver[reads] = one;
			if (rank != 0)
				continue;
			printf("%s, %s, %s: %.3f s, %.0f pieces per second", run->name, NAMES[way], reads ? "read" : "write", one,
				MANY * (double)ranks / one);
			if (way == LOCAL) {
				printf("; driver to tmpfs");
				print_ratio(one / driver[reads], run->goal);
			}
			printf("\n");
			fflush(stdout);
		}
	}
}

int main(int count, char **arguments)
{
	bool is_of_many;
	int rounds;

	MPI_Init(&count, &arguments);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	check(count == 6 ? 0 : 1, "POOL CONTAINER LOCAL_DIRECTORY BYTES_PER_RANK ROUNDS");
	pool_name = arguments[1];
	container_name = arguments[2];
	local_directory = arguments[3];
	is_of_many = strcmp(arguments[4], "many") == 0;
	bytes_per_rank = is_of_many ? MANY * (size_t)RUN_OF_MANY.transfer : strtoull(arguments[4], NULL, 10);
	rounds = atoi(arguments[5]);
	check(rounds >= 1 && rounds <= ROUNDS_MAX ? 0 : 1, "the number of rounds");
	/* Gaps in memory take as much again. */
	data = malloc(is_of_many ? bytes_per_rank : 2 * bytes_per_rank);
	check(data != NULL ? 0 : 1, "memory");
	memset(data, rank + 1, is_of_many ? bytes_per_rank : 2 * bytes_per_rank);
	check(daos_init(), "daos_init");
	check(daos_pool_connect(pool_name, NULL, DAOS_PC_RW, &pool, NULL, NULL), "connect");
	check(daos_cont_open(pool, container_name, DAOS_COO_RW, &container, NULL, NULL), "open");
	if (is_of_many) {
		measure_many(rounds);
	} else {
		if (rank == 0)
			printf("%-38s %-5s %8s %8s %8s %10s %9s %-12s %9s %-12s\n", "MiB/s, medians by turns", "", "driver", "array", "tmpfs",
				"two-phase", "to array", "(goal)", "to tmpfs", "(goal)");
		for (size_t i = 0; i < sizeof RUNS / sizeof *RUNS; i++)
			measure(&RUNS[i], rounds);
	}
	daos_cont_close(container, NULL);
	daos_pool_disconnect(pool, NULL);
	daos_fini();
	MPI_Finalize();
	return 0;
}
