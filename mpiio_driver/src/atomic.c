/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Atomic mode: one access at a time holds the file's lock. The lock is a key of the file's shared object that says who
 * holds it; to insert it is to take it.
 *
 * It ends with its holder. Before a rank takes it for the first time it connects to the pool once more, for itself, and
 * leaves the bytes of that handle in the shared object. The servers close the handles of a client when its connection
 * ends, so a rank that waits asks whether the handle of the holder is still open, and takes the lock when it is not. A
 * holder that is only slow, or stopped, keeps it.
 *
 * A holder may be cut off and not know it. What it writes or reads is therefore done in transactions that read the lock
 * first: a write behind the moment at which another rank took the lock, or which one of that rank's reads should have seen,
 * is refused by the servers, however late it comes. Nothing here depends on clocks.
 */
#include "driver.h"

#include <daos_kv.h>

#define LOCK "lock"
/* Of the key with a rank's handle. */
#define RANK_KEY_BYTES 32
/* Bytes of a pool's handle, which are a few hundred. */
#define HANDLE_BYTES_MAX 8192
/* A rank that has seen the same holder so often, which is well below a second, asks whether it is still there; and then again. */
#define LOOKS_BEFORE_DOUBT 128

/* Who holds the lock, and for which of its accesses. */
struct holder {
	uint64_t rank;
	uint64_t turn;
};

static bool same(struct holder one, struct holder other)
{
	return one.rank == other.rank && one.turn == other.turn;
}

static struct holder own(ADIO_File fd)
{
	int rank;

	MPI_Comm_rank(fd->comm, &rank);
	return (struct holder){ .rank = (uint64_t)rank, .turn = mpiio_file(fd)->turn };
}

/* Who holds the lock; -DER_NONEXIST when nobody does. */
static int get_holder(struct mpiio_file *file, daos_handle_t transaction, struct holder *holder)
{
	daos_size_t size = sizeof *holder;
	int rc = daos_kv_get(file->shared, transaction, 0, LOCK, &size, holder, NULL);

	return rc == 0 && size != sizeof *holder ? -DER_NONEXIST : rc;
}

/* Whether the lock is still that of this access. */
static int check_holder(ADIO_File fd, daos_handle_t transaction)
{
	struct holder holder;
	int rc = get_holder(mpiio_file(fd), transaction, &holder);

	if (rc == -DER_NONEXIST || (rc == 0 && !same(holder, own(fd))))
		return MPIIO_LOCK_TAKEN;
	return rc;
}

static void rank_key(uint64_t rank, char *key)
{
	snprintf(key, RANK_KEY_BYTES, "rank %llu", (unsigned long long)rank);
}

/* Connects to the pool that the file is in. */
static int connect_again(struct mpiio_file *file, daos_handle_t *pool)
{
	daos_pool_info_t info = { 0 };
	char name[40], *at = name;
	int rc = daos_pool_query(file->mount->pool, NULL, &info, NULL, NULL);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < sizeof info.pi_uuid; i++)
		at += sprintf(at, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", info.pi_uuid[i]);
	return daos_pool_connect(name, NULL, DAOS_PC_RO, pool, NULL, NULL);
}

/* Leaves a handle where the others find it, by which they can tell whether this rank is there. */
static int leave_handle(ADIO_File fd, daos_handle_t pool)
{
	d_iov_t bytes = { 0 };
	char key[RANK_KEY_BYTES];
	int rc = daos_pool_local2global(pool, &bytes);

	if (rc == 0 && bytes.iov_buf_len > HANDLE_BYTES_MAX)
		rc = -DER_OVERFLOW;
	if (rc != 0)
		return rc;
	bytes.iov_buf = malloc(bytes.iov_buf_len);
	if (bytes.iov_buf == NULL)
		return -DER_NOMEM;
	rc = daos_pool_local2global(pool, &bytes);
	rank_key(own(fd).rank, key);
	if (rc == 0)
		rc = daos_kv_put(mpiio_file(fd)->shared, DAOS_TX_NONE, 0, key, bytes.iov_len, bytes.iov_buf, NULL);
	free(bytes.iov_buf);
	return rc;
}

static int begin_life(ADIO_File fd)
{
	struct mpiio_file *file = mpiio_file(fd);
	int rc;

	if (file->life_is_open)
		return 0;
	rc = connect_again(file, &file->life);
	if (rc != 0)
		return rc;
	rc = leave_handle(fd, file->life);
	file->life_is_open = true;
	if (rc != 0)
		mpiio_end_life(file);
	return rc;
}

void mpiio_end_life(struct mpiio_file *file)
{
	if (file->life_is_open)
		daos_pool_disconnect(file->life, NULL);
	file->life_is_open = false;
}

/* Whether a rank is gone: its handle is closed. False as well when that cannot be told. */
static bool is_gone(struct mpiio_file *file, uint64_t rank)
{
	char key[RANK_KEY_BYTES], bytes[HANDLE_BYTES_MAX];
	daos_size_t size = sizeof bytes;
	daos_handle_t pool;
	d_iov_t handle;
	int rc;

	rank_key(rank, key);
	rc = daos_kv_get(file->shared, DAOS_TX_NONE, 0, key, &size, bytes, NULL);
	if (rc != 0 || size == 0)
		return false;
	d_iov_set(&handle, bytes, size);
	rc = daos_pool_global2local(handle, &pool);
	if (rc == 0) {
		rc = daos_pool_query(pool, NULL, NULL, NULL, NULL);
		daos_pool_disconnect(pool, NULL);
	}
	return rc == -DER_NO_HDL;
}

/* The lock goes from a holder that is gone to this rank; MPIIO_LOCK_TAKEN when it has gone elsewhere. */
static int replace_holder(ADIO_File fd, daos_handle_t transaction, void *argument)
{
	struct mpiio_file *file = mpiio_file(fd);
	const struct holder *gone = argument;
	struct holder holder, mine = own(fd);
	int rc = get_holder(file, transaction, &holder);

	if (rc == -DER_NONEXIST || (rc == 0 && !same(holder, *gone)))
		return MPIIO_LOCK_TAKEN;
	return rc != 0 ? rc : daos_kv_put(file->shared, transaction, 0, LOCK, sizeof mine, &mine, NULL);
}

static int insert_holder(ADIO_File fd)
{
	struct mpiio_file *file = mpiio_file(fd);
	struct holder mine = own(fd), holder, before = { 0 };
	unsigned looks = 0;
	int rc;

	for (unsigned attempt = 0; attempt < MPIIO_WAITS_MAX; attempt++) {
		rc = daos_kv_put(file->shared, DAOS_TX_NONE, DAOS_COND_KEY_INSERT, LOCK, sizeof mine, &mine, NULL);
		if (rc != -DER_EXIST)
			return rc;
		rc = get_holder(file, DAOS_TX_NONE, &holder);
		if (rc == -DER_NONEXIST)
			continue;
		/* When an engine ends after it has taken the key in and before it says so, the key is there already. */
		if (rc != 0 || same(holder, mine))
			return rc;
		looks = same(holder, before) ? looks + 1 : 0;
		before = holder;
		/* An access of this rank could not give it back, or was never told that it had it. */
		if (holder.rank == mine.rank || (looks >= LOOKS_BEFORE_DOUBT && is_gone(file, holder.rank))) {
			rc = mpiio_transact(fd, replace_holder, &holder);
			if (rc != MPIIO_LOCK_TAKEN)
				return rc;
			continue;
		}
		if (looks >= LOOKS_BEFORE_DOUBT)
			looks = 0;
		mpiio_pause_before(attempt);
	}
	return -DER_TIMEDOUT;
}

int mpiio_lock(ADIO_File fd, struct mpiio_failure *failure)
{
	struct mpiio_file *file = mpiio_file(fd);
	int rc;

	if (!fd->atomicity)
		return 0;
	if (mpiio_open_shared(fd, failure) != 0)
		return failure->number;
	file->turn++;
	rc = begin_life(fd);
	if (rc == 0)
		rc = insert_holder(fd);
	if (rc != 0)
		return mpiio_fail_file(fd, failure, rc, "the lock of atomic mode cannot be had");
	return 0;
}

static int remove_holder(ADIO_File fd, daos_handle_t transaction, void *argument)
{
	int rc = check_holder(fd, transaction);

	(void)argument;
	return rc != 0 ? rc : daos_kv_remove(mpiio_file(fd)->shared, transaction, 0, LOCK, NULL);
}

void mpiio_unlock(ADIO_File fd)
{
	/* A lock that cannot be given back is given up with the handle that says that this rank is there. */
	if (fd->atomicity && mpiio_transact(fd, remove_holder, NULL) != 0)
		mpiio_end_life(mpiio_file(fd));
}

static int access_part(ADIO_File fd, daos_handle_t transaction, void *argument)
{
	int rc = check_holder(fd, transaction);

	return rc != 0 ? rc : mpiio_call(mpiio_file(fd), transaction, argument);
}

int mpiio_call_locked(ADIO_File fd, struct mpiio_part *part)
{
	return mpiio_transact(fd, access_part, part);
}
