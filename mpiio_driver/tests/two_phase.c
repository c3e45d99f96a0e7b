/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * One rank's call for the file fails in the middle of two-phase buffering: all ranks come back, with the same class, and the file goes on.
 * ROMIO returned at once on the rank whose call had failed, and the others waited for ever for its part in the rounds that followed.
 *
 * This program has a daos_array_read and a daos_array_write of its own, which the driver calls.
 */
#include "test.h"

#include <daos.h>
#include <dlfcn.h>

/* Pieces of the ranks by turns. A round takes BUFFER bytes, so that many rounds are left when a call fails. */
enum { PIECE = 4096, PIECES = 512, BYTES = PIECE * PIECES, BUFFER = 256 << 10, CALLS_BEFORE = 2 };

typedef int access_array(daos_handle_t, daos_handle_t, daos_array_iod_t *, d_sg_list_t *, daos_event_t *);

/* What this rank's calls give after the first few; zero lets them through. And how many were made. */
static int answer, calls;

static bool is_to_fail(void)
{
	return answer != 0 && ++calls > CALLS_BEFORE;
}

int daos_array_write(daos_handle_t array, daos_handle_t transaction, daos_array_iod_t *ranges, d_sg_list_t *pieces,
	daos_event_t *event)
{
	access_array *next = (access_array *)dlsym(RTLD_NEXT, "daos_array_write");

	return is_to_fail() ? answer : next(array, transaction, ranges, pieces, event);
}

int daos_array_read(daos_handle_t array, daos_handle_t transaction, daos_array_iod_t *ranges, d_sg_list_t *pieces,
	daos_event_t *event)
{
	access_array *next = (access_array *)dlsym(RTLD_NEXT, "daos_array_read");

	return is_to_fail() ? answer : next(array, transaction, ranges, pieces, event);
}

/* One rank of those that transfer for all is to fail. */
static void fail_on(int rank, int number)
{
	answer = rank == test_rank ? -number : 0;
	calls = 0;
}

static void check_failed_once(int rank)
{
	/* The call that failed was the last one. */
	CHECK(rank != test_rank || calls == CALLS_BEFORE + 1);
	fail_on(-1, 0);
	MPI_Barrier(MPI_COMM_WORLD);
}

static MPI_File open_buffered(int transferring)
{
	MPI_Datatype view;
	MPI_Info hints;
	MPI_File file;
	char text[32];

	MPI_Info_create(&hints);
	MPI_Info_set(hints, "romio_cb_write", "enable");
	MPI_Info_set(hints, "romio_cb_read", "enable");
	MPI_Info_set(hints, "cb_config_list", "*:*");
	snprintf(text, sizeof text, "%d", transferring);
	MPI_Info_set(hints, "cb_nodes", text);
	snprintf(text, sizeof text, "%d", BUFFER);
	MPI_Info_set(hints, "cb_buffer_size", text);
	CALL(MPI_File_open(MPI_COMM_WORLD, test_name("two_phase"), MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE,
		hints, &file));
	MPI_Info_free(&hints);
	MPI_Type_vector(PIECES, PIECE, PIECE * test_ranks, MPI_BYTE, &view);
	MPI_Type_commit(&view);
	CALL(MPI_File_set_view(file, (MPI_Offset)test_rank * PIECE, MPI_BYTE, view, "native", MPI_INFO_NULL));
	MPI_Type_free(&view);
	return file;
}

static void check_file(int transferring, int failing)
{
	char *data = malloc(BYTES), *back = calloc(1, BYTES);
	MPI_File file = open_buffered(transferring);
	MPI_Offset position;

	snprintf(test_doing, sizeof test_doing, "%d ranks transfer, rank %d fails", transferring, failing);
	for (int i = 0; i < BYTES; i++)
		data[i] = (char)(i * 7 + i / PIECE + test_rank);
	fail_on(failing, DER_NOSPACE);
	FAILS(MPI_ERR_NO_SPACE, MPI_File_write_all(file, data, BYTES, MPI_BYTE, MPI_STATUS_IGNORE));
	check_failed_once(failing);
	CALL(MPI_File_get_position(file, &position));
	CHECK(position == 0);
	CALL(MPI_File_write_all(file, data, BYTES, MPI_BYTE, MPI_STATUS_IGNORE));
	fail_on(failing, DER_CSUM);
	FAILS(MPI_ERR_IO, MPI_File_read_at_all(file, 0, back, BYTES, MPI_BYTE, MPI_STATUS_IGNORE));
	check_failed_once(failing);
	CALL(MPI_File_read_at_all(file, 0, back, BYTES, MPI_BYTE, MPI_STATUS_IGNORE));
	CHECK(memcmp(data, back, BYTES) == 0);

	/* The shared pointer has moved on all ranks, or on none, and the next access goes on from there. */
	CALL(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL));
	fail_on(failing, DER_NOSPACE);
	FAILS(MPI_ERR_NO_SPACE, MPI_File_write_ordered(file, data, BYTES, MPI_BYTE, MPI_STATUS_IGNORE));
	check_failed_once(failing);
	CALL(MPI_File_seek_shared(file, 0, MPI_SEEK_SET));
	CALL(MPI_File_write_ordered(file, data, BYTES, MPI_BYTE, MPI_STATUS_IGNORE));
	memset(back, 0, BYTES);
	CALL(MPI_File_read_at_all(file, (MPI_Offset)test_rank * BYTES, back, BYTES, MPI_BYTE, MPI_STATUS_IGNORE));
	CHECK(memcmp(data, back, BYTES) == 0);
	CALL(MPI_File_close(&file));
	free(data);
	free(back);
}

int main(int count, char **arguments)
{
	test_begin(&count, &arguments);
	CHECK(strncmp(test_directory, "daos:", 5) == 0);
	check_file(1, 0);
	check_file(test_ranks, 0);
	check_file(test_ranks, test_ranks - 1);
	return test_end();
}
