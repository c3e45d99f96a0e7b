/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* One access to a file by any of MPI's calls. */
#ifndef MPIIO_ACCESS_H
#define MPIIO_ACCESS_H

#include "shape.h"

/** The most ranks that take part in one. */
enum { ACCESS_RANKS_MAX = 8 };

/** By what pointer. */
enum pointer { EXPLICIT, INDIVIDUAL, SHARED, ORDERED };
/** By which kind of call. */
enum manner { BLOCKING, NONBLOCKING, SPLIT };

/** One access, the same on all ranks but for what is in the arrays. */
struct access {
	enum pointer pointer;
	enum manner manner;
	bool is_collective, is_write;
	/* Of those that one rank makes alone. */
	int actor;
	/* In elements. */
	int offset[ACCESS_RANKS_MAX], count[ACCESS_RANKS_MAX];
	/* How often the memory's shape; its element when it is contiguous. */
	int copies[ACCESS_RANKS_MAX];
	struct shape memory;
	unsigned key;
};

/** Makes this rank's part of an access; gives the code of the call that failed, if one did. */
int access_perform(MPI_File file, const struct access *access, void *buffer, MPI_Status *status);

#endif
