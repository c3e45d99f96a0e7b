/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * From a type's constructors to its blocks. A type's blocks are those of the type that it was made of, repeated at the
 * places that its constructor names; neighbours become one, so what is dense stays one block at every level.
 */
#include "types.h"

#include <adio.h>

static void append_block(struct mpiio_blocks *to, MPI_Offset offset, MPI_Offset length)
{
	struct mpiio_block *last = to->count > 0 ? &to->block[to->count - 1] : NULL;

	if (length == 0)
		return;
	if (last != NULL && last->offset + last->length == offset) {
		last->length += length;
		return;
	}
	if (to->count == to->room) {
		to->room = 2 * to->room + 8;
		to->block = ADIOI_Realloc(to->block, (size_t)to->room * sizeof *to->block);
	}
	to->block[to->count++] = (struct mpiio_block){ offset, length };
}

void mpiio_append(struct mpiio_blocks *to, const struct mpiio_blocks *element, MPI_Offset offset, MPI_Count count)
{
	if (element->count == 1 && element->block[0].length == element->extent) {
		append_block(to, offset + element->block[0].offset, element->extent * count);
		return;
	}
	for (MPI_Count i = 0; i < count; i++) {
		for (MPI_Count j = 0; j < element->count; j++)
			append_block(to, offset + i * element->extent + element->block[j].offset, element->block[j].length);
	}
}

void mpiio_free_blocks(struct mpiio_blocks *blocks)
{
	/* ROMIO's function takes no NULL. */
	if (blocks->block != NULL)
		ADIOI_Free(blocks->block);
	blocks->block = NULL;
}

/* Of the predefined types only those of a pair may have a gap: before the second member, which is an int. */
static void append_named(struct mpiio_blocks *to, MPI_Datatype type)
{
	MPI_Count size;

	MPI_Type_size_x(type, &size);
	if (type == MPI_SHORT_INT) {
		append_block(to, 0, sizeof(short));
		append_block(to, sizeof(int), sizeof(int));
	} else {
		append_block(to, 0, size);
	}
}

/* Constructors whose blocks all have one length. */
static void append_equal(struct mpiio_blocks *to, const struct mpiio_blocks *element,
	const struct mpiio_contents *contents, MPI_Offset unit)
{
	MPI_Count count = mpiio_argument(contents, 0), length = mpiio_argument(contents, 1);

	for (MPI_Count i = 0; i < count; i++)
		mpiio_append(to, element, mpiio_argument(contents, 2 + i) * unit, length);
}

static void append_vector(struct mpiio_blocks *to, const struct mpiio_blocks *element,
	const struct mpiio_contents *contents, MPI_Offset unit)
{
	MPI_Count count = mpiio_argument(contents, 0), length = mpiio_argument(contents, 1);
	MPI_Offset stride = mpiio_argument(contents, 2) * unit;

	for (MPI_Count i = 0; i < count; i++)
		mpiio_append(to, element, i * stride, length);
}

static void append_indexed(struct mpiio_blocks *to, const struct mpiio_blocks *element,
	const struct mpiio_contents *contents, MPI_Offset unit)
{
	MPI_Count count = mpiio_argument(contents, 0);

	for (MPI_Count i = 0; i < count; i++)
		mpiio_append(to, element, mpiio_argument(contents, 1 + count + i) * unit, mpiio_argument(contents, 1 + i));
}

static void append_struct(struct mpiio_blocks *to, const struct mpiio_contents *contents)
{
	MPI_Count count = mpiio_argument(contents, 0);
	struct mpiio_blocks member;

	for (MPI_Count i = 0; i < count; i++) {
		mpiio_get_blocks(contents->types[i], &member);
		mpiio_append(to, &member, mpiio_argument(contents, 1 + count + i), mpiio_argument(contents, 1 + i));
		mpiio_free_blocks(&member);
	}
}

static void append_constructed(struct mpiio_blocks *to, const struct mpiio_contents *contents)
{
	struct mpiio_blocks element;

	if (contents->combiner == MPI_COMBINER_STRUCT || contents->combiner == MPI_COMBINER_STRUCT_INTEGER) {
		append_struct(to, contents);
		return;
	}
	mpiio_get_blocks(contents->types[0], &element);
	switch (contents->combiner) {
	case MPI_COMBINER_CONTIGUOUS: mpiio_append(to, &element, 0, mpiio_argument(contents, 0)); break;
	case MPI_COMBINER_VECTOR: append_vector(to, &element, contents, element.extent); break;
	case MPI_COMBINER_HVECTOR:
	case MPI_COMBINER_HVECTOR_INTEGER: append_vector(to, &element, contents, 1); break;
	case MPI_COMBINER_INDEXED: append_indexed(to, &element, contents, element.extent); break;
	case MPI_COMBINER_HINDEXED:
	case MPI_COMBINER_HINDEXED_INTEGER: append_indexed(to, &element, contents, 1); break;
	case MPI_COMBINER_INDEXED_BLOCK: append_equal(to, &element, contents, element.extent); break;
	case MPI_COMBINER_HINDEXED_BLOCK: append_equal(to, &element, contents, 1); break;
	case MPI_COMBINER_SUBARRAY: mpiio_append_subarray(to, &element, contents); break;
	case MPI_COMBINER_DARRAY: mpiio_append_darray(to, &element, contents); break;
	/* What is left has the data of what it was made of: a duplicate, a resized type. */
	default: mpiio_append(to, &element, 0, 1);
	}
	mpiio_free_blocks(&element);
}

void mpiio_get_blocks(MPI_Datatype type, struct mpiio_blocks *blocks)
{
	struct mpiio_contents contents;
	MPI_Count lower, extent;

	*blocks = (struct mpiio_blocks){ 0 };
	PMPI_Type_get_extent_x(type, &lower, &extent);
	blocks->extent = extent;
	mpiio_get_contents(type, &contents);
	if (contents.types == NULL)
		append_named(blocks, type);
	else
		append_constructed(blocks, &contents);
	mpiio_free_contents(&contents);
}
