/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Memory of files: a rank that gets none lets no other one have the file, and nothing is used that was given back. A rank behind the one that opens
 * crashed without memory; closing looked into a mount that it had given back; and a file that could not be opened stayed in the table of
 * our files, so that one of the MPI library's in the same place was taken for it.
 *
 * This program has functions for memory of its own, which clear what is given back, and refuse what the driver asks for when they are told to.
 */
#include "test.h"

#include <dlfcn.h>
#include <malloc.h>
#include <unistd.h>

/* The driver's part of an open file has room for a sentence, which nothing else has that it asks for while a file is opened. */
enum { FILE_BYTES_MIN = 512 };

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void __libc_free(void *memory);

/* What is refused: an open file, or what the driver asks for next. */
static enum refused { NOTHING, FILES, NEXT } refused;
static bool is_next;
static int refusals;

static bool is_driver(void *caller)
{
	Dl_info about;

	return dladdr(caller, &about) != 0 && strstr(about.dli_fname, "libdaos_mpiio") != NULL;
}

void *malloc(size_t bytes)
{
	if (refused == NEXT && is_next && is_driver(__builtin_return_address(0))) {
		is_next = false;
		refusals++;
		return NULL;
	}
	return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
	if (refused != NOTHING && count == 1 && bytes >= FILE_BYTES_MIN && is_driver(__builtin_return_address(0))) {
		is_next = refused == NEXT;
		if (refused == FILES) {
			refusals++;
			return NULL;
		}
	}
	return __libc_calloc(count, bytes);
}

void free(void *memory)
{
	if (memory != NULL)
		memset(memory, 0, malloc_usable_size(memory));
	__libc_free(memory);
}

static void without_memory(int rank, enum refused what)
{
	MPI_File file = MPI_FILE_NULL;

	snprintf(test_doing, sizeof test_doing, "rank %d is refused memory %d", rank, what);
	refusals = 0;
	refused = rank == test_rank ? what : NOTHING;
	FAILS(MPI_ERR_NO_MEM, MPI_File_open(MPI_COMM_WORLD, test_name("lifetimes"), MPI_MODE_CREATE | MPI_MODE_RDWR, MPI_INFO_NULL, &file));
	refused = NOTHING;
	CHECK(refusals == (rank == test_rank));
	file = test_open("lifetimes", MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE);
	CALL(MPI_File_write_at_all(file, test_rank, "a", 1, MPI_BYTE, MPI_STATUS_IGNORE));
	CALL(MPI_File_close(&file));
	test_doing[0] = '\0';
}

/* Files of the MPI library's, in whose places files of ours might have been that could not be opened. */
static void others(void)
{
	enum { FILES_AT_ONCE = 20 };
	MPI_File file, local[FILES_AT_ONCE];
	char name[] = "/tmp/mpiio_lifetimes_XXXXXX", byte = 'b', back;
	int descriptor = mkstemp(name);

	CHECK(descriptor >= 0);
	close(descriptor);
	for (int i = 0; i < FILES_AT_ONCE; i++)
		FAILS(MPI_ERR_NO_SUCH_FILE, MPI_File_open(MPI_COMM_SELF, test_name("missing"), MPI_MODE_RDWR, MPI_INFO_NULL, &file));
	for (int i = 0; i < FILES_AT_ONCE; i++) {
		CALL(MPI_File_open(MPI_COMM_SELF, name, MPI_MODE_RDWR, MPI_INFO_NULL, &local[i]));
		CALL(MPI_File_write_at(local[i], i, &byte, 1, MPI_BYTE, MPI_STATUS_IGNORE));
		CALL(MPI_File_read_at(local[i], 0, &back, 1, MPI_BYTE, MPI_STATUS_IGNORE));
		CHECK(back == byte);
	}
	for (int i = 0; i < FILES_AT_ONCE; i++)
		CALL(MPI_File_close(&local[i]));
	CALL(MPI_File_delete(name, MPI_INFO_NULL));
}

int main(int count, char **arguments)
{
	test_begin(&count, &arguments);
	CHECK(strncmp(test_directory, "daos:", 5) == 0);
	for (int rank = 0; rank < test_ranks; rank++) {
		without_memory(rank, FILES);
		/* The first one asks for other things next. */
		if (rank > 0)
			without_memory(rank, NEXT);
	}
	others();
	return test_end();
}
