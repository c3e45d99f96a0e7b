/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Opening and its errors. Upstream's driver ends the whole job when a pool cannot be reached, finds a container by its label
 * alone (a file was made in the wrong pool), and opens everything for writing.
 */
#include "test.h"

static void modes(void)
{
	MPI_File file;
	int byte = 1, mode;
	MPI_Offset size;

	FAILS(MPI_ERR_NO_SUCH_FILE,
		MPI_File_open(MPI_COMM_WORLD, test_name("missing"), MPI_MODE_RDWR, MPI_INFO_NULL, &file));
	FAILS(MPI_ERR_NO_SUCH_FILE, MPI_File_open(MPI_COMM_WORLD, test_name("no/such/directory"),
		MPI_MODE_CREATE | MPI_MODE_WRONLY, MPI_INFO_NULL, &file));
	FAILS(MPI_ERR_AMODE, MPI_File_open(MPI_COMM_WORLD, test_name("modes"), MPI_MODE_RDONLY | MPI_MODE_WRONLY,
		MPI_INFO_NULL, &file));
	FAILS(MPI_ERR_AMODE, MPI_File_open(MPI_COMM_WORLD, test_name("modes"), MPI_MODE_RDONLY | MPI_MODE_CREATE,
		MPI_INFO_NULL, &file));

	file = test_open("modes", MPI_MODE_CREATE | MPI_MODE_EXCL | MPI_MODE_WRONLY);
	CALL(MPI_File_write_at_all(file, 4 * test_rank, &byte, 1, MPI_INT, MPI_STATUS_IGNORE));
	FAILS(MPI_ERR_ACCESS, MPI_File_read_at(file, 0, &byte, 1, MPI_INT, MPI_STATUS_IGNORE));
	CALL(MPI_File_close(&file));
	FAILS(MPI_ERR_FILE_EXISTS, MPI_File_open(MPI_COMM_WORLD, test_name("modes"),
		MPI_MODE_CREATE | MPI_MODE_EXCL | MPI_MODE_RDWR, MPI_INFO_NULL, &file));

	file = test_open("modes", MPI_MODE_RDONLY);
	FAILS(MPI_ERR_READ_ONLY, MPI_File_write_at(file, 0, &byte, 1, MPI_INT, MPI_STATUS_IGNORE));
	CALL(MPI_File_get_amode(file, &mode));
	CHECK(mode == MPI_MODE_RDONLY);
	CALL(MPI_File_close(&file));

	file = test_open("modes", MPI_MODE_WRONLY | MPI_MODE_APPEND | MPI_MODE_DELETE_ON_CLOSE);
	CALL(MPI_File_get_position(file, &size));
	CHECK(size == 4 * test_ranks);
	CALL(MPI_File_close(&file));
	FAILS(MPI_ERR_NO_SUCH_FILE, MPI_File_delete(test_name("modes"), MPI_INFO_NULL));
}

/* Opened by each rank for itself, and by both for each other. */
static void communicators(void)
{
	MPI_File mine, ours;
	char name[16];
	int number = test_rank, other;

	snprintf(name, sizeof name, "own%d", test_rank);
	CALL(MPI_File_open(MPI_COMM_SELF, test_name(name), MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE,
		MPI_INFO_NULL, &mine));
	ours = test_open("ours", MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE);
	CALL(MPI_File_write_at(mine, 0, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
	CALL(MPI_File_write_at_all(ours, 4 * test_rank, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
	CALL(MPI_File_sync(ours));
	MPI_Barrier(MPI_COMM_WORLD);
	CALL(MPI_File_read_at_all(ours, 4 * ((test_rank + 1) % test_ranks), &other, 1, MPI_INT, MPI_STATUS_IGNORE));
	CHECK(other == (test_rank + 1) % test_ranks);
	CALL(MPI_File_close(&ours));
	/* The first one's connection may not have gone with the second. */
	CALL(MPI_File_read_at(mine, 0, &other, 1, MPI_INT, MPI_STATUS_IGNORE));
	CHECK(other == test_rank);
	CALL(MPI_File_close(&mine));
}

/* What only containers have. */
static void pools(const char *second)
{
	MPI_File here, there;
	char name[4096];
	MPI_Offset size;
	int number = 7;

	FAILS(MPI_ERR_NO_SUCH_FILE,
		MPI_File_open(MPI_COMM_WORLD, "daos:/no_such_pool/c/f", MPI_MODE_RDONLY, MPI_INFO_NULL, &here));
	FAILS(MPI_ERR_NO_SUCH_FILE,
		MPI_File_open(MPI_COMM_WORLD, "daos:/test/no_such_container/f", MPI_MODE_RDONLY, MPI_INFO_NULL, &here));
	FAILS(MPI_ERR_BAD_FILE, MPI_File_open(MPI_COMM_WORLD, "daos:", MPI_MODE_RDONLY, MPI_INFO_NULL, &here));
	FAILS(MPI_ERR_BAD_FILE, MPI_File_open(MPI_COMM_WORLD, test_name(""), MPI_MODE_RDONLY, MPI_INFO_NULL, &here));

	/* The other pool has a container of the same label. */
	snprintf(name, sizeof name, "%s/same", second);
	here = test_open("same", MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE);
	CALL(MPI_File_open(MPI_COMM_WORLD, name, MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE, MPI_INFO_NULL,
		&there));
	CALL(MPI_File_write_at_all(there, 4 * test_rank, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
	CALL(MPI_File_get_size(here, &size));
	CHECK(size == 0);
	CALL(MPI_File_close(&here));
	CALL(MPI_File_get_size(there, &size));
	CHECK(size == 4 * test_ranks);
	CALL(MPI_File_close(&there));
}

/* What the variables may hold when a script has set them wrongly: they count as not set. */
static void variables(void)
{
	static const char *const bad[] = { "", "/", "test/container" };
	char *before[2] = { getenv("DAOS_POOL"), getenv("DAOS_CONT") };
	char long_label[300];
	MPI_File file;

	for (int i = 0; i < 2; i++)
		before[i] = before[i] != NULL ? strdup(before[i]) : NULL;
	memset(long_label, 'a', sizeof long_label - 1);
	long_label[sizeof long_label - 1] = '\0';
	for (int i = 0; i < 8; i++) {
		const char *wrong = i / 2 < 3 ? bad[i / 2] : long_label;

		setenv("DAOS_POOL", i % 2 ? wrong : "test", 1);
		setenv("DAOS_CONT", i % 2 ? "container" : wrong, 1);
		FAILS(MPI_ERR_BAD_FILE, MPI_File_open(MPI_COMM_WORLD, "daos:file", MPI_MODE_RDONLY, MPI_INFO_NULL, &file));
	}
	setenv("DAOS_POOL", "test", 1);
	setenv("DAOS_CONT", "container", 1);
	CALL(MPI_File_open(MPI_COMM_WORLD, "daos:by_variables", MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE,
		MPI_INFO_NULL, &file));
	CALL(MPI_File_close(&file));
	for (int i = 0; i < 2; i++) {
		const char *variable = i == 0 ? "DAOS_POOL" : "DAOS_CONT";

		if (before[i] != NULL)
			setenv(variable, before[i], 1);
		else
			unsetenv(variable);
		free(before[i]);
	}
}

int main(int count, char **arguments)
{
	test_begin(&count, &arguments);
	modes();
	communicators();
	if (strncmp(test_directory, "daos:", 5) == 0) {
		pools("daos:/second/container");
		variables();
	}
	return test_end();
}
