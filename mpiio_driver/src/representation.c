/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Data in the representation external32. ROMIO converts it in some of its calls and not in others, into memory that is too short for
 * types with gaps, and takes the success of the conversion for that of the access. So it is not told of the representation, and the
 * driver converts in each access: what is packed has no gaps, and is read or written as bytes.
 */
#include "../glue/glue.h"
#include "driver.h"

#include <errno.h>

#define REPRESENTATION "external32"

void mpiio_take_representation(MPI_File file)
{
	mpiio_file(file)->is_external32 = file->is_external32 != 0;
	file->is_external32 = 0;
}

void mpiio_show_representation(MPI_File file)
{
	file->is_external32 = mpiio_file(file)->is_external32;
}

/* Memory for elements as they are in the file, all zeros; NULL with a failure. Some types are shorter there than in memory. */
static char *memory_for(int count, MPI_Datatype type, MPI_Count *bytes, MPI_Aint *packed, struct mpiio_failure *failure)
{
	MPI_Count size;
	char *memory;

	MPI_Type_size_x(type, &size);
	*bytes = size * count;
	if (*bytes > INT_MAX || MPI_Pack_external_size(REPRESENTATION, count, type, packed) != MPI_SUCCESS) {
		mpiio_fail(failure, ENOTSUP, "%lld bytes of this type cannot be converted to " REPRESENTATION " in one call",
			(long long)*bytes);
		return NULL;
	}
	memory = calloc(1, (size_t)(*bytes > *packed ? *bytes : *packed) + 1);
	if (memory == NULL)
		mpiio_fail(failure, ENOMEM, "no memory for %lld bytes in " REPRESENTATION, (long long)*bytes);
	return memory;
}

/* Behind the end of the file the caller's memory stays as it is: what is packed gets there what is in it. */
static bool keep_rest(char *memory, MPI_Count got, MPI_Count bytes, MPI_Aint packed, const void *buffer, int count, MPI_Datatype type)
{
	char *before = malloc((size_t)(bytes > packed ? bytes : packed) + 1);
	MPI_Aint position = 0;
	bool is_packed = before != NULL &&
		MPI_Pack_external(REPRESENTATION, buffer, count, type, before, packed, &position) == MPI_SUCCESS;

	if (is_packed)
		memcpy(memory + got, before + got, (size_t)(bytes - got));
	free(before);
	return is_packed;
}

int mpiio_access_external32(mpiio_access *access, ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer,
	ADIO_Offset offset, bool is_write, ADIO_Status *status, const char *where)
{
	struct mpiio_failure failure = { 0 };
	MPI_Aint packed, position = 0;
	MPI_Count bytes, got = 0;
	MPI_Status inner;
	char *memory = memory_for(count, type, &bytes, &packed, &failure);
	int code;

	if (memory == NULL)
		return mpiio_code(&failure, where);
	if (is_write && MPI_Pack_external(REPRESENTATION, buffer, count, type, memory, packed, &position) != MPI_SUCCESS) {
		mpiio_fail(&failure, ENOTSUP, "this type cannot be converted to " REPRESENTATION);
		free(memory);
		return mpiio_code(&failure, where);
	}
	code = access(fd, memory, (int)bytes, MPI_BYTE, pointer, offset, is_write, &inner, where);
	if (code == MPI_SUCCESS) {
		MPI_Get_elements_x(&inner, MPI_BYTE, &got);
		if (!is_write && got > 0 &&
			((got < bytes && !keep_rest(memory, got, bytes, packed, buffer, count, type)) ||
				MPI_Unpack_external(REPRESENTATION, memory, packed, &position, buffer, count, type) != MPI_SUCCESS)) {
			mpiio_fail(&failure, EIO, "what was read cannot be converted from " REPRESENTATION);
			code = mpiio_code(&failure, where);
		} else {
			MPIR_Status_set_bytes(status, type, got);
		}
	}
	free(memory);
	return code;
}
