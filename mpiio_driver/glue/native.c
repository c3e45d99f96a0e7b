/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Where the MPI library is, and its own functions. */
#include "glue.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*
 * File names of MPI libraries begin like this: Debian's MPICH, and all that keep to the common ABI of MPICH's kin. What
 * follows is a number, which keeps libmpichfort.so and libmpicxx.so out.
 */
static const char *const LIBRARIES[] = { "libmpich.so", "libmpi.so" };

/* The library of MPI 5's standard ABI, whose handles are pointers. It may stand beside one of the above, or alone. */
#define STANDARD_LIBRARY "libmpi_abi.so"
/* What Open MPI has and no other: the object behind its MPI_COMM_WORLD. Its handles are pointers as well. */
#define OPEN_MPI_SYMBOL "ompi_mpi_comm_world"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void *library;

static int look(struct dl_phdr_info *object, size_t size, void *found)
{
	const char *base = strrchr(object->dlpi_name, '/');

	(void)size;
	base = base == NULL ? object->dlpi_name : base + 1;
	for (size_t i = 0; i < sizeof LIBRARIES / sizeof *LIBRARIES; i++) {
		if (strncmp(base, LIBRARIES[i], strlen(LIBRARIES[i])) == 0) {
			snprintf(found, PATH_MAX, "%s", object->dlpi_name);
			return 1;
		}
	}
	return 0;
}

static int look_standard(struct dl_phdr_info *object, size_t size, void *unused)
{
	const char *base = strrchr(object->dlpi_name, '/');

	(void)size, (void)unused;
	return strncmp(base == NULL ? object->dlpi_name : base + 1, STANDARD_LIBRARY, strlen(STANDARD_LIBRARY)) == 0;
}

/*
 * Our functions take handles as MPICH has them. Of another library they would cut pointers in half, also for files that
 * are not ours, so the program is told before the first of them is passed on.
 */
static void refuse(const char *other)
{
	fprintf(stderr,
		"MPI-IO: libdaos_mpiio.so serves MPI libraries that have MPICH's ABI, as MPICH and Intel MPI; this program uses "
		"%s: run it without LD_PRELOAD=libdaos_mpiio.so, on files outside of containers or on a mounted container\n",
		other);
	exit(EXIT_FAILURE);
}

/*
 * Python loads the MPI library for one module alone. We call it by name, so its names must be there for all; to open it
 * again with RTLD_GLOBAL does that, and loads nothing.
 */
static void find(void)
{
	char path[PATH_MAX];

	if (dl_iterate_phdr(look, path) == 1)
		library = dlopen(path, RTLD_LAZY | RTLD_NOLOAD | RTLD_GLOBAL);
	if (library != NULL && dlsym(library, OPEN_MPI_SYMBOL) != NULL)
		refuse("Open MPI");
	if (library == NULL && dl_iterate_phdr(look_standard, NULL) == 1)
		refuse("the standard ABI of MPI 5");
}

mpiio_function mpiio_native(const char *name)
{
	void *symbol;
	mpiio_function function;

	pthread_once(&once, find);
	symbol = dlsym(library != NULL ? library : RTLD_NEXT, name);
	/* ISO C has no conversion from an object's address to a function's; POSIX promises that they look the same. */
	memcpy(&function, &symbol, sizeof function);
	return function;
}

#define PREFIX "daos:"

bool mpiio_is_our_name(const char *name)
{
	const char *forced = getenv("ROMIO_FSTYPE_FORCE");

	if (name == NULL)
		return false;
	if (forced != NULL && forced[0] != '\0')
		return strncasecmp(forced, PREFIX, sizeof PREFIX - 1) == 0;
	return strncasecmp(name, PREFIX, sizeof PREFIX - 1) == 0;
}

/*
 * ROMIO_FSTYPE_FORCE takes the place of a prefix. ROMIO itself heeds it too late: it first looks for the file where files
 * without a prefix are.
 */
char *mpiio_prefixed(const char *name)
{
	const char *colon = strchr(name, ':');
	char *prefixed;

	/* One letter before the colon is no prefix, by ROMIO's rule. */
	if (colon != NULL && colon > name + 1)
		name = colon + 1;
	if (asprintf(&prefixed, PREFIX "%s", name) < 0)
		return NULL;
	return prefixed;
}
