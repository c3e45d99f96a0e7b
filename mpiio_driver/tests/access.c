/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "access.h"

#include "test.h"

#define EITHER(read, write) (access->is_write ? (write) : (read))
#define ARGUMENTS buffer, copies, access->memory.type
#define END(name) (code != MPI_SUCCESS ? code : EITHER(MPI_File_read_##name##_end(file, buffer, status), \
	MPI_File_write_##name##_end(file, buffer, status)))
#define PLAIN(name) EITHER(MPI_File_read##name(file, ARGUMENTS, status), MPI_File_write##name(file, ARGUMENTS, status))
#define STARTED(name) EITHER(MPI_File_iread##name(file, ARGUMENTS, &request), MPI_File_iwrite##name(file, ARGUMENTS, &request))
#define BEGUN(name) EITHER(MPI_File_read_##name##_begin(file, ARGUMENTS), MPI_File_write_##name##_begin(file, ARGUMENTS))
#define PLAIN_AT(name) EITHER(MPI_File_read_at##name(file, offset, ARGUMENTS, status), \
	MPI_File_write_at##name(file, offset, ARGUMENTS, status))
#define STARTED_AT(name) EITHER(MPI_File_iread_at##name(file, offset, ARGUMENTS, &request), \
	MPI_File_iwrite_at##name(file, offset, ARGUMENTS, &request))

int access_perform(MPI_File file, const struct access *access, void *buffer, MPI_Status *status)
{
	MPI_Offset offset = access->offset[test_rank];
	int copies = access->copies[test_rank], code = MPI_SUCCESS;
	bool is_split = access->manner == SPLIT, is_started = access->manner == NONBLOCKING;
	MPI_Request request;

	switch (access->pointer) {
	case EXPLICIT:
		if (is_split) {
			code = EITHER(MPI_File_read_at_all_begin(file, offset, ARGUMENTS),
				MPI_File_write_at_all_begin(file, offset, ARGUMENTS));
			return END(at_all);
		}
		if (is_started)
			code = access->is_collective ? STARTED_AT(_all) : STARTED_AT();
		else
			return access->is_collective ? PLAIN_AT(_all) : PLAIN_AT();
		break;
	case INDIVIDUAL:
		if (is_split) {
			code = BEGUN(all);
			return END(all);
		}
		if (is_started)
			code = access->is_collective ? STARTED(_all) : STARTED();
		else
			return access->is_collective ? PLAIN(_all) : PLAIN();
		break;
	case SHARED:
		if (!is_started)
			return PLAIN(_shared);
		code = STARTED(_shared);
		break;
	case ORDERED:
		if (!is_split)
			return PLAIN(_ordered);
		code = BEGUN(ordered);
		return END(ordered);
	}
	return code != MPI_SUCCESS ? code : MPI_Wait(&request, status);
}
