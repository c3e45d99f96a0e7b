/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Shared and ordered pointers, and atomic mode. */
#include "test.h"

enum { ROUNDS = 40, ROUNDS_IN_A_ROW = 100 };

static void ordered(MPI_File file)
{
	int number, other = (test_rank + 1) % test_ranks;
	MPI_Offset position;

	for (int round = 0; round < ROUNDS; round++) {
		/* Each call must wait for what the others still do with the pointer. */
		CALL(MPI_File_seek_shared(file, 0, MPI_SEEK_SET));
		number = 100 * round + test_rank;
		CALL(MPI_File_write_ordered(file, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
		CALL(MPI_File_seek_shared(file, 0, MPI_SEEK_SET));
		number = -1;
		CALL(MPI_File_read_ordered(file, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
		CHECK(number == 100 * round + test_rank);
		CALL(MPI_File_get_position_shared(file, &position));
		CHECK(position == 4 * test_ranks);
		CALL(MPI_File_read_at(file, 4 * other, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
		CHECK(number == 100 * round + other);
		MPI_Barrier(MPI_COMM_WORLD);
	}
}

/*
 * One ordered access after the other. The first rank came to its next one, and took the place of another rank that was still
 * in the one before: MPICH's tests in C++ found records of two ranks in the wrong order.
 */
static void ordered_in_a_row(MPI_File file)
{
	int number;

	CALL(MPI_File_seek_shared(file, 0, MPI_SEEK_SET));
	for (int round = 0; round < ROUNDS_IN_A_ROW; round++) {
		number = round * test_ranks + test_rank;
		if (round % 2 == 0) {
			CALL(MPI_File_write_ordered(file, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
		} else {
			CALL(MPI_File_write_ordered_begin(file, &number, 1, MPI_INT));
			CALL(MPI_File_write_ordered_end(file, &number, MPI_STATUS_IGNORE));
		}
	}
	for (int round = 0; round < ROUNDS_IN_A_ROW; round++) {
		CALL(MPI_File_read_at(file, 4 * (round * test_ranks + test_rank), &number, 1, MPI_INT, MPI_STATUS_IGNORE));
		CHECK(number == round * test_ranks + test_rank);
	}
	MPI_Barrier(MPI_COMM_WORLD);
	CALL(MPI_File_seek_shared(file, 0, MPI_SEEK_SET));
	for (int round = 0; round < ROUNDS_IN_A_ROW; round++) {
		CALL(MPI_File_read_ordered(file, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
		CHECK(number == round * test_ranks + test_rank);
	}
}

/* What ROMIO's own does: the first of these leaves all ranks but the first waiting, and the last one fails. */
static void bad_places(MPI_File file)
{
	MPI_Offset position = -1;

	FAILS(MPI_ERR_ARG, MPI_File_seek_shared(file, -1, MPI_SEEK_SET));
	CALL(MPI_File_seek_shared(file, 3, MPI_SEEK_SET));
	FAILS(MPI_ERR_ARG, MPI_File_seek_shared(file, -4, MPI_SEEK_CUR));
	FAILS(MPI_ERR_ARG, MPI_File_seek_shared(file, 0, 12345));
	CALL(MPI_File_get_position_shared(file, &position));
	CHECK(position == 3);
	/* A view that begins behind the end has its end at its begin. */
	CALL(MPI_File_set_view(file, 1 << 20, MPI_INT, MPI_INT, "native", MPI_INFO_NULL));
	CALL(MPI_File_seek(file, 0, MPI_SEEK_END));
	CALL(MPI_File_get_position(file, &position));
	CHECK(position == 0);
	CALL(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL));
}

/* Every rank writes with the shared pointer as it likes: each record is there once. */
static void shared(MPI_File file)
{
	int number, seen[2 * ROUNDS] = { 0 };
	MPI_Offset size;

	CALL(MPI_File_set_size(file, 0));
	CALL(MPI_File_seek_shared(file, 0, MPI_SEEK_SET));
	if (test_rank < 2) {
		for (int round = 0; round < ROUNDS; round++) {
			number = test_rank * ROUNDS + round;
			CALL(MPI_File_write_shared(file, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
		}
	}
	MPI_Barrier(MPI_COMM_WORLD);
	CALL(MPI_File_get_size(file, &size));
	CHECK(size == 4 * 2 * ROUNDS);
	for (int i = 0; i < 2 * ROUNDS; i++) {
		CALL(MPI_File_read_at(file, 4 * i, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
		CHECK(number >= 0 && number < 2 * ROUNDS && seen[number] == 0);
		seen[number] = 1;
	}
	CALL(MPI_File_seek_shared(file, -4, MPI_SEEK_END));
	CALL(MPI_File_get_position_shared(file, &size));
	CHECK(size == 4 * (2 * ROUNDS - 1));
}

/* A new view begins at zero; offsets are in elements of it. */
static void views(MPI_File file)
{
	MPI_Offset position;
	int number = -1;

	CALL(MPI_File_set_view(file, 8, MPI_INT, MPI_INT, "native", MPI_INFO_NULL));
	CALL(MPI_File_get_position_shared(file, &position));
	CHECK(position == 0);
	CALL(MPI_File_seek_shared(file, 2, MPI_SEEK_SET));
	CALL(MPI_File_read_ordered(file, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
	MPI_Barrier(MPI_COMM_WORLD);
	CALL(MPI_File_get_position_shared(file, &position));
	CHECK(position == 2 + test_ranks);
	MPI_Barrier(MPI_COMM_WORLD);
	CALL(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL));
}

/* In atomic mode a reader sees all of a write or nothing of it, however many pieces it has. */
static void atomic(MPI_File file)
{
	MPI_Datatype pieces;
	char data[64];
	int flag;

	MPI_Type_vector(64, 1, 3000, MPI_BYTE, &pieces);
	MPI_Type_commit(&pieces);
	memset(data, 0, sizeof data);
	CALL(MPI_File_set_view(file, 0, MPI_BYTE, pieces, "native", MPI_INFO_NULL));
	CALL(MPI_File_set_atomicity(file, 1));
	CALL(MPI_File_get_atomicity(file, &flag));
	CHECK(flag);
	if (test_rank == 0)
		CALL(MPI_File_write_at(file, 0, data, sizeof data, MPI_BYTE, MPI_STATUS_IGNORE));
	MPI_Barrier(MPI_COMM_WORLD);
	for (int round = 1; round <= ROUNDS; round++) {
		if (test_rank == 0) {
			memset(data, round, sizeof data);
			CALL(MPI_File_write_at(file, 0, data, sizeof data, MPI_BYTE, MPI_STATUS_IGNORE));
			continue;
		}
		CALL(MPI_File_read_at(file, 0, data, sizeof data, MPI_BYTE, MPI_STATUS_IGNORE));
		for (size_t i = 1; i < sizeof data; i++)
			CHECK(data[i] == data[0]);
	}
	MPI_Barrier(MPI_COMM_WORLD);
	CALL(MPI_File_set_atomicity(file, 0));
	MPI_Type_free(&pieces);
}

int main(int count, char **arguments)
{
	MPI_File file;

	test_begin(&count, &arguments);
	file = test_open("shared", MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE);
	/* ROMIO's own shared pointer does not keep this order: it counts on two-phase buffering to do so. */
	if (strncmp(test_directory, "daos:", 5) == 0) {
		ordered(file);
		ordered_in_a_row(file);
		bad_places(file);
	}
	shared(file);
	views(file);
	atomic(file);
	CALL(MPI_File_close(&file));
	return test_end();
}
