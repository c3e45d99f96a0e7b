/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * A full pool is an error with a class and a sentence, for every kind of call, and the job goes on; what was written before
 * stays readable. Only in containers, in the small pool that the tests have for it.
 */
#include "test.h"

enum { BYTES = 4 << 20, WRITES_MAX = 200 };

static int class_of(int code)
{
	int class = MPI_SUCCESS;

	if (code != MPI_SUCCESS)
		MPI_Error_class(code, &class);
	return class;
}

int main(int count, char **arguments)
{
	char *data = malloc(BYTES), *back = malloc(BYTES);
	MPI_File file;
	MPI_Request request;
	MPI_Offset written = 0;
	int code = MPI_SUCCESS, full, mine;

	test_begin(&count, &arguments);
	if (strncmp(test_directory, "daos:", 5) != 0)
		return test_end();
	test_directory = "daos:/small/container";
	file = test_open("full", MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE);
	FAILS(MPI_ERR_NO_SPACE, MPI_File_preallocate(file, 1LL << 40));
	memset(data, 0x5a, BYTES);
	for (int i = 0; i < WRITES_MAX && code == MPI_SUCCESS; i++) {
		mine = class_of(MPI_File_write_at_all(file, (2 * i + test_rank) * (MPI_Offset)BYTES, data, BYTES, MPI_BYTE,
			MPI_STATUS_IGNORE));
		MPI_Allreduce(&mine, &code, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
		if (code == MPI_SUCCESS)
			written = i + 1;
	}
	CHECK(code == MPI_ERR_NO_SPACE && written > 0);
	/* The last of the room may still take a little; whoever is first takes it. */
	full = 0;
	for (int i = 0; i < WRITES_MAX && !full; i++) {
		code = MPI_File_iwrite_at(file, (1000 + 2 * i + test_rank) * (MPI_Offset)BYTES, data, BYTES, MPI_BYTE, &request);
		if (code == MPI_SUCCESS)
			code = MPI_Wait(&request, MPI_STATUS_IGNORE);
		full = class_of(code) == MPI_ERR_NO_SPACE;
	}
	CHECK(full);
	CALL(MPI_File_read_at(file, (2 * (written - 1) + test_rank) * (MPI_Offset)BYTES, back, BYTES, MPI_BYTE,
		MPI_STATUS_IGNORE));
	CHECK(memcmp(data, back, BYTES) == 0);
	MPI_Barrier(MPI_COMM_WORLD);
	/* Freeing makes room again. */
	CALL(MPI_File_set_size(file, 0));
	CALL(MPI_File_close(&file));
	free(data);
	free(back);
	return test_end();
}
