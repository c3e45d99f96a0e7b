/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * From a view and a type to ranges of the file and pieces of memory.
 *
 * The data of a view is numbered from zero: position k is the k-th byte that the view lets through. A view of a type
 * that is not contiguous has per copy of the type `count` blocks; position and offset in the file go into one another by
 * the copy's number and by the sums of block lengths.
 */
#include "driver.h"

#include <errno.h>

/* A view as positions see it. */
struct view {
	ADIO_Offset start;
	MPI_Count size;
	MPI_Aint extent;
	/* NULL when every byte behind the start is let through. */
	ADIOI_Flatlist_node *blocks;
	/* Sum of the lengths of the blocks before each one. */
	const ADIO_Offset *before;
};

static struct view view_of(ADIO_File fd)
{
	struct view view = { .start = fd->disp };
	MPI_Aint lower;
	int contiguous;

	MPI_Type_size_x(fd->filetype, &view.size);
	MPI_Type_get_extent(fd->filetype, &lower, &view.extent);
	ADIOI_Datatype_iscontig(fd->filetype, &contiguous);
	if (contiguous)
		return view;
	view.blocks = ADIOI_Flatten_and_find(fd->filetype);
	view.before = mpiio_before(view.blocks);
	return view;
}

/* The block in which a position within one copy of the type is: the last one that begins at or before it. No block is empty but that of a
 * type without data. */
static MPI_Count block_of(const struct view *view, ADIO_Offset within)
{
	MPI_Count low = 0, high = view->blocks->count;

	while (high - low > 1) {
		MPI_Count middle = low + (high - low) / 2;

		if (view->before[middle] <= within)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static ADIO_Offset offset_of(const struct view *view, ADIO_Offset position)
{
	ADIO_Offset copy, within;
	MPI_Count block;

	if (view->blocks == NULL)
		return view->start + position;
	if (view->size == 0)
		return view->start;
	copy = position / view->size;
	within = position % view->size;
	block = block_of(view, within);
	return view->start + copy * view->extent + view->blocks->indices[block] + (within - view->before[block]);
}

/*
 * The first block that ends behind an offset from the beginning of a copy, or the count of blocks. They are in order, so that it is looked
 * for by halves, unless the view is of a type whose blocks overlap.
 */
static MPI_Count block_behind(const ADIOI_Flatlist_node *blocks, ADIO_Offset offset)
{
	MPI_Count low = 0, high = blocks->count;

	if (blocks->flag & (ADIOI_TYPE_DECREASE | ADIOI_TYPE_OVERLAP)) {
		while (low < high && blocks->indices[low] + blocks->blocklens[low] <= offset)
			low++;
		return low;
	}
	while (low < high) {
		MPI_Count middle = low + (high - low) / 2;

		if (blocks->indices[middle] + blocks->blocklens[middle] <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * The position of what the pointer points to. A pointer that points between blocks, as some code of ROMIO leaves it, means
 * the next block.
 */
static ADIO_Offset position_of(const struct view *view, ADIO_Offset offset)
{
	ADIO_Offset inside = offset - view->start, first, span, copy, within;
	ADIOI_Flatlist_node *blocks = view->blocks;
	MPI_Count block;

	if (blocks == NULL)
		return inside;
	if (view->size == 0 || view->extent <= 0 || inside <= blocks->indices[0])
		return 0;
	first = blocks->indices[0];
	span = blocks->indices[blocks->count - 1] + blocks->blocklens[blocks->count - 1] - first;
	copy = (inside - first) / view->extent;
	/* A type may reach beyond its extent, so that copies before this one have bytes behind the beginning of this one. */
	for (ADIO_Offset at = copy; at >= 0 && at >= copy - span / view->extent; at--) {
		within = inside - at * view->extent;
		block = block_behind(blocks, within);
		if (block < blocks->count && blocks->indices[block] <= within)
			return at * view->size + view->before[block] + (within - blocks->indices[block]);
	}
	within = inside - copy * view->extent;
	block = block_behind(blocks, within);
	return copy * view->size + (block < blocks->count ? view->before[block] : view->size);
}

ADIO_Offset mpiio_position(ADIO_File fd, ADIO_Offset offset)
{
	struct view view = view_of(fd);

	return offset > fd->disp ? position_of(&view, offset) : 0;
}

static int add_range(struct mpiio_layout *layout, ADIO_Offset offset, ADIO_Offset length)
{
	daos_range_t *last = layout->range_count > 0 ? &layout->ranges[layout->range_count - 1] : NULL;
	daos_range_t *larger;

	if (last != NULL && last->rg_idx + last->rg_len == (daos_off_t)offset) {
		last->rg_len += (daos_size_t)length;
		return 0;
	}
	if (layout->range_count == layout->range_room) {
		larger = realloc(layout->ranges, (2 * layout->range_room + 16) * sizeof *larger);
		if (larger == NULL)
			return ENOMEM;
		layout->ranges = larger;
		layout->range_room = 2 * layout->range_room + 16;
	}
	layout->ranges[layout->range_count++] =
		(daos_range_t){ .rg_idx = (daos_off_t)offset, .rg_len = (daos_size_t)length };
	return 0;
}

static int add_piece(struct mpiio_layout *layout, char *address, size_t length)
{
	d_iov_t *last = layout->piece_count > 0 ? &layout->pieces[layout->piece_count - 1] : NULL;
	d_iov_t *larger;

	if (last != NULL && (char *)last->iov_buf + last->iov_len == address) {
		last->iov_len += length;
		last->iov_buf_len += length;
		return 0;
	}
	if (layout->piece_count == layout->piece_room) {
		larger = realloc(layout->pieces, (2 * layout->piece_room + 16) * sizeof *larger);
		if (larger == NULL)
			return ENOMEM;
		layout->pieces = larger;
		layout->piece_room = 2 * layout->piece_room + 16;
	}
	d_iov_set(&layout->pieces[layout->piece_count++], address, length);
	return 0;
}

static int lay_out_file(struct mpiio_layout *layout, const struct view *view, ADIO_Offset position)
{
	ADIO_Offset left = (ADIO_Offset)layout->bytes, copy, within, length;
	MPI_Count block;
	int number = 0;

	if (view->blocks == NULL)
		return add_range(layout, view->start + position, left);
	if (view->size == 0)
		return EINVAL;
	copy = position / view->size;
	within = position % view->size;
	block = block_of(view, within);
	within -= view->before[block];
	while (left > 0 && number == 0) {
		length = view->blocks->blocklens[block] - within;
		if (length > left)
			length = left;
		if (length > 0)
			number = add_range(layout, view->start + copy * view->extent + view->blocks->indices[block] + within,
				length);
		left -= length;
		within = 0;
		block++;
		if (block == view->blocks->count) {
			block = 0;
			copy++;
		}
	}
	return number;
}

static int lay_out_memory(struct mpiio_layout *layout, char *buffer, int count, MPI_Datatype type)
{
	ADIOI_Flatlist_node *blocks;
	MPI_Aint lower, extent;
	int contiguous, number = 0;

	ADIOI_Datatype_iscontig(type, &contiguous);
	if (contiguous)
		return add_piece(layout, buffer, layout->bytes);
	MPI_Type_get_extent(type, &lower, &extent);
	blocks = ADIOI_Flatten_and_find(type);
	for (int copy = 0; copy < count && number == 0; copy++) {
		for (MPI_Count i = 0; i < blocks->count && number == 0; i++) {
			if (blocks->blocklens[i] > 0)
				number = add_piece(layout, buffer + copy * extent + blocks->indices[i],
					(size_t)blocks->blocklens[i]);
		}
	}
	return number;
}

int mpiio_lay_out(ADIO_File fd, const void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	struct mpiio_layout *layout, struct mpiio_failure *failure)
{
	struct view view;
	ADIO_Offset position;
	MPI_Count size;
	int number;

	*layout = (struct mpiio_layout){ 0 };
	MPI_Type_size_x(type, &size);
	layout->bytes = (daos_size_t)size * (daos_size_t)count;
	layout->next = fd->fp_ind;
	if (layout->bytes == 0)
		return 0;
	view = view_of(fd);
	position = pointer == ADIO_INDIVIDUAL ? position_of(&view, fd->fp_ind) : offset * fd->etype_size;
	number = lay_out_file(layout, &view, position);
	layout->next = offset_of(&view, position + (ADIO_Offset)layout->bytes);
	if (number == 0)
		number = lay_out_memory(layout, (char *)buffer, count, type);
	if (number != 0) {
		mpiio_free_layout(layout);
		return mpiio_fail(failure, number, number == ENOMEM ? "no memory for the pieces of a request" :
								     "the view lets no data through");
	}
	return 0;
}

void mpiio_free_layout(struct mpiio_layout *layout)
{
	free(layout->ranges);
	free(layout->pieces);
	layout->ranges = NULL;
	layout->pieces = NULL;
}
