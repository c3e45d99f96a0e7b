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

/* The errno that says the same as a DER number, as far as an error class of MPI depends on it. */
static int errno_of(int der)
{
	switch (der) {
	case -DER_NONEXIST: return ENOENT;
	case -DER_EXIST: return EEXIST;
	case -DER_NO_PERM: return EACCES;
	case -DER_NOSPACE: return ENOSPC;
	case -DER_NOMEM: return ENOMEM;
	case -DER_BUSY: return EBUSY;
	case -DER_INVAL: return EINVAL;
	case -DER_NO_HDL: return EBADF;
	case -DER_NOSYS: return ENOSYS;
	default: return EIO;
	}
}

int mpiio_fail_der(struct mpiio_failure *failure, int der, const char *format, ...)
{
	va_list arguments;
	int length;

	failure->number = errno_of(der);
	va_start(arguments, format);
	length = vsnprintf(failure->sentence, sizeof failure->sentence, format, arguments);
	va_end(arguments);
	if (length >= 0 && (size_t)length < sizeof failure->sentence)
		snprintf(failure->sentence + length, sizeof failure->sentence - (size_t)length, ": %s (%d)",
			d_errdesc(der), der);
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
