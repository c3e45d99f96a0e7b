/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The engine of the local directory is killed while the ranks write: the job goes on, and what was acknowledged is there. The
 * shared pointer gives no place twice, and the lock of atomic mode is neither lost nor kept by nobody.
 */
#include "test.h"

#include <signal.h>

enum { BYTES = 65536, WRITES = 30, KILL_AT = 10 };

static void kill_engine(void)
{
	char name[4096];
	long pid;
	FILE *file;

	snprintf(name, sizeof name, "%s/engine.pid", getenv("DAOS_LOCAL_PATH"));
	file = fopen(name, "r");
	CHECK(file != NULL && fscanf(file, "%ld", &pid) == 1 && pid > 1);
	fclose(file);
	CHECK(kill((pid_t)pid, SIGKILL) == 0);
}

/* Records by the shared pointer: each that was acknowledged is there once. */
static void shared(MPI_File file)
{
	int number, written[WRITES], *seen = calloc((size_t)(WRITES * test_ranks), sizeof *seen);
	MPI_Offset size;

	CALL(MPI_File_set_size(file, 0));
	CALL(MPI_File_set_view(file, 0, MPI_INT, MPI_INT, "native", MPI_INFO_NULL));
	for (int i = 0; i < WRITES; i++) {
		if (i == KILL_AT && test_rank == 0)
			kill_engine();
		number = 1 + test_rank * WRITES + i;
		written[i] = MPI_File_write_shared(file, &number, 1, MPI_INT, MPI_STATUS_IGNORE) == MPI_SUCCESS;
	}
	MPI_Barrier(MPI_COMM_WORLD);
	CALL(MPI_File_get_size(file, &size));
	for (MPI_Offset i = 0; i < size / (MPI_Offset)sizeof number; i++) {
		CALL(MPI_File_read_at(file, i, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
		/* A place that was taken for a write that failed stays empty. */
		CHECK(number >= 0 && number <= WRITES * test_ranks);
		CHECK(number == 0 || seen[number - 1]++ == 0);
	}
	for (int i = 0; i < WRITES; i++)
		CHECK(!written[i] || seen[test_rank * WRITES + i] == 1);
	free(seen);
	MPI_Barrier(MPI_COMM_WORLD);
}

/* All ranks write the same bytes again and again; what is read is all of one write. */
static void atomic(MPI_File file)
{
	static int numbers[BYTES];
	int code = MPI_SUCCESS, same = 1;

	CALL(MPI_File_set_size(file, 0));
	CALL(MPI_File_set_atomicity(file, 1));
	for (int i = 0; i < WRITES && code == MPI_SUCCESS; i++) {
		if (i == KILL_AT && test_rank == 0)
			kill_engine();
		for (int at = 0; at < BYTES; at++)
			numbers[at] = 100 * i + test_rank;
		code = MPI_File_write_at(file, 0, numbers, BYTES, MPI_INT, MPI_STATUS_IGNORE);
		if (code == MPI_SUCCESS)
			code = MPI_File_read_at(file, 0, numbers, BYTES, MPI_INT, MPI_STATUS_IGNORE);
		for (int at = 1; at < BYTES; at++)
			same &= numbers[at] == numbers[0];
		CHECK(code != MPI_SUCCESS || same);
	}
	CALL(code);
	CALL(MPI_File_set_atomicity(file, 0));
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
		written[i] = MPI_File_write_at_all(file, (MPI_Offset)(i * test_ranks + test_rank) * BYTES, data, BYTES, MPI_BYTE,
				     MPI_STATUS_IGNORE) == MPI_SUCCESS;
		failed += !written[i];
	}
	for (int i = 0; i < WRITES; i++) {
		if (!written[i])
			continue;
		memset(data, i + 100 * test_rank, BYTES);
		CALL(MPI_File_read_at(file, (MPI_Offset)(i * test_ranks + test_rank) * BYTES, back, BYTES, MPI_BYTE,
			MPI_STATUS_IGNORE));
		CHECK(memcmp(data, back, BYTES) == 0);
	}
	if (test_rank == 0)
		printf("%d of %d writes failed\n", failed, WRITES);
	MPI_Barrier(MPI_COMM_WORLD);
	shared(file);
	atomic(file);
	CALL(MPI_File_close(&file));
	free(data);
	free(back);
	return test_end();
}
