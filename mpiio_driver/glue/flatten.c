/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * ROMIO's flattened types, which it tiles views and requests with, made of our blocks. One is kept with its type as an
 * attribute; duplicates of the type share it. ROMIO's own code for this knows no types with large counts, and lets wrong
 * data through for some resized and distributed ones.
 */
#include "types.h"

#include <adio.h>
#include <adio_extern.h>
#include <pthread.h>

int ADIOI_Flattened_type_keyval = MPI_KEYVAL_INVALID;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int take_part(MPI_Datatype type, int key, void *state, void *value, void *copy, int *flag)
{
	ADIOI_Flatlist_node *flat = value;

	(void)type, (void)key, (void)state;
	pthread_mutex_lock(&lock);
	flat->refct++;
	pthread_mutex_unlock(&lock);
	*(ADIOI_Flatlist_node **)copy = flat;
	*flag = 1;
	return MPI_SUCCESS;
}

static int give_up(MPI_Datatype type, int key, void *value, void *state)
{
	ADIOI_Flatlist_node *flat = value;
	int left;

	(void)type, (void)key, (void)state;
	pthread_mutex_lock(&lock);
	left = --flat->refct;
	pthread_mutex_unlock(&lock);
	if (left == 0) {
		ADIOI_Free(flat->indices);
		ADIOI_Free(flat);
	}
	return MPI_SUCCESS;
}

/* What ROMIO refuses as a view: data that goes backwards, that overlaps, that begins before the type. */
static void note_order(ADIOI_Flatlist_node *flat)
{
	for (MPI_Count i = 0; i < flat->count; i++) {
		if (flat->indices[i] < 0)
			flat->flag |= ADIOI_TYPE_NEGATIVE;
		if (i > 0 && flat->indices[i - 1] > flat->indices[i])
			flat->flag |= ADIOI_TYPE_DECREASE;
		if (i > 0 && flat->indices[i - 1] + flat->blocklens[i - 1] > flat->indices[i])
			flat->flag |= ADIOI_TYPE_OVERLAP;
	}
}

static ADIOI_Flatlist_node *flatten(MPI_Datatype type)
{
	ADIOI_Flatlist_node *flat = ADIOI_Calloc(1, sizeof *flat);
	struct mpiio_blocks blocks;
	ADIO_Offset *before, sum = 0;
	size_t room;

	mpiio_get_blocks(type, &blocks);
	/* A type without data has one empty block, because ROMIO looks at the first one. */
	room = blocks.count > 0 ? (size_t)blocks.count : 1;
	flat->type = type;
	flat->count = (MPI_Count)room;
	flat->refct = 1;
	flat->lb_idx = flat->ub_idx = -1;
	/* One piece of memory for both arrays, as ROMIO has it, and for the sums that are behind them. */
	flat->indices = ADIOI_Calloc(3 * room, sizeof *flat->indices);
	flat->blocklens = flat->indices + room;
	before = flat->blocklens + room;
	for (MPI_Count i = 0; i < blocks.count; i++) {
		flat->indices[i] = blocks.block[i].offset;
		flat->blocklens[i] = blocks.block[i].length;
		before[i] = sum;
		sum += blocks.block[i].length;
	}
	mpiio_free_blocks(&blocks);
	note_order(flat);
	return flat;
}

const ADIO_Offset *mpiio_before(const ADIOI_Flatlist_node *flat)
{
	return flat->blocklens + flat->count;
}

ADIOI_Flatlist_node *ADIOI_Flatten_and_find(MPI_Datatype type)
{
	ADIOI_Flatlist_node *flat;
	int found = 0;

	pthread_mutex_lock(&lock);
	if (ADIOI_Flattened_type_keyval == MPI_KEYVAL_INVALID)
		PMPI_Type_create_keyval(take_part, give_up, &ADIOI_Flattened_type_keyval, NULL);
	pthread_mutex_unlock(&lock);
	PMPI_Type_get_attr(type, ADIOI_Flattened_type_keyval, &flat, &found);
	if (!found) {
		flat = flatten(type);
		PMPI_Type_set_attr(type, ADIOI_Flattened_type_keyval, flat);
	}
	return flat;
}

ADIOI_Flatlist_node *ADIOI_Flatten_datatype(MPI_Datatype type)
{
	return ADIOI_Flatten_and_find(type);
}

/* Whether elements follow one another without a gap and in order, from the address of the first one on. */
void ADIOI_Datatype_iscontig(MPI_Datatype type, int *flag)
{
	ADIOI_Flatlist_node *flat;
	MPI_Count lower, extent, size;

	PMPI_Type_size_x(type, &size);
	PMPI_Type_get_extent_x(type, &lower, &extent);
	*flag = lower == 0 && size == extent;
	if (!*flag)
		return;
	/* The sizes can agree and the order be another one, or the data stand outside. */
	flat = ADIOI_Flatten_and_find(type);
	*flag = flat->count == 1 && flat->indices[0] == 0 && flat->blocklens[0] == size;
}
