/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * What the ranks that have opened a file together share: the shared file pointer, and the lock of atomic mode (atomic.c).
 * Both are keys of one key-value object of class S1, whose id was reserved when the file was opened. It exists from the
 * first use on, and is removed when the file is closed; no hidden file appears beside the user's.
 *
 * The pointer moves by a transaction that reads and writes its key. What lost against another rank is done again, so no
 * rank can stop the others by stopping itself.
 */
#include "../glue/glue.h"
#include "driver.h"

#include <daos_kv.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#define POINTER "pointer"

/* A rank that waits looks again after this long, and after twice that, up to the limit. */
#define WAIT_NS_FIRST 20000L
#define WAIT_NS_LIMIT 1000000L

void mpiio_pause_before(unsigned attempt)
{
	struct timespec pause = { 0, WAIT_NS_FIRST };

	for (unsigned i = 0; i < attempt && pause.tv_nsec < WAIT_NS_LIMIT; i++)
		pause.tv_nsec *= 2;
	nanosleep(&pause, NULL);
}

int mpiio_open_shared(ADIO_File fd, struct mpiio_failure *failure)
{
	struct mpiio_file *file = mpiio_file(fd);
	int rc;

	if (file->shared_is_open)
		return 0;
	if (file->shared_id.hi == 0)
		return mpiio_fail(failure, EROFS, "the shared file pointer and atomic mode need a container that may be written");
	rc = daos_kv_open(file->mount->container, file->shared_id, DAOS_OO_RW, &file->shared, NULL);
	if (rc != 0)
		return mpiio_fail_file(fd, failure, rc, "the shared file pointer cannot be opened");
	file->shared_is_open = true;
	return 0;
}

void mpiio_close_shared(ADIO_File fd, bool was_used, bool last)
{
	struct mpiio_file *file = mpiio_file(fd);
	struct mpiio_failure failure = { 0 };

	/* What cannot be removed is left behind: a few bytes that nobody will look for. */
	if (was_used && last && mpiio_open_shared(fd, &failure) == 0)
		daos_kv_destroy(file->shared, DAOS_TX_NONE, NULL);
	if (file->shared_is_open)
		daos_kv_close(file->shared, NULL);
	file->shared_is_open = false;
}

static int get_pointer(struct mpiio_file *file, daos_handle_t transaction, ADIO_Offset *pointer)
{
	daos_size_t size = sizeof *pointer;
	int rc = daos_kv_get(file->shared, transaction, 0, POINTER, &size, pointer, NULL);

	if (rc == -DER_NONEXIST || (rc == 0 && size == 0)) {
		*pointer = 0;
		return 0;
	}
	return rc;
}

int mpiio_transact(ADIO_File fd, mpiio_step *step, void *argument)
{
	daos_handle_t transaction;
	int rc = daos_tx_open(mpiio_file(fd)->mount->container, &transaction, 0, NULL), again;

	if (rc != 0)
		return rc;
	for (unsigned attempt = 0; attempt < MPIIO_WAITS_MAX; attempt++) {
		rc = step(fd, transaction, argument);
		if (rc == 0)
			rc = daos_tx_commit(transaction, NULL);
		if (rc != -DER_TX_RESTART)
			break;
		again = daos_tx_restart(transaction, NULL);
		if (again != 0) {
			rc = again;
			break;
		}
		if (attempt > 2)
			mpiio_pause_before(attempt - 2);
	}
	daos_tx_close(transaction, NULL);
	return rc;
}

/* A move of the pointer, and where it was before. */
struct move {
	ADIO_Offset by, from;
};

static int advance(ADIO_File fd, daos_handle_t transaction, void *argument)
{
	struct mpiio_file *file = mpiio_file(fd);
	struct move *move = argument;
	ADIO_Offset to;
	int rc = get_pointer(file, transaction, &move->from);

	if (rc != 0)
		return rc;
	to = move->from + move->by;
	return daos_kv_put(file->shared, transaction, 0, POINTER, sizeof to, &to, NULL);
}

/* ROMIO's two functions about the shared pointer, which is in etypes. */

void ADIO_Get_shared_fp(ADIO_File fd, ADIO_Offset increment, ADIO_Offset *pointer, int *code)
{
	struct mpiio_file *file = mpiio_file(fd);
	struct mpiio_failure failure = { 0 };
	struct move move = { .by = increment };
	int rc;

	if (mpiio_open_shared(fd, &failure) == 0) {
		rc = increment == 0 ? get_pointer(file, DAOS_TX_NONE, &move.from) : mpiio_transact(fd, advance, &move);
		if (rc != 0)
			mpiio_fail_file(fd, &failure, rc, "the shared file pointer cannot be moved");
	}
	*pointer = move.from;
	if (file->is_shared_access) {
		file->delayed = failure;
		failure.number = 0;
	}
	*code = mpiio_code(&failure, "shared file pointer");
}

void ADIO_Set_shared_fp(ADIO_File fd, ADIO_Offset pointer, int *code)
{
	struct mpiio_file *file = mpiio_file(fd);
	struct mpiio_failure failure = { 0 };
	int rc;

	if (mpiio_open_shared(fd, &failure) == 0) {
		rc = daos_kv_put(file->shared, DAOS_TX_NONE, 0, POINTER, sizeof pointer, &pointer, NULL);
		if (rc != 0)
			mpiio_fail_file(fd, &failure, rc, "the shared file pointer cannot be set");
	}
	*code = mpiio_code(&failure, "shared file pointer");
}

void mpiio_begin_split(MPI_File file)
{
	mpiio_file(file)->had_split = file->split_coll_count != 0;
}

void mpiio_begun_split(MPI_File file, int code)
{
	if (code != MPI_SUCCESS && !mpiio_file(file)->had_split)
		file->split_coll_count = 0;
}

bool mpiio_is_only_read(MPI_File file)
{
	return (file->access_mode & ADIO_RDONLY) != 0;
}

int mpiio_find_end(MPI_File file, MPI_Offset *end)
{
	struct mpiio_failure failure = { 0 };

	mpiio_end(file, end, &failure);
	return mpiio_code(&failure, "MPI_File_seek");
}

/* The part of the first rank. */
static void seek_shared(ADIO_File fd, ADIO_Offset offset, int whence, struct mpiio_failure *failure)
{
	struct mpiio_file *file = mpiio_file(fd);
	ADIO_Offset from = 0;
	int rc;

	if (mpiio_open_shared(fd, failure) != 0)
		return;
	if (whence == MPI_SEEK_CUR) {
		rc = get_pointer(file, DAOS_TX_NONE, &from);
		if (rc != 0)
			mpiio_fail_file(fd, failure, rc, "the shared file pointer cannot be had");
	} else if (whence == MPI_SEEK_END) {
		mpiio_end(fd, &from, failure);
	} else if (whence != MPI_SEEK_SET) {
		mpiio_fail(failure, EINVAL, "%d is no place to seek from", whence);
	}
	if (failure->number != 0)
		return;
	if (from + offset < 0) {
		mpiio_fail(failure, EINVAL, "the shared file pointer would be %lld", (long long)(from + offset));
		return;
	}
	from += offset;
	rc = daos_kv_put(file->shared, DAOS_TX_NONE, 0, POINTER, sizeof from, &from, NULL);
	if (rc != 0)
		mpiio_fail_file(fd, failure, rc, "the shared file pointer cannot be set");
}

int mpiio_seek_shared(MPI_File fd, MPI_Offset offset, int whence)
{
	struct {
		struct mpiio_failure failure;
		MPI_Offset offset;
		int whence;
	} told = { .offset = offset, .whence = whence };
	int rank;

	if (fd->access_mode & ADIO_SEQUENTIAL)
		mpiio_fail(&told.failure, ENOTSUP, "%s was opened for sequential access", fd->filename);
	MPI_Comm_rank(fd->comm, &rank);
	if (rank == 0 && told.failure.number == 0)
		seek_shared(fd, offset, whence, &told.failure);
	/* Nobody is back before the pointer is set. */
	MPI_Bcast(&told, sizeof told, MPI_BYTE, 0, fd->comm);
	if (told.failure.number == 0 && (told.offset != offset || told.whence != whence))
		mpiio_fail(&told.failure, EINVAL, "the ranks seek to different places");
	return mpiio_code(&told.failure, "MPI_File_seek_shared");
}

void mpiio_begin_shared(MPI_File file)
{
	mpiio_file(file)->is_shared_access = true;
}

void mpiio_end_shared(MPI_File file)
{
	mpiio_file(file)->is_shared_access = false;
	mpiio_file(file)->delayed.number = 0;
}

void mpiio_meet(MPI_File file)
{
	MPI_Barrier(file->comm);
}

MPI_Comm mpiio_exchange_communicator(MPI_File file, MPI_Comm communicator)
{
	MPI_Comm before = file->comm;

	file->comm = communicator;
	return before;
}

/* A rank that has not used the pointer does not know whether another one has, so each sets what it has used. */
void mpiio_reset_shared(MPI_File file)
{
	int code;

	/* Another rank may still have to read where the pointer is, for a view that begins there. */
	MPI_Barrier(file->comm);
	if (mpiio_file(file)->shared_is_open)
		ADIO_Set_shared_fp(file, 0, &code);
	MPI_Barrier(file->comm);
}
