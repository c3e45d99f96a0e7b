/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * What the ranks that have opened a file together share: the shared file pointer, and the lock of atomic mode. Both are
 * keys of one key-value object of class S1, whose id was reserved when the file was opened. It exists from the first use
 * on, and is removed when the file is closed; no hidden file appears beside the user's.
 *
 * The pointer moves by a transaction that reads and writes its key. What lost against another rank is done again, so no
 * rank can stop the others by stopping itself. The lock is a key that exists: to insert it is to take the lock.
 */
#include "../glue/glue.h"
#include "driver.h"

#include <daos_kv.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#define POINTER "pointer"
#define LOCK "lock"

/* A rank that waits looks again after this long, and after twice that, up to the limit. */
#define WAIT_NS_FIRST 20000L
#define WAIT_NS_LIMIT 1000000L
/* Waiting ends with an error after about two minutes, which is far more than a job's ranks need one after the other. */
#define WAITS_MAX 120000

static void pause_before(unsigned attempt)
{
	struct timespec pause = { 0, WAIT_NS_FIRST };

	for (unsigned i = 0; i < attempt && pause.tv_nsec < WAIT_NS_LIMIT; i++)
		pause.tv_nsec *= 2;
	nanosleep(&pause, NULL);
}

static int open_shared(struct mpiio_file *file, struct mpiio_failure *failure)
{
	int rc;

	if (file->shared_is_open)
		return 0;
	if (file->shared_id.hi == 0)
		return mpiio_fail(failure, EROFS, "the shared file pointer and atomic mode need a container that may be written");
	rc = daos_kv_open(file->mount->container, file->shared_id, DAOS_OO_RW, &file->shared, NULL);
	if (rc != 0)
		return mpiio_fail_der(failure, rc, "the shared file pointer cannot be opened");
	file->shared_is_open = true;
	return 0;
}

void mpiio_close_shared(struct mpiio_file *file, bool was_used, bool last)
{
	struct mpiio_failure failure = { 0 };

	/* What cannot be removed is left behind: a few bytes that nobody will look for. */
	if (was_used && last && open_shared(file, &failure) == 0)
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

/* Gives the pointer, and moves it. */
static int advance(struct mpiio_file *file, ADIO_Offset by, ADIO_Offset *pointer)
{
	daos_handle_t transaction;
	ADIO_Offset moved;
	int rc = daos_tx_open(file->mount->container, &transaction, 0, NULL);

	if (rc != 0)
		return rc;
	for (unsigned attempt = 0; attempt < WAITS_MAX; attempt++) {
		rc = get_pointer(file, transaction, pointer);
		if (rc == 0) {
			moved = *pointer + by;
			rc = daos_kv_put(file->shared, transaction, 0, POINTER, sizeof moved, &moved, NULL);
		}
		if (rc == 0)
			rc = daos_tx_commit(transaction, NULL);
		if (rc != -DER_TX_RESTART)
			break;
		rc = daos_tx_restart(transaction, NULL);
		if (rc != 0)
			break;
		if (attempt > 2)
			pause_before(attempt - 2);
	}
	daos_tx_close(transaction, NULL);
	return rc;
}

/* ROMIO's two functions about the shared pointer, which is in etypes. */

void ADIO_Get_shared_fp(ADIO_File fd, ADIO_Offset increment, ADIO_Offset *pointer, int *code)
{
	struct mpiio_file *file = mpiio_file(fd);
	struct mpiio_failure failure = { 0 };
	int rc = 0;

	*pointer = 0;
	if (open_shared(file, &failure) == 0) {
		rc = increment == 0 ? get_pointer(file, DAOS_TX_NONE, pointer) : advance(file, increment, pointer);
		if (rc != 0)
			mpiio_fail_der(&failure, rc, "the shared file pointer cannot be moved");
	}
	*code = mpiio_code(&failure, "shared file pointer");
}

void ADIO_Set_shared_fp(ADIO_File fd, ADIO_Offset pointer, int *code)
{
	struct mpiio_file *file = mpiio_file(fd);
	struct mpiio_failure failure = { 0 };
	int rc;

	if (open_shared(file, &failure) == 0) {
		rc = daos_kv_put(file->shared, DAOS_TX_NONE, 0, POINTER, sizeof pointer, &pointer, NULL);
		if (rc != 0)
			mpiio_fail_der(&failure, rc, "the shared file pointer cannot be set");
	}
	*code = mpiio_code(&failure, "shared file pointer");
}

void mpiio_meet(MPI_File file)
{
	MPI_Barrier(file->comm);
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

int mpiio_lock(ADIO_File fd, struct mpiio_failure *failure)
{
	struct mpiio_file *file = mpiio_file(fd);
	char owner = 1;
	int rc = -DER_EXIST;

	if (!fd->atomicity)
		return 0;
	if (open_shared(file, failure) != 0)
		return failure->number;
	for (unsigned attempt = 0; attempt < WAITS_MAX && rc == -DER_EXIST; attempt++) {
		if (attempt > 0)
			pause_before(attempt);
		rc = daos_kv_put(file->shared, DAOS_TX_NONE, DAOS_COND_KEY_INSERT, LOCK, sizeof owner, &owner, NULL);
	}
	if (rc != 0)
		return mpiio_fail_der(failure, rc, "the lock of atomic mode cannot be had");
	return 0;
}

void mpiio_unlock(ADIO_File fd)
{
	struct mpiio_file *file = mpiio_file(fd);

	if (fd->atomicity)
		daos_kv_remove(file->shared, DAOS_TX_NONE, 0, LOCK, NULL);
}
