/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The blocks of subarray and darray types: parts of an array with several dimensions. */
#include "types.h"

#include <adio.h>

/* One dimension of an array: its size, and the runs of indexes that are let through. */
struct dimension {
	MPI_Count size;
	/* Runs of `length` begin at `first` and every `step`; the last one is cut off at `end`. */
	MPI_Count first, length, step, end;
};

/* Appends what is let through, from dimension `at` on, slowest first; `offset` is in elements. */
static void append_part(struct mpiio_blocks *to, const struct mpiio_blocks *element, const struct dimension *dimensions,
	int count, int at, MPI_Count offset)
{
	const struct dimension *dimension = &dimensions[at];

	for (MPI_Count run = dimension->first; run < dimension->end; run += dimension->step) {
		MPI_Count length = dimension->length;

		if (length > dimension->end - run)
			length = dimension->end - run;
		if (at == count - 1) {
			mpiio_append(to, element, (offset * dimension->size + run) * element->extent, length);
			continue;
		}
		for (MPI_Count i = run; i < run + length; i++)
			append_part(to, element, dimensions, count, at + 1, offset * dimension->size + i);
	}
}

/* Fortran's arrays have the fastest dimension first, C's last. */
static int place_of(int dimension, int count, int order)
{
	return order == MPI_ORDER_FORTRAN ? count - 1 - dimension : dimension;
}

void mpiio_append_subarray(struct mpiio_blocks *to, const struct mpiio_blocks *element,
	const struct mpiio_contents *contents)
{
	int count = contents->integers[0];
	/* With counts, the integers are only the number of dimensions and the order. */
	int order = contents->integers[contents->is_large ? 1 : 1 + 3 * count];
	struct dimension *dimensions = ADIOI_Calloc((size_t)count, sizeof *dimensions);

	for (int i = 0; i < count; i++) {
		struct dimension *dimension = &dimensions[place_of(i, count, order)];
		MPI_Count values[3];

		for (int j = 0; j < 3; j++)
			values[j] = contents->is_large ? contents->counts[j * count + i] :
							 contents->integers[1 + j * count + i];
		dimension->size = values[0];
		dimension->length = dimension->step = values[1];
		dimension->first = values[2];
		dimension->end = values[2] + values[1];
	}
	append_part(to, element, dimensions, count, 0, 0);
	ADIOI_Free(dimensions);
}

/* The part of a dimension that one of `processes` has. */
static void distribute(struct dimension *dimension, int kind, int argument, int processes, int which)
{
	MPI_Count share;

	dimension->first = 0;
	dimension->end = dimension->size;
	if (kind == MPI_DISTRIBUTE_NONE) {
		dimension->length = dimension->step = dimension->size > 0 ? dimension->size : 1;
		return;
	}
	if (kind == MPI_DISTRIBUTE_BLOCK) {
		share = argument == MPI_DISTRIBUTE_DFLT_DARG ? (dimension->size + processes - 1) / processes : argument;
		dimension->first = share * which;
		if (dimension->end > share * (which + 1))
			dimension->end = share * (which + 1);
		dimension->length = dimension->step = share;
		return;
	}
	share = argument == MPI_DISTRIBUTE_DFLT_DARG ? 1 : argument;
	dimension->first = share * which;
	dimension->length = share;
	dimension->step = share * processes;
}

void mpiio_append_darray(struct mpiio_blocks *to, const struct mpiio_blocks *element,
	const struct mpiio_contents *contents)
{
	int rank = contents->integers[1], count = contents->integers[2], left = rank;
	/* The sizes of the array stand before the rest, or are counts. */
	const int *rest = &contents->integers[contents->is_large ? 3 : 3 + count];
	const int *kinds = rest, *arguments = rest + count, *processes = rest + 2 * count;
	int order = rest[3 * count];
	struct dimension *dimensions = ADIOI_Calloc((size_t)count, sizeof *dimensions);

	/* Ranks are numbered along the grid of processes with the last dimension fastest, whatever the order of the array. */
	for (int i = count - 1; i >= 0; i--) {
		struct dimension *dimension = &dimensions[place_of(i, count, order)];

		dimension->size = contents->is_large ? contents->counts[i] : contents->integers[3 + i];
		distribute(dimension, kinds[i], arguments[i], processes[i], left % processes[i]);
		left /= processes[i];
	}
	append_part(to, element, dimensions, count, 0, 0);
	ADIOI_Free(dimensions);
}
