/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* From errno and DER numbers to error classes of MPI and sentences. */
#include "../glue/glue.h"
#include "driver.h"

#include <errno.h>
#include <stdarg.h>

int mpiio_fail(struct mpiio_failure *failure, int number, const char *format, ...)
{
	va_list arguments;
	int length;

	failure->number = number;
	va_start(arguments, format);
	length = vsnprintf(failure->sentence, sizeof failure->sentence, format, arguments);
	va_end(arguments);
	/* EDOM stands for a name that is none, which the sentence says better. */
	if (number != EDOM && length >= 0 && (size_t)length < sizeof failure->sentence)
		snprintf(failure->sentence + length, sizeof failure->sentence - (size_t)length, ": %s", strerror(number));
	return number;
}

/*
 * The errno that says the same as a DER number, as far as an error class of MPI depends on it. What is not here is trouble
 * with servers, network or media: the caller can do nothing about it in his program.
 */
static int errno_of(int der)
{
	switch (-der) {
	case DER_NONEXIST:
	case DER_ENOENT:
	case DER_CONT_NONEXIST:
	case DER_CONT_DESTROYING: return ENOENT;
	case DER_EXIST: return EEXIST;
	case DER_NO_PERM:
	case DER_OP_NOT_PERMITTED:
	case DER_NO_CERT:
	case DER_BAD_CERT: return EACCES;
	case DER_EP_RO: return EROFS;
	case DER_NOSPACE: return ENOSPC;
	case DER_QUOTA_LIMIT: return EDQUOT;
	case DER_NOMEM:
	case DER_NO_SHMEM: return ENOMEM;
	case DER_BUSY: return EBUSY;
	case DER_INVAL:
	case DER_IO_INVAL: return EINVAL;
	case DER_NO_HDL: return EBADF;
	case DER_BADPATH:
	case DER_NOTDIR: return ENOTDIR;
	case DER_EXCEEDS_PATH_LEN: return ENAMETOOLONG;
	case DER_NOSYS:
	case DER_NOTSUPPORTED:
	case DER_NOTAPPLICABLE: return ENOTSUP;
	default: return EIO;
	}
}

static int fail_der(struct mpiio_failure *failure, int der, const char *format, va_list arguments)
{
	int length = vsnprintf(failure->sentence, sizeof failure->sentence, format, arguments);

	failure->number = errno_of(der);
	if (length >= 0 && (size_t)length < sizeof failure->sentence)
		snprintf(failure->sentence + length, sizeof failure->sentence - (size_t)length, ": %s (%d)",
			d_errdesc(der), der);
	return failure->number;
}

int mpiio_fail_der(struct mpiio_failure *failure, int der, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fail_der(failure, der, format, arguments);
	va_end(arguments);
	return failure->number;
}

int mpiio_fail_file(ADIO_File fd, struct mpiio_failure *failure, int der, const char *format, ...)
{
	size_t length;
	va_list arguments;

	va_start(arguments, format);
	fail_der(failure, der, format, arguments);
	va_end(arguments);
	length = strlen(failure->sentence);
	if (der == -DER_NO_HDL) {
		mpiio_file(fd)->mount->is_lost = true;
		snprintf(failure->sentence + length, sizeof failure->sentence - length,
			"; the pool was taken from the job, or the rank that opened the file is gone: open the file again");
	}
	return failure->number;
}

static int class_of(int number)
{
	switch (number) {
	case ENOENT: return MPI_ERR_NO_SUCH_FILE;
	case EEXIST: return MPI_ERR_FILE_EXISTS;
	case EACCES:
	case EPERM: return MPI_ERR_ACCESS;
	case EROFS: return MPI_ERR_READ_ONLY;
	case ENOSPC: return MPI_ERR_NO_SPACE;
	case EDQUOT: return MPI_ERR_QUOTA;
	case EBUSY: return MPI_ERR_FILE_IN_USE;
	case EISDIR:
	case ENOTDIR:
	case ELOOP:
	case ENAMETOOLONG:
	case EDOM: return MPI_ERR_BAD_FILE;
	case ENOTSUP:
	case ENOSYS: return MPI_ERR_UNSUPPORTED_OPERATION;
	case ENOMEM: return MPI_ERR_NO_MEM;
	case EINVAL: return MPI_ERR_ARG;
	default: return MPI_ERR_IO;
	}
}

int mpiio_code(const struct mpiio_failure *failure, const char *where)
{
	if (failure->number == 0)
		return MPI_SUCCESS;
	return mpiio_error_code(MPI_SUCCESS, class_of(failure->number), where, 0, failure->sentence);
}

void mpiio_tell(struct mpiio_failure *failure, int from, MPI_Comm communicator)
{
	MPI_Bcast(failure, sizeof *failure, MPI_BYTE, from, communicator);
}

void mpiio_agree(struct mpiio_failure *failure, MPI_Comm communicator)
{
	int rank, size, first, mine;

	MPI_Comm_size(communicator, &size);
	if (size == 1)
		return;
	MPI_Comm_rank(communicator, &rank);
	mine = failure->number != 0 ? rank : INT_MAX;
	MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, communicator);
	if (first != INT_MAX)
		mpiio_tell(failure, first, communicator);
}
