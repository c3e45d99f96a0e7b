/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "shape.h"

#include "test.h"

enum { COPIES_MAX = 64, LEVELS_MAX = 4 };

static uint64_t state;

void test_seed(uint64_t seed)
{
	state = seed * 2 + 1;
	test_draw(1);
}

unsigned test_draw(unsigned below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((state >> 33) % below);
}

static int between(int least, int most)
{
	return least + (int)test_draw((unsigned)(most - least + 1));
}

/* Blocks of copies of the inner type: how many in each, and where each begins in extents of it or in bytes. */
struct blocks {
	int count;
	int length[8], index[8];
	MPI_Aint offset[8];
};

static void draw_blocks(struct blocks *blocks, const struct shape *shape, bool in_extents, bool same_length, bool is_view)
{
	int at = between(0, 2) * (in_extents ? 1 : shape->unit), length = between(1, 3);

	blocks->count = between(1, 5);
	for (int i = 0; i < blocks->count; i++) {
		blocks->length[i] = same_length ? length : between(0, 3);
		blocks->index[i] = at;
		blocks->offset[i] = at;
		at += blocks->length[i] * (in_extents ? 1 : shape->extent) + between(0, 3) * (in_extents ? 1 : shape->unit);
	}
	if (is_view || between(0, 1) == 0)
		return;
	for (int i = 0, j = blocks->count - 1; i < j; i++, j--) {
		struct blocks old = *blocks;

		blocks->length[i] = old.length[j], blocks->length[j] = old.length[i];
		blocks->index[i] = old.index[j], blocks->index[j] = old.index[i];
		blocks->offset[i] = old.offset[j], blocks->offset[j] = old.offset[i];
	}
}

/* Where the copies in blocks are, in bytes. */
static int place_blocks(const struct blocks *blocks, int step, int extent, int *copies)
{
	int count = 0;

	for (int i = 0; i < blocks->count; i++) {
		for (int j = 0; j < blocks->length[i]; j++)
			copies[count++] = blocks->index[i] * step + j * extent;
	}
	return count;
}

static MPI_Datatype make_vector(const struct shape *shape, bool in_extents, int *copies, int *count)
{
	struct blocks blocks = { .count = between(1, 5) };
	int length = between(1, 3), step = in_extents ? shape->extent : 1;
	int stride = length * (in_extents ? 1 : shape->extent) + between(0, 4) * (in_extents ? 1 : shape->unit);
	MPI_Datatype type;

	for (int i = 0; i < blocks.count; i++) {
		blocks.length[i] = length;
		blocks.index[i] = i * stride;
	}
	*count = place_blocks(&blocks, step, shape->extent, copies);
	if (in_extents)
		MPI_Type_vector(blocks.count, length, stride, shape->type, &type);
	else
		MPI_Type_create_hvector(blocks.count, length, stride, shape->type, &type);
	return type;
}

static MPI_Datatype make_indexed(const struct shape *shape, int kind, bool is_view, int *copies, int *count)
{
	bool in_extents = kind == 0 || kind == 2, same_length = kind == 2 || kind == 3;
	MPI_Datatype type, types[8];
	struct blocks blocks;

	draw_blocks(&blocks, shape, in_extents, same_length, is_view);
	*count = place_blocks(&blocks, in_extents ? shape->extent : 1, shape->extent, copies);
	switch (kind) {
	case 0: MPI_Type_indexed(blocks.count, blocks.length, blocks.index, shape->type, &type); break;
	case 1: MPI_Type_create_hindexed(blocks.count, blocks.length, blocks.offset, shape->type, &type); break;
	case 2: MPI_Type_create_indexed_block(blocks.count, blocks.length[0], blocks.index, shape->type, &type); break;
	case 3: MPI_Type_create_hindexed_block(blocks.count, blocks.length[0], blocks.offset, shape->type, &type); break;
	default:
		for (int i = 0; i < blocks.count; i++)
			types[i] = shape->type;
		MPI_Type_create_struct(blocks.count, blocks.length, blocks.offset, types, &type);
	}
	return type;
}

static MPI_Datatype make_subarray(const struct shape *shape, int *copies, int *count)
{
	int sizes[2] = { between(1, 5), between(1, 5) }, parts[2], starts[2];
	bool is_fortran = between(0, 1) == 0;
	/* The dimension that changes slowly. */
	int slow = is_fortran ? 1 : 0, fast = 1 - slow;
	MPI_Datatype type;

	for (int i = 0; i < 2; i++) {
		parts[i] = between(1, sizes[i]);
		starts[i] = between(0, sizes[i] - parts[i]);
	}
	*count = 0;
	for (int i = 0; i < parts[slow]; i++) {
		for (int j = 0; j < parts[fast]; j++)
			copies[(*count)++] = ((starts[slow] + i) * sizes[fast] + starts[fast] + j) * shape->extent;
	}
	MPI_Type_create_subarray(2, sizes, parts, starts, is_fortran ? MPI_ORDER_FORTRAN : MPI_ORDER_C, shape->type, &type);
	return type;
}

/* A type made of a shape's, and where copies of that are in it. */
static MPI_Datatype make(const struct shape *shape, bool is_view, int *copies, int *count)
{
	MPI_Datatype type = MPI_DATATYPE_NULL;
	MPI_Aint lower, extent;
	int kind = between(0, 10);

	copies[0] = 0;
	*count = 1;
	switch (kind) {
	case 0:
		*count = between(1, 5);
		for (int i = 0; i < *count; i++)
			copies[i] = i * shape->extent;
		MPI_Type_contiguous(*count, shape->type, &type);
		return type;
	case 1:
	case 2: return make_vector(shape, kind == 1, copies, count);
	case 3:
	case 4:
	case 5:
	case 6:
	case 7: return make_indexed(shape, kind - 3, is_view, copies, count);
	case 8: return make_subarray(shape, copies, count);
	case 9:
		MPI_Type_get_extent(shape->type, &lower, &extent);
		MPI_Type_create_resized(shape->type, lower, extent + between(0, 4) * shape->unit, &type);
		return type;
	default: MPI_Type_dup(shape->type, &type); return type;
	}
}

/* The MPI library puts the bytes of a type one behind the other in the same order. */
static void check_places(const struct shape *shape)
{
	static unsigned char memory[SHAPE_SPAN_MAX], packed[SHAPE_BYTES_MAX];
	int position = 0;

	for (int i = 0; i < SHAPE_SPAN_MAX; i++)
		memory[i] = (unsigned char)(i * 7 + i / 256);
	MPI_Pack(memory, 1, shape->type, packed, sizeof packed, &position, MPI_COMM_SELF);
	CHECK(position == shape->bytes);
	for (int i = 0; i < shape->bytes; i++)
		CHECK(packed[i] == memory[shape->place[i]]);
}

/* One level more, unless that would be too much or nothing. */
static void grow(struct shape *shape, bool is_view)
{
	static struct shape grown;
	int copies[COPIES_MAX], count;
	MPI_Aint lower, extent;

	grown = *shape;
	grown.bytes = grown.span = 0;
	grown.type = make(shape, is_view, copies, &count);
	for (int i = 0; i < count && count * shape->bytes <= SHAPE_BYTES_MAX; i++) {
		for (int j = 0; j < shape->bytes; j++) {
			int at = copies[i] + shape->place[j];

			grown.place[grown.bytes++] = at;
			if (at >= grown.span)
				grown.span = at + 1;
		}
	}
	MPI_Type_get_extent(grown.type, &lower, &extent);
	grown.extent = (int)extent;
	if (grown.bytes == 0 || grown.span > SHAPE_SPAN_MAX || extent > SHAPE_SPAN_MAX) {
		MPI_Type_free(&grown.type);
		return;
	}
	if (shape->type != shape->element)
		MPI_Type_free(&shape->type);
	*shape = grown;
}

void shape_draw(struct shape *shape, int unit, bool is_view)
{
	shape->element = shape->type = unit == 1 ? MPI_BYTE : unit == 4 ? MPI_INT : MPI_DOUBLE;
	shape->unit = shape->bytes = shape->span = shape->extent = unit;
	for (int i = 0; i < unit; i++)
		shape->place[i] = i;
	for (int i = between(0, LEVELS_MAX); i > 0; i--)
		grow(shape, is_view);
	if (shape->type != shape->element)
		MPI_Type_commit(&shape->type);
	check_places(shape);
}

int shape_place(const struct shape *shape, int at)
{
	return at / shape->bytes * shape->extent + shape->place[at % shape->bytes];
}

void shape_free(struct shape *shape)
{
	if (shape->type != shape->element)
		MPI_Type_free(&shape->type);
}
