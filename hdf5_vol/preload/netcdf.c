/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * What libnetcdf asks the system before it opens a file. It looks into a file to see of which format it is, unless HDF5 says that the file is
 * one of its own, and an extended attribute has ".daos" in its name: then it leaves all to HDF5. Files in containers have such an
 * attribute here, whether there is a mount in which the system knows them or not.
 *
 * Only libraries and programs that are linked with HDF5 are told so.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

typedef int64_t hid_t;
typedef int htri_t;
typedef htri_t (*accessible)(const char *, hid_t);
typedef ssize_t (*lister)(const char *, char *, size_t);

static const char ATTRIBUTE[] = "user.daos.hdf5";
/* How the entry of a file begins (hdf5_vol/src/format/entry.rs). */
static const char MAGIC[] = "\x89" "DAOSH5\n";
enum { MAGIC_SIZE = 8 };

/* A function of the HDF5 that the code at an address is linked with; NULL where it is linked with none. */
static accessible question(void *caller)
{
	accessible found = NULL;
	Dl_info info;

	if (dladdr(caller, &info) != 0 && info.dli_fname != NULL) {
		void *handle = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);

		/* A program has the name by which it was started. */
		if (handle == NULL)
			handle = dlopen(NULL, RTLD_LAZY);
		if (handle != NULL) {
			found = (accessible)dlsym(handle, "H5Fis_accessible");
			dlclose(handle);
		}
	}
	return found;
}

/* Whether a file of the system is the entry of one in a container. */
static bool is_entry(const char *path)
{
	char start[MAGIC_SIZE];
	bool is_one;
	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0)
		return false;
	is_one = read(file, start, sizeof start) == MAGIC_SIZE && memcmp(start, MAGIC, MAGIC_SIZE) == 0;
	close(file);
	return is_one;
}

__attribute__((visibility("default"))) ssize_t listxattr(const char *path, char *list, size_t size)
{
	lister next = (lister)dlsym(RTLD_NEXT, "listxattr");
	ssize_t length = next == NULL ? -1 : next(path, list, size);
	int error = next == NULL ? ENOTSUP : errno;
	accessible ask = question(__builtin_return_address(0));
	bool is_ours;

	if (ask == NULL || (length < 0 && error == ERANGE)) {
		errno = error;
		return length;
	}
	is_ours = length < 0 && (error == ENOENT || error == ENOTDIR) ? ask(path, 0) > 0 : is_entry(path);
	errno = error;
	if (!is_ours)
		return length;
	if (length < 0)
		length = 0;
	if (size != 0) {
		if (size - length < sizeof ATTRIBUTE) {
			errno = ERANGE;
			return -1;
		}
		memcpy(list + length, ATTRIBUTE, sizeof ATTRIBUTE);
	}
	return length + sizeof ATTRIBUTE;
}
