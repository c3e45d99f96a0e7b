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
#include "access.h"
#include "test.h"

#include <inttypes.h>

enum { FILE_BYTES = 1 << 17, MEMORY_BYTES = 32768 };

/* Fewer where ranks are more than processors may be: each step has dozens of barriers, in which MPICH's ranks poll. */
enum { STEPS = 100, STEPS_OF_MANY = 30, RANKS_MANY = 3 };

/* The file of each kind; how many of them are compared. */
static MPI_File files[2];
static const char *directories[2];
static int file_count;

static unsigned char model[FILE_BYTES];
static int model_size, mode;

static struct shape view;
static int view_start;
/* Each rank sees other bytes than the others. */
static bool is_disjoint;
static int view_extent, view_shift;

static unsigned draw(unsigned below)
{
	return test_draw(below);
}

/* Where a byte of a rank's view is in the file. */
static int place(int rank, int at)
{
	return view_start + (is_disjoint ? rank * view_shift : 0) + at / view.bytes * view_extent + view.place[at % view.bytes];
}

/* Elements of the view that lie within the file's bound. */
static int elements_max(void)
{
	int tiles = (FILE_BYTES - view_start - test_ranks * (view.span + view_shift)) / view_extent;

	return tiles * view.bytes / view.unit;
}

/* Leaves the local file when any rank has found it to be wrong. */
static void judge_local(int is_wrong, const char *what)
{
	int any;

	MPI_Allreduce(&is_wrong, &any, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
	if (!any)
		return;
	if (test_rank == 0)
		printf("the local file is left: %s: %s\n", what, test_doing);
	MPI_File_close(&files[1]);
	file_count = 1;
}

static int class_of(int code)
{
	int class = MPI_SUCCESS;

	if (code != MPI_SUCCESS) {
		MPI_Error_class(code, &class);
		if (getenv("TEST_VERBOSE") != NULL) {
			char sentence[MPI_MAX_ERROR_STRING];
			int length;

			MPI_Error_string(code, sentence, &length);
			fprintf(stderr, "rank %d: %s\n", test_rank, sentence);
		}
	}
	return class;
}

/* The same call on all files, which must end the same; gives the class of error. */
#define BOTH(call) \
	({ \
		int classes[2] = { 0 }; \
		for (int which = 0; which < file_count; which++) { \
			MPI_File file = files[which]; \
			classes[which] = class_of(call); \
			MPI_Barrier(MPI_COMM_WORLD); \
		} \
		if (file_count > 1) \
			judge_local(classes[1] != classes[0], #call); \
		classes[0]; \
	})
#define BOTH_WELL(call) CHECK(BOTH(call) == MPI_SUCCESS)

/* A number that a call gives, the same of all files. */
static MPI_Offset number_of(int (*call)(MPI_File, MPI_Offset *), const char *what)
{
	MPI_Offset numbers[2];

	for (int i = 0; i < file_count; i++)
		CALL(call(files[i], &numbers[i]));
	MPI_Barrier(MPI_COMM_WORLD);
	if (file_count > 1)
		judge_local(numbers[1] != numbers[0], what);
	return numbers[0];
}

#define POSITION() number_of(MPI_File_get_position, "position")
#define SHARED_POSITION() number_of(MPI_File_get_position_shared, "shared position")

static void set_view(int unit, bool is_plain)
{
	MPI_Datatype type, filetype;
	MPI_Aint lower, extent;
	int refused = 0, any;

	if (view.unit != 0)
		shape_free(&view);
	if (is_plain)
		view = (struct shape){ .type = MPI_BYTE, .element = MPI_BYTE, .unit = 1, .bytes = 1, .span = 1, .extent = 1 };
	else
		shape_draw(&view, unit, true);
	view_start = is_plain ? 0 : (int)draw(300);
	is_disjoint = !is_plain && draw(2) == 0;
	view_extent = view.extent;
	view_shift = 0;
	filetype = type = view.type;
	if (is_disjoint) {
		MPI_Type_get_extent(view.type, &lower, &extent);
		view_shift = (int)(lower + extent);
		view_extent = view_shift * test_ranks;
		MPI_Type_create_resized(view.type, 0, view_extent, &filetype);
		MPI_Type_commit(&filetype);
	}
	for (int i = 0; i < file_count; i++)
		refused = MPI_File_set_view(files[i], view_start + test_rank * view_shift, view.element, filetype, "native",
			MPI_INFO_NULL) != MPI_SUCCESS;
	CHECK(!refused || file_count == 2);
	if (filetype != type)
		MPI_Type_free(&filetype);
	MPI_Allreduce(&refused, &any, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
	/* MPICH's own finds overlaps where empty blocks are. */
	if (any) {
		set_view(unit, is_plain);
		return;
	}
	CHECK(POSITION() == 0 && SHARED_POSITION() == 0);
}

static bool may_read(void)
{
	return (mode & MPI_MODE_WRONLY) == 0;
}

static bool may_write(void)
{
	return (mode & MPI_MODE_RDONLY) == 0;
}

/* Whether all bytes of a file are those of the array. */
static bool is_as_the_array(MPI_File file)
{
	static unsigned char bytes[FILE_BYTES];
	MPI_Status status;
	int count;

	CALL(MPI_File_read_at(file, 0, bytes, FILE_BYTES, MPI_BYTE, &status));
	MPI_Get_count(&status, MPI_BYTE, &count);
	for (int at = 0; at < model_size && count == model_size; at++) {
		if (bytes[at] == model[at])
			continue;
		fprintf(stderr, "byte %d of %d is %d, not %d\n", at, model_size, bytes[at], model[at]);
		return false;
	}
	return count == model_size;
}

static void compare_files(void)
{
	if (!may_read())
		return;
	set_view(1, true);
	CHECK(number_of(MPI_File_get_size, "size") == model_size);
	CHECK(is_as_the_array(files[0]));
	if (file_count > 1)
		judge_local(!is_as_the_array(files[1]), "its bytes");
	MPI_Barrier(MPI_COMM_WORLD);
}

static bool acts(const struct access *access)
{
	return access->is_collective || access->actor < 0 || access->actor == test_rank;
}

static void draw_access(struct access *access)
{
	int at = (int)draw(60), max = elements_max();
	bool takes_turns;

	access->pointer = is_disjoint ? (enum pointer)draw(2) : (enum pointer)draw(4);
	access->is_collective = access->pointer == ORDERED || (access->pointer != SHARED && draw(2) == 0);
	access->manner = (enum manner)draw(access->is_collective ? 3 : 2);
	if (access->pointer == ORDERED && access->manner == NONBLOCKING)
		access->manner = BLOCKING;
	access->is_write = draw(2) == 0;
	/* Who writes at the same time as others writes elsewhere. */
	takes_turns = access->pointer == SHARED || (!access->is_collective && access->is_write && !is_disjoint);
	access->actor = takes_turns ? (int)draw((unsigned)test_ranks) : -1;
	shape_draw(&access->memory, view.unit, false);
	access->key = draw(1 << 16);
	for (int rank = 0; rank < test_ranks; rank++) {
		access->copies[rank] = access->memory.extent == view.unit ? (int)draw(120) : (int)draw(4);
		access->count[rank] = access->copies[rank] * access->memory.bytes / view.unit;
		access->offset[rank] = access->is_write && !is_disjoint ? at : (int)draw(60);
		if (access->offset[rank] + access->count[rank] > max)
			access->offset[rank] = access->count[rank] = access->copies[rank] = 0;
		at += access->count[rank];
	}
}

static unsigned char value(unsigned key, int rank, int at)
{
	return (unsigned char)((key + (unsigned)rank * 77u + (unsigned)at * 13u) % 255u + 1);
}

/* What a rank has written, if nothing went wrong. */
static void written(const struct access *access, int rank)
{
	for (int i = 0; i < access->count[rank] * view.unit; i++) {
		int at = place(rank, access->offset[rank] * view.unit + i);

		CHECK(at < FILE_BYTES);
		model[at] = value(access->key, rank, i);
		if (at >= model_size)
			model_size = at + 1;
	}
}

/* Bytes of this rank's access before the end of the file. */
static int readable(const struct access *access)
{
	int count = 0;

	for (int i = 0; i < access->count[test_rank] * view.unit; i++) {
		if (place(test_rank, access->offset[test_rank] * view.unit + i) < model_size)
			count = i + 1;
	}
	return count;
}

static bool is_read_right(const struct access *access, const unsigned char *buffer)
{
	static unsigned char expected[MEMORY_BYTES];

	memset(expected, 0xa5, sizeof expected);
	for (int i = 0; i < access->count[test_rank] * view.unit; i++) {
		int at = place(test_rank, access->offset[test_rank] * view.unit + i), memory = shape_place(&access->memory, i);

		/* Behind the end anything may be. */
		expected[memory] = at < model_size ? model[at] : buffer[memory];
	}
	for (int i = 0; i < MEMORY_BYTES; i++) {
		if (buffer[i] == expected[i])
			continue;
		fprintf(stderr, "byte %d in memory is %d, not %d\n", i, buffer[i], expected[i]);
		return false;
	}
	return true;
}

/* The access on one file; whether it went as it must. */
static bool perform_and_check(const struct access *access, int which, int expected)
{
	static unsigned char buffer[MEMORY_BYTES];
	bool is_contiguous = view.bytes == view_extent && access->memory.extent == view.unit;
	int bytes = access->count[test_rank] * view.unit, class = MPI_SUCCESS;
	MPI_Count got;
	MPI_Status status;

	memset(buffer, 0xa5, sizeof buffer);
	for (int i = 0; i < bytes && access->is_write; i++)
		buffer[shape_place(&access->memory, i)] = value(access->key, test_rank, i);
	if (acts(access))
		class = class_of(access_perform(files[which], access, buffer, &status));
	MPI_Barrier(MPI_COMM_WORLD);
	if (!acts(access))
		return true;
	/* Who accesses nothing may do what it may not do otherwise. */
	if (class != expected && !(class == MPI_SUCCESS && bytes == 0)) {
		fprintf(stderr, "class %d, not %d\n", class, expected);
		return false;
	}
	if (class != MPI_SUCCESS || expected != MPI_SUCCESS)
		return true;
	MPI_Get_elements_x(&status, MPI_BYTE, &got);
	/* ROMIO's own drivers do not tell where the file ended when an access has pieces or is started. */
	if ((which == 0 || access->is_write || (is_contiguous && access->manner == BLOCKING)) &&
		got != (access->is_write ? bytes : readable(access))) {
		fprintf(stderr, "status of %lld bytes\n", (long long)got);
		return false;
	}
	return access->is_write || is_read_right(access, buffer);
}

/* The same access of memory without gaps by a call that blocks, which is all that MPICH's own driver gets right. */
static bool perform_locally(const struct access *access, int expected)
{
	static struct access plain;

	/* It does not look at the mode when the shared pointer is used. */
	if (expected != MPI_SUCCESS && access->pointer >= SHARED)
		return true;
	plain = *access;
	if (plain.manner == NONBLOCKING)
		plain.manner = BLOCKING;
	plain.memory = (struct shape){ .type = view.element, .element = view.element, .unit = view.unit, .bytes = view.unit,
		.span = view.unit, .extent = view.unit };
	for (int i = 0; i < view.unit; i++)
		plain.memory.place[i] = i;
	for (int rank = 0; rank < test_ranks; rank++)
		plain.copies[rank] = plain.count[rank];
	return perform_and_check(&plain, 1, expected);
}

static void access_files(void)
{
	static struct access access;
	int total = 0, sum, mine, expected = MPI_SUCCESS;
	MPI_Offset shared = 0;

	draw_access(&access);
	if (access.pointer >= SHARED) {
		shared = SHARED_POSITION();
		for (int rank = 0; rank < test_ranks; rank++) {
			access.offset[rank] = (int)shared + (access.pointer == ORDERED ? total : 0);
			total += access.pointer == ORDERED || rank == access.actor ? access.count[rank] : 0;
		}
		if (shared + total > elements_max()) {
			BOTH_WELL(MPI_File_seek_shared(file, 0, MPI_SEEK_SET));
			shape_free(&access.memory);
			return;
		}
	}
	snprintf(test_doing + strlen(test_doing), sizeof test_doing - strlen(test_doing),
		": %s, pointer %d, manner %d, %s, actor %d, offset %d, count %d, memory of %d, view of %d in %d at %d%s, unit %d, size %d",
		access.is_write ? "write" : "read", access.pointer, access.manner, access.is_collective ? "collective" : "alone",
		access.actor, access.offset[test_rank], access.count[test_rank], access.memory.bytes, view.bytes, view_extent,
		view_start, is_disjoint ? " disjoint" : "", view.unit, model_size);
	if (access.is_write ? !may_write() : !may_read())
		expected = access.is_write ? MPI_ERR_READ_ONLY : MPI_ERR_ACCESS;
	if (access.pointer == INDIVIDUAL)
		BOTH_WELL(MPI_File_seek(file, access.offset[test_rank], MPI_SEEK_SET));
	CHECK(perform_and_check(&access, 0, expected));
	if (file_count > 1)
		judge_local(!perform_locally(&access, expected), "an access");
	if (expected == MPI_SUCCESS) {
		mine = acts(&access) && !access.is_write && readable(&access) < access.count[test_rank] * view.unit;
		MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
		for (int rank = 0; rank < test_ranks && access.is_write; rank++) {
			if (access.actor < 0 || access.actor == rank)
				written(&access, rank);
		}
		/* Where the pointer is after the end of the file is not said. */
		if (access.pointer == INDIVIDUAL && sum == 0)
			CHECK(POSITION() == access.offset[test_rank] + (acts(&access) ? access.count[test_rank] : 0));
		if (access.pointer >= SHARED)
			CHECK(SHARED_POSITION() == shared + total);
	}
	shape_free(&access.memory);
}

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

static int open_files(int new_mode)
{
	char name[4096];
	int classes[2] = { 0 };

	mode = new_mode;
	for (int i = 0; i < file_count; i++) {
		snprintf(name, sizeof name, "%s/sequences", directories[i]);
		classes[i] = class_of(MPI_File_open(MPI_COMM_WORLD, name, mode, MPI_INFO_NULL, &files[i]));
	}
	CHECK(file_count == 1 || classes[0] == classes[1]);
	return classes[0];
}

static void close_files(void)
{
	for (int i = 0; i < file_count; i++)
		CALL(MPI_File_close(&files[i]));
	MPI_Barrier(MPI_COMM_WORLD);
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
