/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The engine of the local directory is killed while the ranks write: the job goes on, and what was acknowledged is there. */
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
	CALL(MPI_File_close(&file));
	free(data);
	free(back);
	return test_end();
}
