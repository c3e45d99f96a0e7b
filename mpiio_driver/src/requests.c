/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Nonblocking access. The access is made at once and a request that is complete is given; an error is that of the call
 * which starts it, so none can get lost.
 */
#include "driver.h"

#include <mpiu_greq.h>

static void complete(ADIO_File fd, ADIO_Status *status, ADIO_Request *request, int *code)
{
	MPI_Count bytes = 0;

	if (*code != MPI_SUCCESS)
		return;
	MPI_Get_elements_x(status, MPI_BYTE, &bytes);
	MPIO_Completed_request_create(&fd, bytes, code, request);
}

void mpiio_start_read(ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	ADIO_Request *request, int *code)
{
	ADIO_Status status;

	mpiio_read(fd, buffer, count, type, pointer, offset, &status, code);
	complete(fd, &status, request, code);
}

void mpiio_start_write(ADIO_File fd, const void *buffer, int count, MPI_Datatype type, int pointer,
	ADIO_Offset offset, ADIO_Request *request, int *code)
{
	ADIO_Status status;

	mpiio_write(fd, buffer, count, type, pointer, offset, &status, code);
	complete(fd, &status, request, code);
}

/* A collective access that is started must not wait for other ranks, so these two serve for that as well. */

void mpiio_start_read_strided(ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer,
	ADIO_Offset offset, ADIO_Request *request, int *code)
{
	ADIO_Status status;

	mpiio_read_strided(fd, buffer, count, type, pointer, offset, &status, code);
	complete(fd, &status, request, code);
}

void mpiio_start_write_strided(ADIO_File fd, const void *buffer, int count, MPI_Datatype type, int pointer,
	ADIO_Offset offset, ADIO_Request *request, int *code)
{
	ADIO_Status status;

	mpiio_write_strided(fd, buffer, count, type, pointer, offset, &status, code);
	complete(fd, &status, request, code);
}
