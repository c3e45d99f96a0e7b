/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * What libnetcdf asks the system before it opens a file. It looks into a file to see of which format it is, unless HDF5 says that the file is
 * one of its own, and an extended attribute has ".daos" in its name: then it leaves all to HDF5. Files in containers have such an
 * attribute here, whether there is a mount in which the system knows them or not.
 *
 * Only libraries and programs that are linked with HDF5 are told so. libnetcdf asks also before it makes a file, of which the program has said of
 * which format it is to be: what it replaces does not count then.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define CALLER __builtin_return_address(0)

typedef int64_t hid_t;
typedef int htri_t;
typedef htri_t (*accessible)(const char *, hid_t);
typedef ssize_t (*lister)(const char *, char *, size_t);

static const char ATTRIBUTE[] = "user.daos.hdf5";
/* How the entry of a file begins (hdf5_vol/src/format/entry.rs). */
static const char MAGIC[] = "\x89" "DAOSH5\n";
enum { MAGIC_SIZE = 8 };

/* Who makes a file by libnetcdf on this thread. One of its functions may end by jumping to another one, which then seems to be called from here. */
static __thread void *creator;

/* A function of what the code at an address is linked with; NULL where that has none of this name. */
static void *find(void *caller, const char *name)
{
	void *found = NULL;
	Dl_info info;

	if (dladdr(caller, &info) != 0 && info.dli_fname != NULL) {
		void *handle = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);

		/* A program has the name by which it was started. */
		if (handle == NULL)
			handle = dlopen(NULL, RTLD_LAZY);
		if (handle != NULL) {
			found = dlsym(handle, name);
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
	struct stat status;
	/* Opening a pipe does not wait for who writes into it. */
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (file < 0)
		return false;
	is_one = fstat(file, &status) == 0 && S_ISREG(status.st_mode) && read(file, start, sizeof start) == MAGIC_SIZE && memcmp(start, MAGIC, MAGIC_SIZE) == 0;
	close(file);
	return is_one;
}

EXPORT ssize_t listxattr(const char *path, char *list, size_t size)
{
	lister next = (lister)dlsym(RTLD_NEXT, "listxattr");
	ssize_t length = next == NULL ? -1 : next(path, list, size);
	int error = next == NULL ? ENOTSUP : errno;
	accessible ask = (accessible)find(CALLER, "H5Fis_accessible");
	bool is_ours;

	if (ask == NULL || creator != NULL || (length < 0 && error == ERANGE)) {
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

/* A function of libnetcdf that this library stands before, wherever the program has loaded that. */
static void *next_of(void *caller, const char *name, void *own)
{
	void *found = find(caller, name);

	return found == NULL || found == own ? dlsym(RTLD_NEXT, name) : found;
}

/* NC_ENOTBUILT: there is no libnetcdf to do it. */
enum { NO_LIBRARY = -128 };

/* Calls one while this thread makes a file. */
#define CREATE(name, types, arguments) ({                                                       \
	void *before_ = creator, *caller_ = before_ != NULL ? before_ : CALLER;                 \
	int(*next_) types = (int(*) types)next_of(caller_, #name, name);                        \
	int result_ = NO_LIBRARY;                                                               \
	if (next_ != NULL) {                                                                    \
		creator = caller_;                                                              \
		result_ = next_ arguments;                                                      \
		creator = before_;                                                              \
	}                                                                                       \
	result_;                                                                                \
})

EXPORT int nc_create(const char *path, int mode, int *file)
{
	return CREATE(nc_create, (const char *, int, int *), (path, mode, file));
}

EXPORT int nc__create(const char *path, int mode, size_t size, size_t *hint, int *file)
{
	return CREATE(nc__create, (const char *, int, size_t, size_t *, int *), (path, mode, size, hint, file));
}

/* A communicator and its information are numbers or pointers. */
EXPORT int nc_create_par(const char *path, int mode, void *communicator, void *information, int *file)
{
	return CREATE(nc_create_par, (const char *, int, void *, void *, int *), (path, mode, communicator, information, file));
}
