/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Random views, types and calls against a plain array of bytes. All ranks draw the same numbers, so each knows what the
 * others write and the array is the same everywhere. Failures print the seed: random DIRECTORY SEED runs the same again.
 *
 * A view gives each rank its own bytes: the file is cut into tiles of `rows` times `test_ranks` blocks, and in each row one
 * block is a rank's. Every constructor that can say so says it in turn.
 */
#include "test.h"

#include <inttypes.h>
#include <time.h>

enum { FILE_BYTES = 1 << 17, STEPS = 60, ELEMENTS_MAX = 2000 };

static uint64_t state;

static unsigned draw(unsigned below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((state >> 33) % below);
}

/* What is the same on all ranks but for the rank itself. */
struct step {
	int start, block, rows, unit, constructor;
	int memory, count, offset, call;
	bool is_write, uses_pointer;
};

static unsigned char model[FILE_BYTES];
static int model_size;

/* Where the byte `at` of a rank's view is in the file. */
static int place(const struct step *step, int rank, int at)
{
	int row = at / step->block, within = at % step->block;

	return step->start + (row * test_ranks + rank) * step->block + within;
}

static MPI_Datatype etype(const struct step *step)
{
	return step->unit == 1 ? MPI_BYTE : step->unit == 4 ? MPI_INT : MPI_DOUBLE;
}

/* The blocks of a rank's tile, begun where the rank's first block is. */
static MPI_Datatype blocks(const struct step *step)
{
	int units = step->block / step->unit, stride = test_ranks * step->block;
	int lengths[16];
	MPI_Aint places[16];
	int unit_places[16];
	MPI_Datatype type, types[16];

	for (int i = 0; i < step->rows; i++) {
		lengths[i] = units;
		places[i] = (MPI_Aint)i * stride;
		unit_places[i] = i * stride / step->unit;
		types[i] = etype(step);
	}
	switch (step->constructor) {
	case 0: MPI_Type_vector(step->rows, units, stride / step->unit, etype(step), &type); break;
	case 1: MPI_Type_create_hvector(step->rows, units, stride, etype(step), &type); break;
	case 2: MPI_Type_indexed(step->rows, lengths, unit_places, etype(step), &type); break;
	case 3: MPI_Type_create_hindexed(step->rows, lengths, places, etype(step), &type); break;
	case 4: MPI_Type_create_indexed_block(step->rows, units, unit_places, etype(step), &type); break;
	case 5: MPI_Type_create_hindexed_block(step->rows, units, places, etype(step), &type); break;
	default: MPI_Type_create_struct(step->rows, lengths, places, types, &type); break;
	}
	return type;
}

enum { CONSTRUCTORS = 10 };

static MPI_Datatype view_type(const struct step *step)
{
	int units = step->block / step->unit;
	int sizes[2] = { step->rows, test_ranks * units }, parts[2] = { step->rows, units }, starts[2] = { 0, test_rank * units };
	int kind = MPI_DISTRIBUTE_CYCLIC, all = step->rows * test_ranks * units;
	MPI_Datatype type, placed, view;
	MPI_Aint at = (MPI_Aint)test_rank * step->block;
	int one = 1;

	if (step->constructor == 7) {
		MPI_Type_create_subarray(2, sizes, parts, starts, MPI_ORDER_C, etype(step), &view);
	} else if (step->constructor == 8) {
		MPI_Type_create_darray(test_ranks, test_rank, 1, &all, &kind, &units, &test_ranks, MPI_ORDER_FORTRAN,
			etype(step), &view);
	} else {
		type = blocks(step);
		MPI_Type_create_hindexed(1, &one, &at, type, &placed);
		MPI_Type_create_resized(placed, 0, (MPI_Aint)step->rows * test_ranks * step->block, &view);
		MPI_Type_free(&type);
		MPI_Type_free(&placed);
	}
	if (step->constructor == 9) {
		type = view;
		MPI_Type_dup(type, &view);
		MPI_Type_free(&type);
	}
	MPI_Type_commit(&view);
	return view;
}

/* Where the unit `i` of a request is in memory, in units. */
static int in_memory(const struct step *step, int i)
{
	switch (step->memory) {
	case 1: return 2 * i + 1;
	case 2: return step->count - 1 - i;
	default: return i;
	}
}

/* A type for all units of a request at once, or MPI_DATATYPE_NULL when they are contiguous. */
static MPI_Datatype memory_type(const struct step *step)
{
	static MPI_Aint places[ELEMENTS_MAX];
	MPI_Datatype type;

	if (step->memory == 0)
		return MPI_DATATYPE_NULL;
	for (int i = 0; i < step->count; i++)
		places[i] = (MPI_Aint)in_memory(step, i) * step->unit;
	MPI_Type_create_hindexed_block(step->count, 1, places, etype(step), &type);
	MPI_Type_commit(&type);
	return type;
}

static unsigned char value(const struct step *step, unsigned key, int rank, int at)
{
	return (unsigned char)((key + (unsigned)rank * 77u + (unsigned)at * 13u + (unsigned)step->count) % 255u + 1);
}

static int transfer(MPI_File file, const struct step *step, void *buffer, int count, MPI_Datatype type, MPI_Status *status)
{
	MPI_Offset offset = step->offset;
	MPI_Request request;
	int code;

	if (step->uses_pointer) {
		code = MPI_File_seek(file, offset, MPI_SEEK_SET);
		if (code != MPI_SUCCESS)
			return code;
	}
	switch (2 * step->call + (step->is_write ? 1 : 0)) {
	case 0: return step->uses_pointer ? MPI_File_read_all(file, buffer, count, type, status) :
					    MPI_File_read_at_all(file, offset, buffer, count, type, status);
	case 1: return step->uses_pointer ? MPI_File_write_all(file, buffer, count, type, status) :
					    MPI_File_write_at_all(file, offset, buffer, count, type, status);
	case 2: return step->uses_pointer ? MPI_File_read(file, buffer, count, type, status) :
					    MPI_File_read_at(file, offset, buffer, count, type, status);
	case 3: return step->uses_pointer ? MPI_File_write(file, buffer, count, type, status) :
					    MPI_File_write_at(file, offset, buffer, count, type, status);
	case 4: code = step->uses_pointer ? MPI_File_iread(file, buffer, count, type, &request) :
					    MPI_File_iread_at(file, offset, buffer, count, type, &request);
		break;
	case 5: code = step->uses_pointer ? MPI_File_iwrite(file, buffer, count, type, &request) :
					    MPI_File_iwrite_at(file, offset, buffer, count, type, &request);
		break;
	case 6: code = MPI_File_iread_at_all(file, offset, buffer, count, type, &request); break;
	case 7: code = MPI_File_iwrite_at_all(file, offset, buffer, count, type, &request); break;
	case 8: code = MPI_File_read_at_all_begin(file, offset, buffer, count, type);
		return code != MPI_SUCCESS ? code : MPI_File_read_at_all_end(file, buffer, status);
	default: code = MPI_File_write_at_all_begin(file, offset, buffer, count, type);
		return code != MPI_SUCCESS ? code : MPI_File_write_at_all_end(file, buffer, status);
	}
	return code != MPI_SUCCESS ? code : MPI_Wait(&request, status);
}

enum { CALLS = 5 };

static struct step draw_step(void)
{
	static const int UNITS[] = { 1, 4, 8 };
	struct step step = { .unit = UNITS[draw(3)] };

	step.start = (int)draw(64);
	step.block = step.unit * (1 + (int)draw(draw(4) == 0 ? 40 : 6));
	step.rows = 1 + (int)draw(8);
	step.constructor = (int)draw(CONSTRUCTORS);
	step.memory = (int)draw(3);
	step.count = (int)draw(draw(5) == 0 ? ELEMENTS_MAX : 100);
	step.offset = (int)draw(200);
	step.call = (int)draw(CALLS);
	step.is_write = draw(2) != 0;
	step.uses_pointer = step.call <= 2 && draw(2) != 0;
	/* All that is reached must fit. */
	while (place(&step, test_ranks - 1, (step.offset + step.count + 1) * step.unit) >= FILE_BYTES)
		step.count /= 2;
	return step;
}

static void written(const struct step *step, unsigned key)
{
	for (int rank = 0; rank < test_ranks; rank++) {
		for (int i = 0; i < step->count * step->unit; i++) {
			int at = place(step, rank, step->offset * step->unit + i);

			model[at] = value(step, key, rank, i);
			if (at >= model_size)
				model_size = at + 1;
		}
	}
}

/* The bytes of a read up to the end of the file must be right, and what lies between them in memory untouched. */
static void compare(const struct step *step, const unsigned char *buffer, int bytes)
{
	static unsigned char expected[3 * ELEMENTS_MAX * 8];
	int readable = 0;

	memset(expected, 0xa5, sizeof expected);
	for (int i = 0; i < step->count * step->unit; i++) {
		int at = place(step, test_rank, step->offset * step->unit + i);
		int memory = in_memory(step, i / step->unit) * step->unit + i % step->unit;

		if (at < model_size) {
			readable = i + 1;
			expected[memory] = model[at];
		} else {
			/* Behind the end anything may be. */
			expected[memory] = buffer[memory];
		}
	}
	CHECK(bytes == readable);
	CHECK(memcmp(buffer, expected, (size_t)(3 * step->count + 3) * (size_t)step->unit) == 0);
}

static void run(MPI_File file, const struct step *step, unsigned key)
{
	static unsigned char buffer[3 * (ELEMENTS_MAX + 1) * 8];
	MPI_Datatype view = view_type(step), memory = memory_type(step);
	MPI_Offset position;
	MPI_Status status;
	MPI_Count bytes;

	CALL(MPI_File_set_view(file, step->start, etype(step), view, "native", MPI_INFO_NULL));
	memset(buffer, 0xa5, sizeof buffer);
	if (step->is_write) {
		for (int i = 0; i < step->count * step->unit; i++)
			buffer[in_memory(step, i / step->unit) * step->unit + i % step->unit] = value(step, key, test_rank, i);
	}
	CALL(transfer(file, step, buffer, memory == MPI_DATATYPE_NULL ? step->count : 1,
		memory == MPI_DATATYPE_NULL ? etype(step) : memory, &status));
	MPI_Get_elements_x(&status, MPI_BYTE, &bytes);
	if (step->is_write) {
		CHECK(bytes == step->count * step->unit);
		if (step->uses_pointer) {
			CALL(MPI_File_get_position(file, &position));
			CHECK(position == step->offset + step->count);
		}
		written(step, key);
	} else {
		compare(step, buffer, (int)bytes);
	}
	CALL(MPI_File_sync(file));
	MPI_Barrier(MPI_COMM_WORLD);
	MPI_Type_free(&view);
	if (memory != MPI_DATATYPE_NULL)
		MPI_Type_free(&memory);
}

/* Another size, or a look at it. */
static void resize(MPI_File file)
{
	MPI_Offset size;

	if (draw(3) == 0) {
		size = draw(FILE_BYTES / 4);
		CALL(MPI_File_set_size(file, size));
		if (size < model_size)
			memset(model + size, 0, (size_t)(model_size - size));
		model_size = (int)size;
		MPI_Barrier(MPI_COMM_WORLD);
	}
	CALL(MPI_File_get_size(file, &size));
	CHECK(size == model_size);
	MPI_Barrier(MPI_COMM_WORLD);
}

int main(int count, char **arguments)
{
	uint64_t seed;
	MPI_File file;

	test_begin(&count, &arguments);
	seed = count > 2 ? strtoull(arguments[2], NULL, 10) : (uint64_t)time(NULL);
	MPI_Bcast(&seed, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD);
	if (test_rank == 0)
		printf("seed %" PRIu64 "\n", seed);
	fflush(stdout);
	state = seed * 2 + 1;
	file = test_open("random", MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE);
	for (int i = 0; i < STEPS; i++) {
		struct step step = draw_step();

		if (draw(8) == 0)
			resize(file);
		if (getenv("TEST_VERBOSE") != NULL && test_rank == 0)
			fprintf(stderr, "step %d: start %d block %d rows %d unit %d constructor %d memory %d count %d offset %d call %d "
				"%s%s, size %d\n", i, step.start, step.block, step.rows, step.unit, step.constructor, step.memory,
				step.count, step.offset, step.call, step.is_write ? "write" : "read",
				step.uses_pointer ? " by pointer" : "", model_size);
		run(file, &step, draw(1 << 20));
	}
	CALL(MPI_File_close(&file));
	return test_end();
}
