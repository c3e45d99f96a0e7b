/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * All handles of the pool are closed while the ranks write: every call fails with a class and a sentence on all ranks and
 * none of them waits; the file can be closed, and opened again although another one of the same container is still open.
 * Only in containers, with a pool that no other test uses at the same time.
 */
#include "test.h"

static void evict(void)
{
	MPI_Barrier(MPI_COMM_WORLD);
	if (test_rank == 0)
		CHECK(system("LD_PRELOAD= dmg pool evict second") == 0);
	MPI_Barrier(MPI_COMM_WORLD);
}

/* After the handles were closed. */
static void check_refused(MPI_File file)
{
	MPI_Offset size;
	MPI_Request request;
	int number = 1, code;

	FAILS(MPI_ERR_IO, MPI_File_write_at(file, 4 * test_rank, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
	FAILS(MPI_ERR_IO, MPI_File_write_at_all(file, 4 * test_rank, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
	FAILS(MPI_ERR_IO, MPI_File_read_at(file, 4 * test_rank, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
	FAILS(MPI_ERR_IO, MPI_File_read_all(file, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
	code = MPI_File_iwrite_at(file, 4 * test_rank, &number, 1, MPI_INT, &request);
	if (code == MPI_SUCCESS)
		code = MPI_Wait(&request, MPI_STATUS_IGNORE);
	FAILS(MPI_ERR_IO, code);
	FAILS(MPI_ERR_IO, MPI_File_write_shared(file, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
	FAILS(MPI_ERR_IO, MPI_File_write_ordered(file, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
	FAILS(MPI_ERR_IO, MPI_File_get_size(file, &size));
	FAILS(MPI_ERR_IO, MPI_File_set_size(file, 0));
	FAILS(MPI_ERR_IO, MPI_File_preallocate(file, 1 << 20));
	FAILS(MPI_ERR_IO, MPI_File_seek(file, 0, MPI_SEEK_END));
	CALL(MPI_File_set_atomicity(file, 1));
	FAILS(MPI_ERR_IO, MPI_File_write_at(file, 4 * test_rank, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
}

int main(int count, char **arguments)
{
	MPI_File file, other;
	int number;

	test_begin(&count, &arguments);
	if (strncmp(test_directory, "daos:", 5) != 0)
		return test_end();
	test_directory = "daos:/second/container";
	file = test_open("revoked", MPI_MODE_CREATE | MPI_MODE_RDWR);
	other = test_open("other", MPI_MODE_CREATE | MPI_MODE_RDWR);
	number = 100 + test_rank;
	CALL(MPI_File_write_at_all(file, 4 * test_rank, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
	CALL(MPI_File_write_ordered(file, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
	evict();
	check_refused(file);
	CALL(MPI_File_close(&file));
	CHECK(file == MPI_FILE_NULL);

	file = test_open("revoked", MPI_MODE_RDWR);
	number = 0;
	CALL(MPI_File_read_at_all(file, 4 * test_rank, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
	CHECK(number == 100 + test_rank);
	/* Once more, and nobody has made a call since that could have found out. */
	evict();
	CALL(MPI_File_close(&other));
	other = test_open("other", MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE);
	CALL(MPI_File_write_at_all(other, 4 * test_rank, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
	CALL(MPI_File_close(&other));
	FAILS(MPI_ERR_IO, MPI_File_read_at_all(file, 4 * test_rank, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
	CALL(MPI_File_close(&file));
	return test_end();
}
