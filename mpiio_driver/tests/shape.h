/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Random datatypes, each with a list of where its bytes are, which was not asked of any MPI library. */
#ifndef MPIIO_SHAPE_H
#define MPIIO_SHAPE_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

/** The most bytes of data in a shape, and the most from its begin to its end. */
enum { SHAPE_BYTES_MAX = 600, SHAPE_SPAN_MAX = 6000 };

/** A datatype that is committed. */
struct shape {
	MPI_Datatype type;
	/* Of the elements that it is made of: a byte, an int, or a double. */
	MPI_Datatype element;
	int unit;
	/* Where each byte of the data is, in the order of the data. */
	int place[SHAPE_BYTES_MAX];
	int bytes;
	/* The end of what is farthest behind. */
	int span;
	int extent;
};

/** Begins the numbers of test_draw, which are the same on all ranks. */
void test_seed(uint64_t seed);
/** A number below another one. */
unsigned test_draw(unsigned below);
/** A shape; one for a view has its bytes in ascending order, which MPI asks for, and one for memory in any. */
void shape_draw(struct shape *shape, int unit, bool is_view);
/** Where a byte of several copies of a shape is. */
int shape_place(const struct shape *shape, int at);
void shape_free(struct shape *shape);

#endif
