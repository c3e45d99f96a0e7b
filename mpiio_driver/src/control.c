/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Size, atomic mode, synchronization, and what the driver tells ROMIO of itself. */
#include "driver.h"

#include <errno.h>
#include <fcntl.h>

static int set_size(ADIO_File fd, daos_size_t size, struct mpiio_failure *failure)
{
	int rc = daos_array_set_size(mpiio_file(fd)->array, DAOS_TX_NONE, size, NULL);

	return rc == 0 ? 0 :
			 mpiio_fail_file(fd, failure, rc, "the size of %s cannot be set to %llu", fd->filename,
				 (unsigned long long)size);
}

static int get_size(ADIO_File fd, daos_size_t *size, struct mpiio_failure *failure)
{
	int rc = daos_array_get_size(mpiio_file(fd)->array, DAOS_TX_NONE, size, NULL);

	return rc == 0 ? 0 : mpiio_fail_file(fd, failure, rc, "the size of %s cannot be had", fd->filename);
}

int mpiio_end(ADIO_File fd, ADIO_Offset *end, struct mpiio_failure *failure)
{
	daos_size_t size;
	int number = get_size(fd, &size, failure);

	*end = 0;
	if (number != 0)
		return number;
	*end = (mpiio_position(fd, (ADIO_Offset)size) + fd->etype_size - 1) / fd->etype_size;
	return 0;
}

/* Space cannot be set aside, but a file that would not fit is refused, as MPI asks for. */
static int preallocate(ADIO_File fd, daos_size_t size, struct mpiio_failure *failure)
{
	daos_pool_info_t pool = { .pi_bits = DPI_SPACE };
	daos_size_t now, room;
	int number = get_size(fd, &now, failure);

	if (number != 0 || size <= now)
		return number;
	if (daos_pool_query(mpiio_file(fd)->mount->pool, NULL, &pool, NULL, NULL) == 0) {
		room = pool.pi_space.ps_space.s_free[DAOS_MEDIA_SCM] + pool.pi_space.ps_space.s_free[DAOS_MEDIA_NVME];
		if (size - now > room)
			return mpiio_fail(failure, ENOSPC, "%llu bytes more are asked for and the pool has %llu",
				(unsigned long long)(size - now), (unsigned long long)room);
	}
	return set_size(fd, size, failure);
}

void mpiio_control(ADIO_File fd, int what, ADIO_Fcntl_t *argument, int *code)
{
	struct mpiio_failure failure = { 0 };
	daos_size_t size = 0;

	switch (what) {
	case ADIO_FCNTL_GET_FSIZE:
		get_size(fd, &size, &failure);
		argument->fsize = (ADIO_Offset)size;
		break;
	case ADIO_FCNTL_SET_DISKSPACE:
		preallocate(fd, (daos_size_t)argument->diskspace, &failure);
		break;
	case ADIO_FCNTL_SET_ATOMICITY:
		fd->atomicity = argument->atomicity != 0;
		break;
	default:
		mpiio_fail(&failure, EINVAL, "there is no file control %d", what);
	}
	*code = mpiio_code(&failure, "file control");
}

/* Every write is durable, and seen by all, when it has returned. */
void mpiio_flush(ADIO_File fd, int *code)
{
	fd->dirty_write = 0;
	if (fd->hints->synchronizing_flush > 0)
		MPI_Barrier(fd->comm);
	*code = MPI_SUCCESS;
}

void mpiio_resize(ADIO_File fd, ADIO_Offset size, int *code)
{
	struct mpiio_failure failure = { 0 };
	int rank;

	MPI_Comm_rank(fd->comm, &rank);
	if (rank == fd->hints->ranklist[0])
		set_size(fd, (daos_size_t)size, &failure);
	mpiio_tell(&failure, fd->hints->ranklist[0], fd->comm);
	*code = mpiio_code(&failure, "MPI_File_set_size");
}

int mpiio_feature(ADIO_File fd, int feature)
{
	(void)fd;
	switch (feature) {
	case ADIO_SHARED_FP:
	case ADIO_ATOMIC_MODE:
	case ADIO_SCALABLE_OPEN:
	case ADIO_SCALABLE_RESIZE:
	case ADIO_TWO_PHASE:
	case ADIO_IMMEDIATELY_VISIBLE:
		return 1;
	/* Not ADIO_LOCKS: atomic mode is kept inside of the driver. Not ADIO_DATA_SIEVING_WRITES: lists are better. */
	default:
		return 0;
	}
}
