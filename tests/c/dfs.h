/* What the C tests of files and directories share. */
#ifndef TESTS_C_DFS_H
#define TESTS_C_DFS_H

#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "check.h"
#include <daos_fs.h>

/* As EXPECT, for functions that give a positive errno. */
#define GIVES(call, number) \
	do { \
		int rc_ = (call), expected_ = (number); \
		if (rc_ != expected_) { \
			fprintf(stderr, "%s:%d: %s is %d (%s), not %d (%s)\n", __FILE__, __LINE__, #call, rc_, strerror(rc_), \
				expected_, strerror(expected_)); \
			exit(1); \
		} \
	} while (0)

#define DONE(call) GIVES(call, 0)

enum { CHUNK = 4096 };

static inline d_sg_list_t
list_of(d_iov_t *iov, void *buffer, size_t size)
{
	d_sg_list_t sgl;

	d_iov_set(iov, buffer, size);
	sgl.sg_nr = 1;
	sgl.sg_nr_out = 0;
	sgl.sg_iovs = iov;
	return sgl;
}

static inline int
put(dfs_t *dfs, dfs_obj_t *file, const void *bytes, size_t size, daos_off_t offset)
{
	d_iov_t iov;
	d_sg_list_t sgl = list_of(&iov, (void *)(uintptr_t)bytes, size);

	return dfs_write(dfs, file, &sgl, offset, NULL);
}

static inline int
get(dfs_t *dfs, dfs_obj_t *file, void *bytes, size_t size, daos_off_t offset, daos_size_t *read_size)
{
	d_iov_t iov;
	d_sg_list_t sgl = list_of(&iov, bytes, size);

	return dfs_read(dfs, file, &sgl, offset, read_size, NULL);
}

static inline dfs_obj_t *
create(dfs_t *dfs, dfs_obj_t *parent, const char *name)
{
	dfs_obj_t *file;

	DONE(dfs_open(dfs, parent, name, S_IFREG | 0640, O_RDWR | O_CREAT | O_EXCL, 0, CHUNK, NULL, &file));
	return file;
}

static inline dfs_obj_t *
directory(dfs_t *dfs, dfs_obj_t *parent, const char *name)
{
	dfs_obj_t *made;

	DONE(dfs_open(dfs, parent, name, S_IFDIR | 0755, O_RDWR | O_CREAT | O_EXCL, 0, 0, NULL, &made));
	return made;
}

static inline void
symbolic_link(dfs_t *dfs, dfs_obj_t *parent, const char *name, const char *target)
{
	dfs_obj_t *made;

	DONE(dfs_open(dfs, parent, name, S_IFLNK, O_RDWR | O_CREAT | O_EXCL, 0, 0, target, &made));
	DONE(dfs_release(made));
}

static inline void
pattern(unsigned char *bytes, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		bytes[i] = (unsigned char)(i * 7 + i / 251 + 1);
}

static inline void
make_file(dfs_t *dfs, dfs_obj_t *parent, const char *name, const char *text)
{
	dfs_obj_t *file = create(dfs, parent, name);

	DONE(put(dfs, file, text, strlen(text), 0));
	DONE(dfs_release(file));
}

static inline void
holds(dfs_t *dfs, const char *path, const char *text)
{
	dfs_obj_t *file;
	daos_size_t size;
	char found[64];

	DONE(dfs_lookup(dfs, path, O_RDONLY, &file, NULL, NULL));
	DONE(get(dfs, file, found, sizeof(found), 0, &size));
	TRUE(size == strlen(text) && memcmp(found, text, size) == 0);
	DONE(dfs_release(file));
}

/* Makes a container with its file system, and mounts it. */
static inline dfs_t *
mount_new(const char *pool_label, const char *label, daos_handle_t *pool, daos_handle_t *container)
{
	dfs_t *dfs;

	OK(daos_init());
	OK(daos_pool_connect(pool_label, NULL, DAOS_PC_RW, pool, NULL, NULL));
	DONE(dfs_cont_create_with_label(*pool, label, NULL, NULL, container, &dfs));
	return dfs;
}
#endif
