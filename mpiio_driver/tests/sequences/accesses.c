/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Random accesses, and what must come of them. */
#include "files.h"

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

void access_files(void)
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
