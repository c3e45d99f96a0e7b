/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Views in the representation external32: every kind of call writes numbers with the largest byte first, and reads them. ROMIO's own
 * converted in some of them only: nonblocking calls and MPI_File_read_ordered gave bytes as they were. Only in containers: MPICH's
 * own MPI-IO still does that.
 */
#include "test.h"

enum { NUMBERS = 12, KINDS = 8, GAPS = 3 };

static int numbers[NUMBERS * GAPS], back[NUMBERS * GAPS];
static MPI_Datatype spread;

static void wait_for(MPI_Request *request)
{
	MPI_Status status;
	int count;

	CALL(MPI_Wait(request, &status));
	MPI_Get_count(&status, MPI_INT, &count);
	CHECK(count == NUMBERS);
}

/* Where the numbers of a rank are in the view, for kinds of calls that say so. */
static void write_by(MPI_File file, int kind, int at)
{
	MPI_Request request;

	CALL(MPI_File_seek(file, at, MPI_SEEK_SET));
	switch (kind) {
	case 0: CALL(MPI_File_write_at(file, at, numbers, 1, spread, MPI_STATUS_IGNORE)); break;
	case 1: CALL(MPI_File_write_all(file, numbers, 1, spread, MPI_STATUS_IGNORE)); break;
	case 2: CALL(MPI_File_write_ordered(file, numbers, 1, spread, MPI_STATUS_IGNORE)); break;
	case 3:
		CALL(MPI_File_iwrite_at(file, at, numbers, 1, spread, &request));
		wait_for(&request);
		break;
	case 4:
		CALL(MPI_File_iwrite(file, numbers, 1, spread, &request));
		wait_for(&request);
		break;
	case 5:
		CALL(MPI_File_iwrite_all(file, numbers, 1, spread, &request));
		wait_for(&request);
		break;
	case 6:
		CALL(MPI_File_write_all_begin(file, numbers, 1, spread));
		CALL(MPI_File_write_all_end(file, numbers, MPI_STATUS_IGNORE));
		break;
	default:
		CALL(MPI_File_write_ordered_begin(file, numbers, 1, spread));
		CALL(MPI_File_write_ordered_end(file, numbers, MPI_STATUS_IGNORE));
	}
}

static void read_by(MPI_File file, int kind, int at)
{
	MPI_Request request;

	memset(back, 0xff, sizeof back);
	CALL(MPI_File_seek(file, at, MPI_SEEK_SET));
	switch (kind) {
	case 0: CALL(MPI_File_read_at(file, at, back, 1, spread, MPI_STATUS_IGNORE)); break;
	case 1: CALL(MPI_File_read_all(file, back, 1, spread, MPI_STATUS_IGNORE)); break;
	case 2: CALL(MPI_File_read_ordered(file, back, 1, spread, MPI_STATUS_IGNORE)); break;
	case 3:
		CALL(MPI_File_iread_at(file, at, back, 1, spread, &request));
		wait_for(&request);
		break;
	case 4:
		CALL(MPI_File_iread(file, back, 1, spread, &request));
		wait_for(&request);
		break;
	case 5:
		CALL(MPI_File_iread_at_all(file, at, back, 1, spread, &request));
		wait_for(&request);
		break;
	case 6:
		CALL(MPI_File_read_at_all_begin(file, at, back, 1, spread));
		CALL(MPI_File_read_at_all_end(file, back, MPI_STATUS_IGNORE));
		break;
	default:
		CALL(MPI_File_read_ordered_begin(file, back, 1, spread));
		CALL(MPI_File_read_ordered_end(file, back, MPI_STATUS_IGNORE));
	}
	for (int i = 0; i < NUMBERS * GAPS; i++)
		CHECK(back[i] == (i % GAPS == 0 ? numbers[i] : -1));
}

static void set(MPI_File file, const char *representation)
{
	char now[MPI_MAX_DATAREP_STRING];
	MPI_Datatype etype, type;
	MPI_Offset at;

	CALL(MPI_File_set_view(file, 0, MPI_INT, MPI_INT, representation, MPI_INFO_NULL));
	CALL(MPI_File_get_view(file, &at, &etype, &type, now));
	CHECK(strcmp(now, representation) == 0);
}

/* What is at a place of the file, as bytes. */
static void check_bytes(MPI_File file, int at)
{
	unsigned char bytes[NUMBERS][4];
	int number = 0;

	set(file, "native");
	CALL(MPI_File_read_at_all(file, at, bytes, sizeof bytes, MPI_BYTE, MPI_STATUS_IGNORE));
	for (int i = 0; i < NUMBERS; i++) {
		number = bytes[i][0] << 24 | bytes[i][1] << 16 | bytes[i][2] << 8 | bytes[i][3];
		CHECK(number == numbers[i * GAPS]);
	}
	set(file, "external32");
}

int main(int count, char **arguments)
{
	MPI_File file;
	MPI_Status status;
	int at, got;

	test_begin(&count, &arguments);
	if (strncmp(test_directory, "daos:", 5) != 0)
		return test_end();
	MPI_Type_vector(NUMBERS, 1, GAPS, MPI_INT, &spread);
	MPI_Type_commit(&spread);
	file = test_open("external32", MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE);
	at = test_rank * NUMBERS;
	for (int kind = 0; kind < KINDS; kind++) {
		for (int i = 0; i < NUMBERS * GAPS; i++)
			numbers[i] = 0x01020304 + 1000 * kind + 100 * test_rank + i;
		/* A new view sets the shared pointer to the begin, where the first rank's numbers are. */
		set(file, "external32");
		write_by(file, kind, at);
		MPI_Barrier(MPI_COMM_WORLD);
		check_bytes(file, at);
		read_by(file, kind, at);
		MPI_Barrier(MPI_COMM_WORLD);
	}
	/* Numbers without gaps, behind the end of which there is nothing more. */
	memset(back, 0xff, sizeof back);
	CALL(MPI_File_read_at(file, test_ranks * NUMBERS - 2, back, 5, MPI_INT, &status));
	MPI_Get_count(&status, MPI_INT, &got);
	CHECK(got == 2 && back[0] != -1 && back[1] != -1);
	for (int i = got; i < 5; i++)
		CHECK(back[i] == -1);
	FAILS(MPI_ERR_UNSUPPORTED_DATAREP, MPI_File_set_view(file, 0, MPI_INT, MPI_INT, "unheard", MPI_INFO_NULL));
	read_by(file, 0, at);
	CALL(MPI_File_close(&file));
	MPI_Type_free(&spread);
	return test_end();
}
