/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Sizes, the end of a file, hints, external data, nonblocking and split calls. */
#include "test.h"

static void sizes(MPI_File file)
{
	MPI_Offset size;
	MPI_Status status;
	char bytes[100];
	int count;

	CALL(MPI_File_set_size(file, 1000));
	CALL(MPI_File_get_size(file, &size));
	CHECK(size == 1000);
	CALL(MPI_File_preallocate(file, 500));
	CALL(MPI_File_get_size(file, &size));
	CHECK(size == 1000);
	CALL(MPI_File_preallocate(file, 3000));
	CALL(MPI_File_get_size(file, &size));
	CHECK(size == 3000);
	MPI_Barrier(MPI_COMM_WORLD);
	CALL(MPI_File_set_size(file, 50));
	/* What is cut off and made longer again is zero, and a read that meets the end gets less. */
	memset(bytes, 1, sizeof bytes);
	CALL(MPI_File_read_at_all(file, 0, bytes, sizeof bytes, MPI_BYTE, &status));
	MPI_Get_count(&status, MPI_BYTE, &count);
	CHECK(count == 50 && bytes[0] == 0 && bytes[49] == 0);
	CALL(MPI_File_seek(file, 40, MPI_SEEK_SET));
	CALL(MPI_File_read(file, bytes, sizeof bytes, MPI_BYTE, &status));
	MPI_Get_count(&status, MPI_BYTE, &count);
	CHECK(count == 10);
	CALL(MPI_File_get_position(file, &size));
	CHECK(size == 50);
	CALL(MPI_File_read(file, bytes, sizeof bytes, MPI_BYTE, &status));
	MPI_Get_count(&status, MPI_BYTE, &count);
	CHECK(count == 0);
	CALL(MPI_File_seek(file, -20, MPI_SEEK_END));
	CALL(MPI_File_get_position(file, &size));
	CHECK(size == 30);
	MPI_Barrier(MPI_COMM_WORLD);
}

static void nonblocking(MPI_File file)
{
	int numbers[64], back[64], count;
	MPI_Request requests[2];
	MPI_Status statuses[2];
	MPI_Offset at = (MPI_Offset)sizeof numbers * test_rank;

	for (int i = 0; i < 64; i++)
		numbers[i] = test_rank * 1000 + i;
	CALL(MPI_File_iwrite_at(file, at, numbers, 32, MPI_INT, &requests[0]));
	CALL(MPI_File_iwrite_at(file, at + 128, numbers + 32, 32, MPI_INT, &requests[1]));
	CALL(MPI_Waitall(2, requests, statuses));
	MPI_Get_count(&statuses[1], MPI_INT, &count);
	CHECK(count == 32);
	CALL(MPI_File_iread_at_all(file, at, back, 64, MPI_INT, requests));
	CALL(MPI_Wait(requests, statuses));
	MPI_Get_count(statuses, MPI_INT, &count);
	CHECK(count == 64 && memcmp(numbers, back, sizeof numbers) == 0);
	memset(back, 0, sizeof back);
	CALL(MPI_File_read_at_all_begin(file, at, back, 64, MPI_INT));
	CALL(MPI_File_read_at_all_end(file, back, statuses));
	CHECK(memcmp(numbers, back, sizeof numbers) == 0);
	/* A collective call that is started must not wait for the other rank, which waits for us. */
	if (test_rank == 0) {
		CALL(MPI_File_iwrite_at_all(file, at, numbers, 64, MPI_INT, requests));
		for (int rank = 1; rank < test_ranks; rank++)
			MPI_Send(NULL, 0, MPI_BYTE, rank, 0, MPI_COMM_WORLD);
	} else {
		MPI_Recv(NULL, 0, MPI_BYTE, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
		CALL(MPI_File_iwrite_at_all(file, at, numbers, 64, MPI_INT, requests));
	}
	CALL(MPI_Wait(requests, statuses));
	MPI_Barrier(MPI_COMM_WORLD);
}

static void external(MPI_File file)
{
	int numbers[4] = { 1, 2, 3, 0x01020304 }, back[4] = { 0 };
	unsigned char bytes[16];
	MPI_Aint extent;

	CALL(MPI_File_set_size(file, 0));
	CALL(MPI_File_set_view(file, 0, MPI_INT, MPI_INT, "external32", MPI_INFO_NULL));
	CALL(MPI_File_get_type_extent(file, MPI_INT, &extent));
	CHECK(extent == 4);
	CALL(MPI_File_write_at(file, 4 * test_rank, numbers, 4, MPI_INT, MPI_STATUS_IGNORE));
	CALL(MPI_File_read_at(file, 4 * test_rank, back, 4, MPI_INT, MPI_STATUS_IGNORE));
	CHECK(memcmp(numbers, back, sizeof numbers) == 0);
	CALL(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL));
	CALL(MPI_File_read_at(file, 16 * test_rank, bytes, 16, MPI_BYTE, MPI_STATUS_IGNORE));
	/* The most significant byte comes first, whatever the machine does. */
	CHECK(bytes[3] == 1 && bytes[7] == 2 && bytes[12] == 1 && bytes[15] == 4);
}

static void hints(void)
{
	char value[MPI_MAX_INFO_VAL + 1];
	MPI_Info info, used;
	MPI_File file;
	int given;

	MPI_Info_create(&info);
	MPI_Info_set(info, "striping_unit", "65536");
	MPI_Info_set(info, "romio_cb_write", "enable");
	CALL(MPI_File_open(MPI_COMM_WORLD, test_name("hints"), MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE,
		info, &file));
	CALL(MPI_File_get_info(file, &used));
	MPI_Info_get(used, "romio_cb_write", MPI_MAX_INFO_VAL, value, &given);
	CHECK(given && strcmp(value, "enable") == 0);
	if (strncmp(test_directory, "daos:", 5) == 0) {
		MPI_Info_get(used, "romio_daos_chunk_size", MPI_MAX_INFO_VAL, value, &given);
		CHECK(given && strcmp(value, "65536") == 0);
	}
	MPI_Info_free(&info);
	MPI_Info_free(&used);
	/* Two-phase buffering, with holes. */
	MPI_Datatype view;
	int numbers[50], back[50];
	MPI_Type_create_resized(MPI_INT, 0, 4 * (test_ranks + 1), &view);
	MPI_Type_commit(&view);
	CALL(MPI_File_set_view(file, 4 * test_rank, MPI_INT, view, "native", MPI_INFO_NULL));
	for (int i = 0; i < 50; i++)
		numbers[i] = test_rank * 50 + i;
	CALL(MPI_File_write_all(file, numbers, 50, MPI_INT, MPI_STATUS_IGNORE));
	MPI_Barrier(MPI_COMM_WORLD);
	CALL(MPI_File_read_at_all(file, 0, back, 50, MPI_INT, MPI_STATUS_IGNORE));
	CHECK(memcmp(numbers, back, sizeof back) == 0);
	MPI_Type_free(&view);
	CALL(MPI_File_close(&file));
}

int main(int count, char **arguments)
{
	MPI_File file;

	test_begin(&count, &arguments);
	file = test_open("sizes", MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE);
	sizes(file);
	nonblocking(file);
	external(file);
	CALL(MPI_File_close(&file));
	hints();
	return test_end();
}
