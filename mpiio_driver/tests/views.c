/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Views and memory that are not contiguous. The first three are what upstream's driver does wrong: a request that ends
 * inside of a block (it failed and wrote nothing), resized types (wrong data, no error), and repeated collective writes
 * through a darray (data lost).
 */
#include "test.h"

enum { BYTES = 4096 };

static unsigned char expected[BYTES], got[BYTES];

/* Reads the beginning of the file as it is and compares. */
static void compare(MPI_File file, int length)
{
	MPI_Status status;
	int count;

	MPI_Barrier(MPI_COMM_WORLD);
	CALL(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL));
	memset(got, 0xee, sizeof got);
	CALL(MPI_File_read_at(file, 0, got, sizeof got, MPI_BYTE, &status));
	MPI_Get_count(&status, MPI_BYTE, &count);
	CHECK(count == length);
	CHECK(memcmp(got, expected, (size_t)length) == 0);
	MPI_Barrier(MPI_COMM_WORLD);
}

static void fill(unsigned char *bytes, int length, int key)
{
	for (int i = 0; i < length; i++)
		bytes[i] = (unsigned char)(key * 61 + i * 7 + 1);
}

static MPI_File fresh(const char *name)
{
	MPI_File file = test_open(name, MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE);

	memset(expected, 0, sizeof expected);
	return file;
}

/* Blocks of 8 bytes, one for each rank in turn; 3 blocks and a half are written. */
static void ends_inside_a_block(void)
{
	MPI_File file = fresh("inside");
	MPI_Datatype vector, view;
	unsigned char data[28];
	MPI_Offset position;

	MPI_Type_vector(2, 8, 8 * test_ranks, MPI_BYTE, &vector);
	MPI_Type_create_resized(vector, 0, 16 * test_ranks, &view);
	MPI_Type_commit(&view);
	CALL(MPI_File_set_view(file, 8 * test_rank, MPI_BYTE, view, "native", MPI_INFO_NULL));
	fill(data, sizeof data, test_rank);
	CALL(MPI_File_write_all(file, data, sizeof data, MPI_BYTE, MPI_STATUS_IGNORE));
	CALL(MPI_File_get_position(file, &position));
	CHECK(position == sizeof data);
	/* The rest of the block, from the pointer on. */
	CALL(MPI_File_write_all(file, data, 4, MPI_BYTE, MPI_STATUS_IGNORE));
	for (int rank = 0; rank < test_ranks; rank++) {
		fill(data, sizeof data, rank);
		for (int i = 0; i < 32; i++)
			expected[(i / 8 * test_ranks + rank) * 8 + i % 8] = data[i < 28 ? i : i - 28];
	}
	compare(file, 32 * test_ranks);
	MPI_Type_free(&vector);
	MPI_Type_free(&view);
	CALL(MPI_File_close(&file));
}

/* An int of each three, by a type whose extent is larger than its data. */
static void resized(void)
{
	MPI_File file = fresh("resized");
	int data[10], back[10];
	MPI_Datatype view, memory;

	MPI_Type_create_resized(MPI_INT, 0, 12, &view);
	MPI_Type_commit(&view);
	MPI_Type_create_resized(MPI_INT, 0, 8, &memory);
	MPI_Type_commit(&memory);
	CALL(MPI_File_set_view(file, 4 * test_rank, MPI_INT, view, "native", MPI_INFO_NULL));
	for (int i = 0; i < 10; i++)
		data[i] = 100 * test_rank + i;
	/* Five of them, every other int in memory. */
	CALL(MPI_File_write_at_all(file, 0, data, 5, memory, MPI_STATUS_IGNORE));
	memset(back, 0xff, sizeof back);
	CALL(MPI_File_read_at_all(file, 1, back, 3, memory, MPI_STATUS_IGNORE));
	for (int i = 0; i < 10; i++)
		CHECK(back[i] == (i % 2 == 0 && i < 6 ? data[i + 2] : -1));
	for (int rank = 0; rank < test_ranks; rank++) {
		for (int i = 0; i < 5; i++)
			((int *)expected)[3 * i + rank] = 100 * rank + 2 * i;
	}
	compare(file, 48 + 4 * test_ranks);
	MPI_Type_free(&view);
	MPI_Type_free(&memory);
	CALL(MPI_File_close(&file));
}

/* A cyclic distribution, and one collective write after the other through it. */
static void darray(void)
{
	MPI_File file = fresh("darray");
	int sizes[] = { 96 }, kinds[] = { MPI_DISTRIBUTE_CYCLIC }, arguments[] = { 3 }, grid[] = { test_ranks };
	MPI_Datatype view;
	unsigned char data[24];

	MPI_Type_create_darray(test_ranks, test_rank, 1, sizes, kinds, arguments, grid, MPI_ORDER_C, MPI_BYTE, &view);
	MPI_Type_commit(&view);
	CALL(MPI_File_set_view(file, 0, MPI_BYTE, view, "native", MPI_INFO_NULL));
	for (int i = 0; i < 8; i++) {
		fill(data, sizeof data, 10 * test_rank + i);
		CALL(MPI_File_write_all(file, data, sizeof data, MPI_BYTE, MPI_STATUS_IGNORE));
	}
	for (int rank = 0; rank < test_ranks; rank++) {
		for (int i = 0; i < 8 * 24; i++) {
			fill(data, sizeof data, 10 * rank + i / 24);
			expected[(i / 3 * test_ranks + rank) * 3 + i % 3] = data[i % 24];
		}
	}
	compare(file, 8 * 24 * test_ranks);
	MPI_Type_free(&view);
	CALL(MPI_File_close(&file));
}

/* A part of a matrix in each order, and a struct in memory with a gap in the middle. */
static void subarrays(void)
{
	for (int order = 0; order < 2; order++) {
		MPI_File file = fresh("subarray");
		int sizes[] = { 8, 4 * test_ranks }, parts[] = { 4, 4 }, starts[] = { 2, 4 * test_rank };
		MPI_Datatype view;
		unsigned char data[16];

		MPI_Type_create_subarray(2, sizes, parts, starts, order == 0 ? MPI_ORDER_C : MPI_ORDER_FORTRAN, MPI_BYTE,
			&view);
		MPI_Type_commit(&view);
		CALL(MPI_File_set_view(file, 0, MPI_BYTE, view, "native", MPI_INFO_NULL));
		fill(data, sizeof data, test_rank);
		CALL(MPI_File_write_all(file, data, 16, MPI_BYTE, MPI_STATUS_IGNORE));
		int end = 0;
		for (int rank = 0; rank < test_ranks; rank++) {
			fill(data, sizeof data, rank);
			for (int i = 0; i < 16; i++) {
				int row = 2 + (order == 0 ? i / 4 : i % 4), column = 4 * rank + (order == 0 ? i % 4 : i / 4);
				int at = order == 0 ? row * sizes[1] + column : row + column * sizes[0];

				expected[at] = data[i];
				if (at >= end)
					end = at + 1;
			}
		}
		compare(file, end);
		MPI_Type_free(&view);
		CALL(MPI_File_close(&file));
	}
}

/* A predefined type with a gap: a short and an int. */
static void pairs(void)
{
	MPI_File file = fresh("pairs");
	struct {
		short first;
		int second;
	} data[4], back[4];
	MPI_Status status;

	memset(data, 0x55, sizeof data);
	memset(back, 0x55, sizeof back);
	for (int i = 0; i < 4; i++) {
		data[i].first = (short)(100 * test_rank + i);
		data[i].second = -i;
	}
	CALL(MPI_File_write_at(file, 24 * test_rank, data, 4, MPI_SHORT_INT, MPI_STATUS_IGNORE));
	CALL(MPI_File_read_at(file, 24 * test_rank, back, 4, MPI_SHORT_INT, &status));
	for (int i = 0; i < 4; i++)
		CHECK(back[i].first == data[i].first && back[i].second == data[i].second);
	CALL(MPI_File_close(&file));
}

int main(int count, char **arguments)
{
	test_begin(&count, &arguments);
	ends_inside_a_block();
	resized();
	darray();
	subarrays();
	if (strncmp(test_directory, "daos:", 5) == 0)
		pairs();
	return test_end();
}
