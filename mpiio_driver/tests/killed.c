/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * An engine is killed while the ranks write: the job goes on, and what was acknowledged is there. The shared pointer gives no
 * place twice, and the lock of atomic mode is neither lost nor kept by nobody.
 *
 * It is the engine of the local directory, which the next call starts again; or one of a system, whose process id is in the file
 * that TEST_ENGINE_PID names, and which its server starts again after a while. Calls about that one may fail with MPI_ERR_IO until it
 * is back, and only so.
 */
#include "test.h"

#include <signal.h>
#include <time.h>

enum { BYTES = 65536, PIECE = 4096, WRITES = 30, KILL_AT = 10 };

static void kill_engine(void)
{
	const char *given = getenv("TEST_ENGINE_PID");
	char name[4096];
	long pid;
	FILE *file;

	snprintf(name, sizeof name, "%s/engine.pid", getenv("DAOS_LOCAL_PATH"));
	file = fopen(given != NULL ? given : name, "r");
	CHECK(file != NULL && fscanf(file, "%ld", &pid) == 1 && pid > 1);
	fclose(file);
	CHECK(kill((pid_t)pid, SIGKILL) == 0);
}

/* Whether a call was carried out; the only error that it may give is that its engine is away. */
static bool was_done(int code)
{
	int class = MPI_SUCCESS;

	if (code == MPI_SUCCESS)
		return true;
	MPI_Error_class(code, &class);
	CHECK(class == MPI_ERR_IO && getenv("TEST_ENGINE_PID") != NULL);
	return false;
}

/* Before a call is made again. */
static bool pause_is_over(void)
{
	struct timespec pause = { 0, 10000000 };

	nanosleep(&pause, NULL);
	return true;
}

/* Makes a call until the engine is back. The test has a limit of time outside. */
#define PATIENTLY(call) \
	do { \
	} while (!was_done(call) && pause_is_over())

/* Records by the shared pointer: each that was acknowledged is there once. */
static void shared(MPI_File file)
{
	int number, written[WRITES], *seen = calloc((size_t)(WRITES * test_ranks), sizeof *seen);
	MPI_Offset size;

	PATIENTLY(MPI_File_set_size(file, 0));
	CALL(MPI_File_set_view(file, 0, MPI_INT, MPI_INT, "native", MPI_INFO_NULL));
	for (int i = 0; i < WRITES; i++) {
		if (i == KILL_AT && test_rank == 0)
			kill_engine();
		number = 1 + test_rank * WRITES + i;
		written[i] = was_done(MPI_File_write_shared(file, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
	}
	MPI_Barrier(MPI_COMM_WORLD);
	PATIENTLY(MPI_File_get_size(file, &size));
	for (MPI_Offset i = 0; i < size / (MPI_Offset)sizeof number; i++) {
		PATIENTLY(MPI_File_read_at(file, i, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
		/* A place that was taken for a write that failed stays empty. */
		CHECK(number >= 0 && number <= WRITES * test_ranks);
		CHECK(number == 0 || seen[number - 1]++ == 0);
	}
	for (int i = 0; i < WRITES; i++)
		CHECK(!written[i] || seen[test_rank * WRITES + i] == 1);
	free(seen);
	MPI_Barrier(MPI_COMM_WORLD);
}

static void check_same(const int *numbers)
{
	for (int at = 1; at < BYTES; at++)
		CHECK(numbers[at] == numbers[0]);
}

/*
 * All ranks write the same bytes again and again, which lie within one chunk; what is read is all of one write. Then once more when
 * the engine is back, so that each rank has had the lock.
 */
static void atomic(MPI_File file)
{
	static int numbers[BYTES];

	PATIENTLY(MPI_File_set_size(file, 0));
	CALL(MPI_File_set_atomicity(file, 1));
	for (int i = 0; i < WRITES; i++) {
		if (i == KILL_AT && test_rank == 0)
			kill_engine();
		for (int at = 0; at < BYTES; at++)
			numbers[at] = 100 * i + test_rank;
		was_done(MPI_File_write_at(file, 0, numbers, BYTES, MPI_INT, MPI_STATUS_IGNORE));
		if (was_done(MPI_File_read_at(file, 0, numbers, BYTES, MPI_INT, MPI_STATUS_IGNORE)))
			check_same(numbers);
	}
	MPI_Barrier(MPI_COMM_WORLD);
	for (int at = 0; at < BYTES; at++)
		numbers[at] = test_rank;
	PATIENTLY(MPI_File_write_at(file, 0, numbers, BYTES, MPI_INT, MPI_STATUS_IGNORE));
	MPI_Barrier(MPI_COMM_WORLD);
	PATIENTLY(MPI_File_read_at(file, 0, numbers, BYTES, MPI_INT, MPI_STATUS_IGNORE));
	check_same(numbers);
	CHECK(numbers[0] < test_ranks);
	CALL(MPI_File_set_atomicity(file, 0));
}

static MPI_File open_buffered(void)
{
	MPI_Datatype piece, view;
	MPI_Info hints;
	MPI_File file;

	MPI_Info_create(&hints);
	MPI_Info_set(hints, "romio_cb_write", "enable");
	MPI_Info_set(hints, "romio_cb_read", "enable");
	MPI_Info_set(hints, "cb_config_list", "*:*");
	MPI_Info_set(hints, "cb_buffer_size", "32768");
	CALL(MPI_File_open(MPI_COMM_WORLD, test_name("buffered"), MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE, hints, &file));
	MPI_Info_free(&hints);
	MPI_Type_contiguous(PIECE, MPI_BYTE, &piece);
	MPI_Type_create_resized(piece, 0, (MPI_Aint)PIECE * test_ranks, &view);
	MPI_Type_free(&piece);
	MPI_Type_commit(&view);
	CALL(MPI_File_set_view(file, (MPI_Offset)test_rank * PIECE, MPI_BYTE, view, "native", MPI_INFO_NULL));
	MPI_Type_free(&view);
	return file;
}

/*
 * By two-phase buffering, each call of which takes several rounds, and all ranks transfer: all come back from each call, with the same
 * result, and what they were told was written is there.
 */
static void buffered(void)
{
	char *data = malloc(BYTES), *back = malloc(BYTES);
	bool written[WRITES];
	int done, all;
	MPI_File file = open_buffered();

	for (int i = 0; i < WRITES; i++) {
		if (i == KILL_AT && test_rank == 0)
			kill_engine();
		memset(data, i + 100 * test_rank, BYTES);
		done = was_done(MPI_File_write_at_all(file, (MPI_Offset)i * BYTES, data, BYTES, MPI_BYTE, MPI_STATUS_IGNORE));
		MPI_Allreduce(&done, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
		CHECK(all == 0 || all == test_ranks);
		written[i] = done;
	}
	for (int i = 0; i < WRITES; i++) {
		if (!written[i])
			continue;
		memset(data, i + 100 * test_rank, BYTES);
		PATIENTLY(MPI_File_read_at_all(file, (MPI_Offset)i * BYTES, back, BYTES, MPI_BYTE, MPI_STATUS_IGNORE));
		CHECK(memcmp(data, back, BYTES) == 0);
	}
	CALL(MPI_File_close(&file));
	free(data);
	free(back);
}

int main(int count, char **arguments)
{
	char *data = malloc(BYTES), *back = malloc(BYTES);
	int written[WRITES], failed = 0;
	MPI_File file;

	test_begin(&count, &arguments);
	CHECK(getenv("DAOS_LOCAL_PATH") != NULL);
	file = test_open("killed", MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE);
	for (int i = 0; i < WRITES; i++) {
		if (i == KILL_AT && test_rank == 0)
			kill_engine();
		memset(data, i + 100 * test_rank, BYTES);
		written[i] = was_done(MPI_File_write_at_all(file, (MPI_Offset)(i * test_ranks + test_rank) * BYTES, data, BYTES,
			MPI_BYTE, MPI_STATUS_IGNORE));
		failed += !written[i];
	}
	for (int i = 0; i < WRITES; i++) {
		if (!written[i])
			continue;
		memset(data, i + 100 * test_rank, BYTES);
		PATIENTLY(MPI_File_read_at(file, (MPI_Offset)(i * test_ranks + test_rank) * BYTES, back, BYTES, MPI_BYTE,
			MPI_STATUS_IGNORE));
		CHECK(memcmp(data, back, BYTES) == 0);
	}
	if (test_rank == 0)
		printf("%d of %d writes failed\n", failed, WRITES);
	MPI_Barrier(MPI_COMM_WORLD);
	shared(file);
	atomic(file);
	CALL(MPI_File_close(&file));
	buffered();
	free(data);
	free(back);
	return test_end();
}
