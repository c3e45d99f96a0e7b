/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* What every program does: make a file together, write, read what the other rank wrote, ask for the size, delete. */
#include "test.h"

enum { NUMBERS = 100000 };

static void fill(int *numbers, int rank)
{
	for (int i = 0; i < NUMBERS; i++)
		numbers[i] = rank * NUMBERS + i;
}

int main(int count, char **arguments)
{
	int *numbers = malloc(NUMBERS * sizeof *numbers), *expected = malloc(NUMBERS * sizeof *numbers), got, mode;
	int other;
	MPI_File file;
	MPI_Offset size;
	MPI_Status status;

	test_begin(&count, &arguments);
	other = (test_rank + 1) % test_ranks;
	file = test_open("basic", MPI_MODE_CREATE | MPI_MODE_RDWR);
	fill(numbers, test_rank);
	CALL(MPI_File_write_at_all(file, (MPI_Offset)test_rank * NUMBERS * sizeof(int), numbers, NUMBERS, MPI_INT, &status));
	MPI_Get_count(&status, MPI_INT, &got);
	CHECK(got == NUMBERS);
	CALL(MPI_File_get_amode(file, &mode));
	CHECK(mode == (MPI_MODE_CREATE | MPI_MODE_RDWR));
	CALL(MPI_File_sync(file));
	CALL(MPI_File_close(&file));
	CHECK(file == MPI_FILE_NULL);

	file = test_open("basic", MPI_MODE_RDONLY);
	fill(expected, other);
	memset(numbers, 0, NUMBERS * sizeof *numbers);
	CALL(MPI_File_read_at_all(file, (MPI_Offset)other * NUMBERS * sizeof(int), numbers, NUMBERS, MPI_INT, &status));
	MPI_Get_count(&status, MPI_INT, &got);
	CHECK(got == NUMBERS && memcmp(numbers, expected, NUMBERS * sizeof *numbers) == 0);
	CALL(MPI_File_get_size(file, &size));
	CHECK(size == (MPI_Offset)test_ranks * NUMBERS * (MPI_Offset)sizeof(int));
	CALL(MPI_File_close(&file));

	MPI_Barrier(MPI_COMM_WORLD);
	if (test_rank == 0)
		CALL(MPI_File_delete(test_name("basic"), MPI_INFO_NULL));
	MPI_Barrier(MPI_COMM_WORLD);
	FAILS(MPI_ERR_NO_SUCH_FILE, MPI_File_open(MPI_COMM_WORLD, test_name("basic"), MPI_MODE_RDONLY, MPI_INFO_NULL, &file));
	free(numbers);
	free(expected);
	return test_end();
}
