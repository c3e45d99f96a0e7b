/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Whether elements of a type follow one another in memory or in a file without a gap. ROMIO's own answer for an MPI
 * library that it does not know errs: it calls darrays and some others contiguous by their outermost constructor.
 */
#include <adio.h>

void ADIOI_Datatype_iscontig(MPI_Datatype type, int *flag)
{
	ADIOI_Flatlist_node *blocks;
	MPI_Aint lower, extent, true_lower, true_extent;
	MPI_Count size, end = 0;
	int integers, addresses, types, combiner;

	MPI_Type_get_envelope(type, &integers, &addresses, &types, &combiner);
	MPI_Type_size_x(type, &size);
	MPI_Type_get_extent(type, &lower, &extent);
	MPI_Type_get_true_extent(type, &true_lower, &true_extent);
	*flag = lower == 0 && true_lower == 0 && size == extent && size == true_extent;
	/* The sizes can agree and the order be another one, which only the blocks show. */
	if (!*flag || combiner == MPI_COMBINER_NAMED)
		return;
	blocks = ADIOI_Flatten_and_find(type);
	for (MPI_Count i = 0; i < blocks->count && *flag; i++) {
		if (blocks->blocklens[i] == 0)
			continue;
		*flag = blocks->indices[i] == end;
		end = blocks->indices[i] + blocks->blocklens[i];
	}
}
