/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* What a datatype was made of, in one form for both widths of counts; and the blocks that it comes to. */
#ifndef MPIIO_TYPES_H
#define MPIIO_TYPES_H

#include <mpi.h>
#include <stdbool.h>

/** The arguments of a type's constructor. */
struct mpiio_contents {
	int combiner;
	/* By which of the two constructors: that with MPI_Count has most of its arguments among the counts. */
	bool is_large;
	MPI_Count integer_count, address_count, count_count, type_count;
	int *integers;
	MPI_Aint *addresses;
	MPI_Count *counts;
	MPI_Datatype *types;
};

/** Asks for the constructor's name alone, of a type of either width. */
int mpiio_combiner(MPI_Datatype type);
/** Asks for all of it; freed by mpiio_free_contents. A predefined type has none. */
void mpiio_get_contents(MPI_Datatype type, struct mpiio_contents *contents);
void mpiio_free_contents(struct mpiio_contents *contents);
/**
 * An argument by its place among those that are numbers, in the order in which the constructors of vectors, indexed types
 * and structs list them: first the integers, then the addresses; or all of them counts.
 */
MPI_Count mpiio_argument(const struct mpiio_contents *contents, MPI_Count place);

/** Blocks of bytes in the order of the type's data, none of them empty, none that continues the one before it. */
struct mpiio_blocks {
	MPI_Count count, room;
	struct mpiio_block {
		MPI_Offset offset;
		MPI_Offset length;
	} *block;
	/* Of the type: from one element to the next one. */
	MPI_Offset extent;
};

/** The blocks of one element of a type; freed by mpiio_free_blocks. */
void mpiio_get_blocks(MPI_Datatype type, struct mpiio_blocks *blocks);
void mpiio_free_blocks(struct mpiio_blocks *blocks);
/** Appends `count` elements that begin at `offset`. */
void mpiio_append(struct mpiio_blocks *to, const struct mpiio_blocks *element, MPI_Offset offset, MPI_Count count);
/** Appends the part of an array that a subarray or darray type lets through. */
void mpiio_append_subarray(struct mpiio_blocks *to, const struct mpiio_blocks *element,
	const struct mpiio_contents *contents);
void mpiio_append_darray(struct mpiio_blocks *to, const struct mpiio_blocks *element,
	const struct mpiio_contents *contents);

#endif
