/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Reading and writing: each request is one scatter/gather call of libdfs, or a few when it has very many pieces. */
#include "driver.h"

#include <errno.h>

/* The most ranges, and the most pieces, that libdfs takes at once. */
#define PIECES_MAX 65536

/* Part of a layout that one call transfers. What is left of the last range and the last piece waits for the next call. */
struct batch {
	size_t range, piece;
	size_t range_count, piece_count;
	daos_size_t bytes;
	daos_size_t range_rest, piece_rest;
};

static void take_batch(struct mpiio_layout *layout, struct batch *batch)
{
	daos_size_t ranges = 0, pieces = 0;

	batch->range_count = batch->piece_count = 0;
	batch->range_rest = batch->piece_rest = 0;
	while (batch->range + batch->range_count < layout->range_count && batch->range_count < PIECES_MAX)
		ranges += layout->ranges[batch->range + batch->range_count++].rg_len;
	while (batch->piece + batch->piece_count < layout->piece_count && batch->piece_count < PIECES_MAX &&
		pieces < ranges)
		pieces += layout->pieces[batch->piece + batch->piece_count++].iov_len;
	batch->bytes = ranges < pieces ? ranges : pieces;
	/* The longer side gives up what the other one has no room for. */
	while (ranges > batch->bytes) {
		daos_range_t *last = &layout->ranges[batch->range + batch->range_count - 1];

		if (ranges - last->rg_len >= batch->bytes) {
			ranges -= last->rg_len;
			batch->range_count--;
		} else {
			batch->range_rest = ranges - batch->bytes;
			last->rg_len -= batch->range_rest;
			ranges = batch->bytes;
		}
	}
	if (pieces > batch->bytes) {
		batch->piece_rest = pieces - batch->bytes;
		layout->pieces[batch->piece + batch->piece_count - 1].iov_len -= batch->piece_rest;
	}
}

static void next_batch(struct mpiio_layout *layout, struct batch *batch)
{
	batch->range += batch->range_count;
	batch->piece += batch->piece_count;
	if (batch->range_rest > 0) {
		daos_range_t *cut = &layout->ranges[--batch->range];

		cut->rg_idx += cut->rg_len;
		cut->rg_len = batch->range_rest;
	}
	if (batch->piece_rest > 0) {
		d_iov_t *cut = &layout->pieces[--batch->piece];

		d_iov_set(cut, (char *)cut->iov_buf + cut->iov_len, batch->piece_rest);
	}
}

static int transfer_batch(struct mpiio_file *file, struct mpiio_layout *layout, const struct batch *batch, bool is_write,
	daos_size_t *done)
{
	d_sg_list_t pieces = {
		.sg_nr = (uint32_t)batch->piece_count,
		.sg_iovs = &layout->pieces[batch->piece],
	};
	daos_range_t *ranges = &layout->ranges[batch->range];
	dfs_iod_t list = { .iod_nr = batch->range_count, .iod_rgs = ranges };
	int rc;

	*done = batch->bytes;
	if (is_write)
		return batch->range_count == 1 ?
			       dfs_write(file->mount->dfs, file->object, &pieces, ranges->rg_idx, NULL) :
			       dfs_writex(file->mount->dfs, file->object, &list, &pieces, NULL);
	if (batch->range_count == 1)
		rc = dfs_read(file->mount->dfs, file->object, &pieces, ranges->rg_idx, done, NULL);
	else
		rc = dfs_readx(file->mount->dfs, file->object, &list, &pieces, done, NULL);
	return rc;
}

int mpiio_transfer(ADIO_File fd, struct mpiio_layout *layout, bool is_write, daos_size_t *done,
	struct mpiio_failure *failure)
{
	struct mpiio_file *file = mpiio_file(fd);
	struct batch batch = { 0 };
	daos_size_t moved = 0;
	int rc = 0;

	*done = 0;
	while (*done < layout->bytes && rc == 0) {
		take_batch(layout, &batch);
		rc = transfer_batch(file, layout, &batch, is_write, &moved);
		if (rc == 0)
			*done += moved;
		/* Behind the end of the file there is nothing more to read. */
		if (moved < batch.bytes)
			break;
		next_batch(layout, &batch);
	}
	if (rc != 0)
		return mpiio_fail(failure, rc, "%s of %llu bytes at %llu of %s failed", is_write ? "writing" : "reading",
			(unsigned long long)layout->bytes, (unsigned long long)layout->ranges[0].rg_idx, fd->filename);
	return 0;
}

/* One access from end to end; gives the bytes for the status. */
static int access_file(ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	bool is_write, ADIO_Status *status, const char *where)
{
	struct mpiio_failure failure = { 0 };
	struct mpiio_layout layout;
	daos_size_t done = 0;

	if (mpiio_lay_out(fd, buffer, count, type, pointer, offset, &layout, &failure) == 0 && layout.bytes > 0) {
		if (mpiio_lock(fd, &failure) == 0) {
			mpiio_transfer(fd, &layout, is_write, &done, &failure);
			mpiio_unlock(fd);
		}
		if (failure.number == 0 && pointer == ADIO_INDIVIDUAL)
			fd->fp_ind = layout.next;
		mpiio_free_layout(&layout);
	}
	MPIR_Status_set_bytes(status, type, (MPI_Count)done);
	return mpiio_code(&failure, where);
}

/*
 * What is contiguous in memory and in the file comes with an offset in bytes from the beginning of the file; it needs no
 * list, and its pointer moves by what was really read.
 */
static int access_contiguous(ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	bool is_write, ADIO_Status *status, const char *where)
{
	struct mpiio_failure failure = { 0 };
	daos_range_t range = { .rg_idx = (daos_off_t)(pointer == ADIO_INDIVIDUAL ? fd->fp_ind : offset) };
	d_iov_t piece;
	struct mpiio_layout layout = { .ranges = &range, .range_count = 1, .pieces = &piece, .piece_count = 1 };
	daos_size_t done = 0;
	MPI_Count size;

	MPI_Type_size_x(type, &size);
	layout.bytes = range.rg_len = (daos_size_t)size * (daos_size_t)count;
	d_iov_set(&piece, buffer, layout.bytes);
	if (layout.bytes > 0 && mpiio_lock(fd, &failure) == 0) {
		mpiio_transfer(fd, &layout, is_write, &done, &failure);
		mpiio_unlock(fd);
	}
	if (failure.number == 0 && pointer == ADIO_INDIVIDUAL)
		fd->fp_ind += (ADIO_Offset)done;
	MPIR_Status_set_bytes(status, type, (MPI_Count)done);
	return mpiio_code(&failure, where);
}

void mpiio_read(ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	ADIO_Status *status, int *code)
{
	*code = access_contiguous(fd, buffer, count, type, pointer, offset, false, status, "MPI_File_read");
}

void mpiio_write(ADIO_File fd, const void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	ADIO_Status *status, int *code)
{
	*code = access_contiguous(fd, (void *)buffer, count, type, pointer, offset, true, status, "MPI_File_write");
}

void mpiio_read_strided(ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	ADIO_Status *status, int *code)
{
	/* Data sieving reads what lies between the pieces as well; here it is only for those who ask for it. */
	if (fd->hints->ds_read == ADIOI_HINT_ENABLE && !fd->atomicity)
		ADIOI_GEN_ReadStrided(fd, buffer, count, type, pointer, offset, status, code);
	else
		*code = access_file(fd, buffer, count, type, pointer, offset, false, status, "MPI_File_read");
}

void mpiio_write_strided(ADIO_File fd, const void *buffer, int count, MPI_Datatype type, int pointer,
	ADIO_Offset offset, ADIO_Status *status, int *code)
{
	*code = access_file(fd, (void *)buffer, count, type, pointer, offset, true, status, "MPI_File_write");
}

/*
 * Collective access: each rank gives its list to the store, which takes all of them at once, so that nothing is gained by
 * sending the data to another rank first. Who asks for ROMIO's two-phase buffering by the hints romio_cb_read and
 * romio_cb_write gets it; to write with holes it has to read, so it needs a file that was opened for both.
 */

void mpiio_read_all(ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	ADIO_Status *status, int *code)
{
	if (fd->hints->cb_read == ADIOI_HINT_ENABLE && !fd->atomicity)
		ADIOI_GEN_ReadStridedColl(fd, buffer, count, type, pointer, offset, status, code);
	else
		*code = access_file(fd, buffer, count, type, pointer, offset, false, status, "MPI_File_read_all");
}

void mpiio_write_all(ADIO_File fd, const void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	ADIO_Status *status, int *code)
{
	bool readable = (fd->access_mode & ADIO_WRONLY) == 0;

	if (fd->hints->cb_write == ADIOI_HINT_ENABLE && !fd->atomicity && readable)
		ADIOI_GEN_WriteStridedColl(fd, buffer, count, type, pointer, offset, status, code);
	else
		*code = access_file(fd, (void *)buffer, count, type, pointer, offset, true, status, "MPI_File_write_all");
}
