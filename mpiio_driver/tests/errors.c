/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The class of error that each error number comes to. This program has a daos_array_write and a dfs_lookup of its own,
 * which the driver calls, and which give what they are told to. A handle that had been closed was a wrong argument of the
 * caller's, because libdfs says EINVAL for it.
 */
#include "test.h"

#include <daos.h>
#include <daos_fs.h>
#include <dlfcn.h>
#include <errno.h>

static int array_answer, lookup_answer;

int daos_array_write(daos_handle_t array, daos_handle_t transaction, daos_array_iod_t *ranges, d_sg_list_t *pieces,
	daos_event_t *event)
{
	int (*next)(daos_handle_t, daos_handle_t, daos_array_iod_t *, d_sg_list_t *, daos_event_t *) =
		dlsym(RTLD_NEXT, "daos_array_write");

	return array_answer != 0 ? array_answer : next(array, transaction, ranges, pieces, event);
}

int dfs_lookup(dfs_t *dfs, const char *path, int flags, dfs_obj_t **object, mode_t *mode, struct stat *status)
{
	int (*next)(dfs_t *, const char *, int, dfs_obj_t **, mode_t *, struct stat *) = dlsym(RTLD_NEXT, "dfs_lookup");

	return lookup_answer != 0 ? lookup_answer : next(dfs, path, flags, object, mode, status);
}

struct expected {
	int number, class;
};

static const struct expected ARRAY[] = {
	{ DER_NO_PERM, MPI_ERR_ACCESS },
	{ DER_OP_NOT_PERMITTED, MPI_ERR_ACCESS },
	{ DER_NO_CERT, MPI_ERR_ACCESS },
	{ DER_BAD_CERT, MPI_ERR_ACCESS },
	{ DER_EP_RO, MPI_ERR_READ_ONLY },
	{ DER_NOSPACE, MPI_ERR_NO_SPACE },
	{ DER_QUOTA_LIMIT, MPI_ERR_QUOTA },
	{ DER_NOMEM, MPI_ERR_NO_MEM },
	{ DER_NO_SHMEM, MPI_ERR_NO_MEM },
	{ DER_BUSY, MPI_ERR_FILE_IN_USE },
	{ DER_NONEXIST, MPI_ERR_NO_SUCH_FILE },
	{ DER_ENOENT, MPI_ERR_NO_SUCH_FILE },
	{ DER_CONT_NONEXIST, MPI_ERR_NO_SUCH_FILE },
	{ DER_CONT_DESTROYING, MPI_ERR_NO_SUCH_FILE },
	{ DER_EXIST, MPI_ERR_FILE_EXISTS },
	{ DER_BADPATH, MPI_ERR_BAD_FILE },
	{ DER_NOTDIR, MPI_ERR_BAD_FILE },
	{ DER_EXCEEDS_PATH_LEN, MPI_ERR_BAD_FILE },
	{ DER_INVAL, MPI_ERR_ARG },
	{ DER_IO_INVAL, MPI_ERR_ARG },
	{ DER_NOSYS, MPI_ERR_UNSUPPORTED_OPERATION },
	{ DER_NOTSUPPORTED, MPI_ERR_UNSUPPORTED_OPERATION },
	{ DER_NOTAPPLICABLE, MPI_ERR_UNSUPPORTED_OPERATION },
	/* Trouble of servers, network and media, and numbers that nobody knows. */
	{ DER_NO_HDL, MPI_ERR_IO },
	{ DER_UNREACH, MPI_ERR_IO },
	{ DER_TIMEDOUT, MPI_ERR_IO },
	{ DER_SHUTDOWN, MPI_ERR_IO },
	{ DER_NO_SERVICE, MPI_ERR_IO },
	{ DER_EXCLUDED, MPI_ERR_IO },
	{ DER_CSUM, MPI_ERR_IO },
	{ DER_DATA_LOSS, MPI_ERR_IO },
	{ DER_NVME_IO, MPI_ERR_IO },
	{ DER_IO, MPI_ERR_IO },
	{ DER_UNKNOWN, MPI_ERR_IO },
};

static const struct expected LOOKUP[] = {
	{ ENOENT, MPI_ERR_NO_SUCH_FILE },
	{ EACCES, MPI_ERR_ACCESS },
	{ EPERM, MPI_ERR_ACCESS },
	{ EROFS, MPI_ERR_READ_ONLY },
	{ ENOTDIR, MPI_ERR_BAD_FILE },
	{ EISDIR, MPI_ERR_BAD_FILE },
	{ ELOOP, MPI_ERR_BAD_FILE },
	{ ENAMETOOLONG, MPI_ERR_BAD_FILE },
	{ ENOMEM, MPI_ERR_NO_MEM },
	{ EINVAL, MPI_ERR_ARG },
	{ ENOTSUP, MPI_ERR_UNSUPPORTED_OPERATION },
	{ EIO, MPI_ERR_IO },
	{ ETIMEDOUT, MPI_ERR_IO },
};

int main(int count, char **arguments)
{
	MPI_File file, other;
	int number = 1;

	test_begin(&count, &arguments);
	if (strncmp(test_directory, "daos:", 5) != 0)
		return test_end();
	file = test_open("errors", MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE);
	for (size_t i = 0; i < sizeof ARRAY / sizeof *ARRAY; i++) {
		array_answer = -ARRAY[i].number;
		FAILS(ARRAY[i].class, MPI_File_write_at(file, 0, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
		FAILS(ARRAY[i].class, MPI_File_write_at_all(file, 0, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
	}
	array_answer = 0;
	CALL(MPI_File_write_at(file, 4 * test_rank, &number, 1, MPI_INT, MPI_STATUS_IGNORE));
	for (size_t i = 0; i < sizeof LOOKUP / sizeof *LOOKUP; i++) {
		lookup_answer = LOOKUP[i].number;
		FAILS(LOOKUP[i].class, MPI_File_open(MPI_COMM_WORLD, test_name("errors"), MPI_MODE_RDWR, MPI_INFO_NULL, &other));
	}
	lookup_answer = 0;
	CALL(MPI_File_close(&file));
	return test_end();
}
