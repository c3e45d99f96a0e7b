/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Reading and writing: each request is one scatter/gather call, or a few when it has very many pieces. */
#include "driver.h"

#include <errno.h>

/* The most ranges, and the most pieces, that are given to one call. */
#define PIECES_MAX 65536

/* Part of a layout that one call transfers. What is left of the last range and the last piece waits for the next call. */
struct batch {
	/* When not zero, the batch lies in one chunk of so many bytes. */
	daos_size_t chunk_bytes;
	size_t range, piece;
	size_t range_count, piece_count;
	daos_size_t bytes;
	daos_size_t range_rest, piece_rest;
};

/* How much of a range the batch may take, which has so many bytes already and began at an offset. */
static daos_size_t part_of_range(const struct batch *batch, const daos_range_t *range, daos_off_t begin, daos_size_t bytes)
{
	daos_size_t length = range->rg_len, room;

	if (batch->chunk_bytes == 0)
		return length;
	if (range->rg_idx / batch->chunk_bytes != begin / batch->chunk_bytes)
		return 0;
	room = batch->chunk_bytes - range->rg_idx % batch->chunk_bytes;
	if (length > room)
		length = room;
	room = MPIIO_LOCKED_BYTES_MAX - bytes;
	return length < room ? length : room;
}

static void take_batch(struct mpiio_layout *layout, struct batch *batch)
{
	daos_off_t begin = layout->ranges[batch->range].rg_idx;
	daos_size_t ranges = 0, whole = 0, pieces = 0, part, length;

	batch->range_count = batch->piece_count = 0;
	batch->range_rest = batch->piece_rest = 0;
	while (batch->range + batch->range_count < layout->range_count && batch->range_count < PIECES_MAX && whole == ranges) {
		length = layout->ranges[batch->range + batch->range_count].rg_len;
		part = part_of_range(batch, &layout->ranges[batch->range + batch->range_count], begin, ranges);
		if (part == 0 && length > 0)
			break;
		batch->range_count++;
		ranges += part;
		whole += length;
	}
	while (batch->piece + batch->piece_count < layout->piece_count && batch->piece_count < PIECES_MAX &&
		pieces < ranges)
		pieces += layout->pieces[batch->piece + batch->piece_count++].iov_len;
	batch->bytes = ranges < pieces ? ranges : pieces;
	/* The longer side gives up what the other one has no room for. */
	while (whole > batch->bytes) {
		daos_range_t *last = &layout->ranges[batch->range + batch->range_count - 1];

		if (whole - last->rg_len >= batch->bytes) {
			whole -= last->rg_len;
			batch->range_count--;
		} else {
			batch->range_rest = whole - batch->bytes;
			last->rg_len -= batch->range_rest;
			whole = batch->bytes;
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

int mpiio_call(struct mpiio_file *file, daos_handle_t transaction, struct mpiio_part *part)
{
	return part->is_write ? daos_array_write(file->array, transaction, &part->ranges, &part->pieces, NULL) :
				daos_array_read(file->array, transaction, &part->ranges, &part->pieces, NULL);
}

static int transfer_batch(ADIO_File fd, struct mpiio_layout *layout, const struct batch *batch, bool is_write,
	daos_size_t *done)
{
	struct mpiio_part part = {
		.ranges = { .arr_nr = batch->range_count, .arr_rgs = &layout->ranges[batch->range] },
		.pieces = { .sg_nr = (uint32_t)batch->piece_count, .sg_iovs = &layout->pieces[batch->piece] },
		.is_write = is_write,
	};
	int rc = fd->atomicity ? mpiio_call_locked(fd, &part) : mpiio_call(mpiio_file(fd), DAOS_TX_NONE, &part);

	*done = is_write ? batch->bytes : part.ranges.arr_nr_read;
	return rc;
}

static int fail(ADIO_File fd, const struct mpiio_layout *layout, bool is_write, int rc, struct mpiio_failure *failure)
{
	if (rc == MPIIO_LOCK_TAKEN)
		return mpiio_fail(failure, EIO, "this rank was taken for lost in the middle of an atomic access to %s, and another "
			"rank has had its lock since", fd->filename);
	return mpiio_fail_file(fd, failure, rc, "%s of %llu bytes at %llu of %s failed", is_write ? "writing" : "reading",
		(unsigned long long)layout->bytes, (unsigned long long)layout->ranges[0].rg_idx, fd->filename);
}

int mpiio_transfer(ADIO_File fd, struct mpiio_layout *layout, bool is_write, daos_size_t *done,
	struct mpiio_failure *failure)
{
	struct batch batch = { 0 };
	daos_size_t moved = 0, cell;
	int rc = 0;

	*done = 0;
	/* A transaction may write to one target only, and each chunk is at one. */
	if (fd->atomicity && is_write)
		rc = daos_array_get_attr(mpiio_file(fd)->array, &batch.chunk_bytes, &cell);
	while (*done < layout->bytes && rc == 0) {
		take_batch(layout, &batch);
		rc = transfer_batch(fd, layout, &batch, is_write, &moved);
		if (rc == 0)
			*done += moved;
		/* Behind the end of the file there is nothing more to read. */
		if (moved < batch.bytes)
			break;
		next_batch(layout, &batch);
	}
	return rc == 0 ? 0 : fail(fd, layout, is_write, rc, failure);
}

/* ROMIO asks for the mode of a file in some of its calls only, and in none by the shared pointer. */
static bool is_allowed(ADIO_File fd, bool is_write, struct mpiio_failure *failure)
{
	if (is_write && (fd->access_mode & ADIO_RDONLY))
		mpiio_fail(failure, EROFS, "%s was opened for reading only", fd->filename);
	else if (!is_write && (fd->access_mode & ADIO_WRONLY))
		mpiio_fail(failure, EACCES, "%s was opened for writing only", fd->filename);
	return failure->number == 0;
}

/* What went wrong when the shared pointer was moved for this access; it is said once. */
static bool take_delayed(ADIO_File fd, struct mpiio_failure *failure)
{
	struct mpiio_failure *delayed = &mpiio_file(fd)->delayed;

	if (delayed->number == 0)
		return false;
	*failure = *delayed;
	delayed->number = 0;
	return true;
}

/* The error code of an access, or success during two-phase buffering, when the failure is kept for later. */
static int conclude(ADIO_File fd, const struct mpiio_failure *failure, const char *where)
{
	struct mpiio_failure *held = mpiio_file(fd)->held;

	if (held == NULL)
		return mpiio_code(failure, where);
	if (failure->number != 0)
		*held = *failure;
	return MPI_SUCCESS;
}

/* By lists; gives the bytes for the status. */
static int access_listed(ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	bool is_write, ADIO_Status *status, const char *where)
{
	struct mpiio_failure failure = { 0 };
	struct mpiio_layout layout;
	daos_size_t done = 0;

	if (!take_delayed(fd, &failure) &&
		mpiio_lay_out(fd, buffer, count, type, pointer, offset, &layout, &failure) == 0 && layout.bytes > 0) {
		if (is_allowed(fd, is_write, &failure) && mpiio_lock(fd, &failure) == 0) {
			mpiio_transfer(fd, &layout, is_write, &done, &failure);
			mpiio_unlock(fd);
		}
		if (failure.number == 0 && pointer == ADIO_INDIVIDUAL)
			fd->fp_ind = layout.next;
		mpiio_free_layout(&layout);
	}
	MPIR_Status_set_bytes(status, type, (MPI_Count)done);
	return conclude(fd, &failure, where);
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
	if (!take_delayed(fd, &failure) && layout.bytes > 0 && is_allowed(fd, is_write, &failure) && mpiio_lock(fd, &failure) == 0) {
		mpiio_transfer(fd, &layout, is_write, &done, &failure);
		mpiio_unlock(fd);
	}
	if (failure.number == 0 && pointer == ADIO_INDIVIDUAL)
		fd->fp_ind += (ADIO_Offset)done;
	MPIR_Status_set_bytes(status, type, (MPI_Count)done);
	return conclude(fd, &failure, where);
}

/* One access from end to end, in the representation of the view. */
static int access_as(mpiio_access *access, ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer,
	ADIO_Offset offset, bool is_write, ADIO_Status *status, const char *where)
{
	const struct mpiio_failure *held = mpiio_file(fd)->held;

	/* One failure is enough; what is left may be much, and each call about a lost engine takes a while. */
	if (held != NULL && held->number != 0) {
		MPIR_Status_set_bytes(status, type, 0);
		return MPI_SUCCESS;
	}
	if (mpiio_file(fd)->is_external32)
		return mpiio_access_external32(access, fd, buffer, count, type, pointer, offset, is_write, status, where);
	return access(fd, buffer, count, type, pointer, offset, is_write, status, where);
}

static int access_file(ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	bool is_write, ADIO_Status *status, const char *where)
{
	return access_as(access_listed, fd, buffer, count, type, pointer, offset, is_write, status, where);
}

/* Whether ROMIO's own ways to access a file may be used: they know neither the lock nor the representation. */
static bool is_plain(ADIO_File fd)
{
	return !fd->atomicity && !mpiio_file(fd)->is_external32;
}

void mpiio_read(ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	ADIO_Status *status, int *code)
{
	*code = access_as(access_contiguous, fd, buffer, count, type, pointer, offset, false, status, "MPI_File_read");
}

void mpiio_write(ADIO_File fd, const void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	ADIO_Status *status, int *code)
{
	*code = access_as(access_contiguous, fd, (void *)buffer, count, type, pointer, offset, true, status, "MPI_File_write");
}

void mpiio_read_strided(ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	ADIO_Status *status, int *code)
{
	/* Data sieving reads what lies between the pieces as well; here it is only for those who ask for it. */
	if (fd->hints->ds_read == ADIOI_HINT_ENABLE && is_plain(fd) && mpiio_file(fd)->delayed.number == 0)
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
 * ROMIO's two-phase buffering returns when a call for the file fails, on the rank that has made it, and the others wait for ever for
 * that rank's part in the rounds that follow. So a failure is held until all of them are through, and all ranks get it then.
 */
static int access_two_phase(ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	bool is_write, ADIO_Status *status, const char *where)
{
	struct mpiio_failure held = { 0 }, delayed = { 0 };
	ADIO_Offset before = fd->fp_ind;
	int code;

	/* The other ranks wait for this one, which takes part with nothing. */
	if (take_delayed(fd, &delayed))
		count = 0;
	mpiio_file(fd)->held = &held;
	if (is_write)
		ADIOI_GEN_WriteStridedColl(fd, buffer, count, type, pointer, offset, status, &code);
	else
		ADIOI_GEN_ReadStridedColl(fd, buffer, count, type, pointer, offset, status, &code);
	mpiio_file(fd)->held = NULL;
	mpiio_agree(&held, fd->comm);
	if (delayed.number != 0)
		held = delayed;
	if (held.number == 0)
		return code;
	if (pointer == ADIO_INDIVIDUAL)
		fd->fp_ind = before;
	MPIR_Status_set_bytes(status, type, 0);
	return mpiio_code(&held, where);
}

/*
 * Collective access: each rank gives its list to the store, which takes all of them at once, so that nothing is gained by
 * sending the data to another rank first. Who asks for ROMIO's two-phase buffering by the hints romio_cb_read and
 * romio_cb_write gets it; to write with holes it has to read, so it needs a file that was opened for both.
 */

void mpiio_read_all(ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	ADIO_Status *status, int *code)
{
	bool by_lists = fd->hints->cb_read != ADIOI_HINT_ENABLE || !is_plain(fd);

	*code = (by_lists ? access_file : access_two_phase)(fd, buffer, count, type, pointer, offset, false, status,
		"MPI_File_read_all");
}

void mpiio_write_all(ADIO_File fd, const void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	ADIO_Status *status, int *code)
{
	bool readable = (fd->access_mode & ADIO_WRONLY) == 0;
	bool by_lists = fd->hints->cb_write != ADIOI_HINT_ENABLE || !is_plain(fd) || !readable;

	*code = (by_lists ? access_file : access_two_phase)(fd, (void *)buffer, count, type, pointer, offset, true, status,
		"MPI_File_write_all");
}
