/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Random sequences of calls on two files at once: one in a container, and one on the local file system, by MPICH's own
 * driver. What each call gives (class of error, status, data, pointers, sizes) must be the same in both, and that of an
 * array of bytes. sequences DIRECTORY SEED LOCAL_DIRECTORY; without the last one, the array alone decides.
 *
 * MPICH's own driver (4.0.2) comes to the end of few sequences: it writes other bytes than the type says, or never returns,
 * when memory has gaps, so it is given the same bytes without gaps; and some views it gets wrong as well. When the local file
 * is not like the array, that is printed, and the rest is compared with the array alone.
 *
 * All ranks draw the same numbers. What two ranks do at the same time does not depend on who is first: the ranks write
 * disjoint parts of the file, or one of them writes.
 */
#include "sequences/files.h"

#include <inttypes.h>

/* Fewer where ranks are more than processors may be: each step has dozens of barriers, in which MPICH's ranks poll. */
enum { STEPS = 100, STEPS_OF_MANY = 30, RANKS_MANY = 3 };

static void resize_files(void)
{
	int size = (int)draw(FILE_BYTES / 8);
	bool sets = draw(2) == 0;

	if ((mode & MPI_MODE_RDWR) == 0)
		return;
	if (sets)
		BOTH_WELL(MPI_File_set_size(file, size));
	else
		BOTH_WELL(MPI_File_preallocate(file, size));
	if (sets && size < model_size)
		memset(model + size, 0, (size_t)(model_size - size));
	if (sets || size > model_size)
		model_size = size;
	CHECK(number_of(MPI_File_get_size, "size") == model_size);
}

static void seek_files(void)
{
	static const int WHENCE[] = { MPI_SEEK_SET, MPI_SEEK_CUR, MPI_SEEK_END };
	int whence = WHENCE[draw(3)], offset = (int)draw(40) - 10;
	MPI_Offset at, bytes[2] = { 0 };

	at = POSITION();
	BOTH(MPI_File_seek(file, offset, whence));
	at = POSITION();
	CHECK(at >= 0);
	if (!is_disjoint) {
		/* MPICH's own leaves all ranks but the first waiting for a place before the begin. */
		BOTH_WELL(MPI_File_seek_shared(file, offset < 0 ? -offset : offset, whence));
		CHECK(SHARED_POSITION() >= 0);
	}
	at = draw(100);
	for (int i = 0; i < file_count; i++)
		CALL(MPI_File_get_byte_offset(files[i], at, &bytes[i]));
	CHECK(bytes[0] == place(test_rank, (int)at * view.unit));
	MPI_Barrier(MPI_COMM_WORLD);
	if (file_count > 1)
		judge_local(bytes[1] != bytes[0], "byte offset");
}

static void switch_atomicity(void)
{
	int flag = (int)draw(2), now;

	BOTH_WELL(MPI_File_set_atomicity(file, flag));
	for (int i = 0; i < file_count; i++) {
		CALL(MPI_File_get_atomicity(files[i], &now));
		CHECK(now == flag);
	}
}

static void open_again(void)
{
	static const int MODES[] = { MPI_MODE_RDWR, MPI_MODE_RDWR, MPI_MODE_RDONLY, MPI_MODE_WRONLY, MPI_MODE_RDWR | MPI_MODE_APPEND,
		MPI_MODE_WRONLY | MPI_MODE_APPEND, MPI_MODE_RDWR | MPI_MODE_CREATE, MPI_MODE_WRONLY | MPI_MODE_CREATE,
		MPI_MODE_RDWR | MPI_MODE_UNIQUE_OPEN };
	int new_mode = MODES[draw(sizeof MODES / sizeof *MODES)];

	close_files();
	if (draw(3) == 0)
		CHECK(open_files(MPI_MODE_RDWR | MPI_MODE_CREATE | MPI_MODE_EXCL) == MPI_ERR_FILE_EXISTS);
	CHECK(open_files(new_mode) == MPI_SUCCESS);
	CHECK(POSITION() == (mode & MPI_MODE_APPEND ? model_size : 0));
	CHECK(number_of(MPI_File_get_size, "size") == model_size);
	set_view(1, true);
}

static void step(int number)
{
	static const int UNITS[] = { 1, 4, 8 };
	unsigned kind = draw(20);

	snprintf(test_doing, sizeof test_doing, "step %d, kind %u, mode %d", number, kind, mode);
	if (getenv("TEST_VERBOSE") != NULL && test_rank == 0)
		fprintf(stderr, "%s\n", test_doing);
	switch (kind) {
	case 0: open_again(); break;
	case 1: resize_files(); break;
	case 2: seek_files(); break;
	case 3: switch_atomicity(); break;
	case 4: CALL(MPI_File_sync(files[0])); break;
	case 5: compare_files(); break;
	case 6:
	case 7:
	case 8: set_view(UNITS[draw(3)], false); break;
	default: access_files(); break;
	}
}

int main(int count, char **arguments)
{
	uint64_t seed;

	test_begin(&count, &arguments);
	CHECK(count > 2 && test_ranks <= ACCESS_RANKS_MAX);
	seed = strtoull(arguments[2], NULL, 10);
	if (test_rank == 0)
		printf("seed %" PRIu64 "\n", seed);
	fflush(stdout);
	test_seed(seed);
	directories[0] = test_directory;
	directories[1] = count > 3 ? arguments[3] : NULL;
	file_count = count > 3 ? 2 : 1;
	CHECK(open_files(MPI_MODE_RDWR | MPI_MODE_CREATE | MPI_MODE_EXCL) == MPI_SUCCESS);
	set_view(1, true);
	for (int i = 0; i < (test_ranks < RANKS_MANY ? STEPS : STEPS_OF_MANY); i++)
		step(i);
	close_files();
	CHECK(open_files(MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE) == MPI_SUCCESS);
	snprintf(test_doing, sizeof test_doing, "at the end");
	compare_files();
	close_files();
	return test_end();
}
