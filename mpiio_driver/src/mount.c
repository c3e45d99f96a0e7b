/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Connections to pools and containers. One rank of those that open a file together connects; the others get its handles
 * as bytes, so that the metadata service sees one client however many ranks there are. What a process has connected
 * itself is shared between its files, by pool and container, and ends with the last of them.
 */
#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct mpiio_mount *mounts;

static int start_library(struct mpiio_failure *failure)
{
	static bool started;
	int rc;

	if (started)
		return 0;
	rc = daos_init();
	if (rc != 0)
		return mpiio_fail_der(failure, rc, "the DAOS library cannot be started");
	rc = dfs_init();
	if (rc != 0)
		return mpiio_fail(failure, rc, "the DAOS file system library cannot be started");
	started = true;
	return 0;
}

static void close_handles(struct mpiio_mount *mount)
{
	if (mount->dfs != NULL)
		dfs_umount(mount->dfs);
	if (daos_handle_is_valid(mount->container))
		daos_cont_close(mount->container, NULL);
	if (daos_handle_is_valid(mount->pool))
		daos_pool_disconnect(mount->pool, NULL);
	free(mount);
}

static int connect_as(struct mpiio_mount *mount, int flags, struct mpiio_failure *failure)
{
	bool writes = flags != O_RDONLY;
	int rc;

	mount->flags = flags;
	rc = daos_pool_connect(mount->pool_name, NULL, writes ? DAOS_PC_RW : DAOS_PC_RO, &mount->pool, NULL, NULL);
	if (rc != 0)
		return mpiio_fail_der(failure, rc, "cannot connect to pool %s", mount->pool_name);
	rc = daos_cont_open(mount->pool, mount->container_name, writes ? DAOS_COO_RW : DAOS_COO_RO, &mount->container,
		NULL, NULL);
	if (rc != 0)
		return mpiio_fail_der(failure, rc, "cannot open container %s of pool %s", mount->container_name,
			mount->pool_name);
	rc = dfs_mount(mount->pool, mount->container, writes ? O_RDWR : O_RDONLY, &mount->dfs);
	if (rc != 0)
		return mpiio_fail(failure, rc == EINVAL ? EDOM : rc, "container %s of pool %s has no file system: make it "
			"with --type POSIX", mount->container_name, mount->pool_name);
	return 0;
}

static int connect_new(const struct mpiio_name *name, int flags, struct mpiio_mount **mount,
	struct mpiio_failure *failure)
{
	struct mpiio_mount *new = calloc(1, sizeof *new);
	int number;

	if (new == NULL)
		return mpiio_fail(failure, ENOMEM, "no memory for a mount");
	snprintf(new->pool_name, sizeof new->pool_name, "%s", name->pool);
	snprintf(new->container_name, sizeof new->container_name, "%s", name->container);
	number = connect_as(new, flags, failure);
	if (number != 0) {
		close_handles(new);
		return number;
	}
	new->users = 1;
	*mount = new;
	return 0;
}

static struct mpiio_mount *find(const struct mpiio_name *name, int flags)
{
	struct mpiio_mount *mount;

	for (mount = mounts; mount != NULL; mount = mount->next) {
		if (!mount->is_lost && strcmp(mount->pool_name, name->pool) == 0 && strcmp(mount->container_name, name->container) == 0 &&
			(mount->flags == O_RDWR || flags == O_RDONLY))
			return mount;
	}
	return NULL;
}

int mpiio_mount(const struct mpiio_name *name, int flags, struct mpiio_mount **mount, struct mpiio_failure *failure)
{
	struct mpiio_mount *found;
	int number;

	pthread_mutex_lock(&lock);
	number = start_library(failure);
	found = number == 0 ? find(name, flags) : NULL;
	if (found != NULL) {
		found->users++;
	} else if (number == 0) {
		/* The shared file pointer is written even where the file is only read; who may not write does without it. */
		number = connect_new(name, O_RDWR, &found, failure);
		if (number == EACCES && flags == O_RDONLY)
			number = connect_new(name, O_RDONLY, &found, failure);
		if (number == 0) {
			found->next = mounts;
			mounts = found;
		}
	}
	pthread_mutex_unlock(&lock);
	*mount = found;
	return number;
}

bool mpiio_ask_if_lost(struct mpiio_mount *mount)
{
	if (daos_pool_query(mount->pool, NULL, NULL, NULL, NULL) == -DER_NO_HDL)
		mount->is_lost = true;
	return mount->is_lost;
}

void mpiio_unmount(struct mpiio_mount *mount)
{
	struct mpiio_mount **link = &mounts;

	if (mount->is_guest) {
		close_handles(mount);
		return;
	}
	pthread_mutex_lock(&lock);
	mount->users--;
	if (mount->users == 0) {
		while (*link != mount)
			link = &(*link)->next;
		*link = mount->next;
		close_handles(mount);
	}
	pthread_mutex_unlock(&lock);
}

/* The bytes are four sizes and what they are the sizes of: pool, container, mount, file. */
enum { PARTS = 4 };

static int part(struct mpiio_mount *mount, dfs_obj_t *object, int number, d_iov_t *bytes)
{
	switch (number) {
	case 0: return daos_pool_local2global(mount->pool, bytes);
	case 1: return daos_cont_local2global(mount->container, bytes);
	case 2: return dfs_local2global(mount->dfs, bytes);
	default: return dfs_obj_local2global(mount->dfs, object, bytes);
	}
}

int mpiio_export(struct mpiio_mount *mount, dfs_obj_t *object, void **bytes, size_t *size,
	struct mpiio_failure *failure)
{
	d_iov_t parts[PARTS] = { 0 };
	uint64_t sizes[PARTS];
	char *all = NULL, *at;
	int rc = 0;

	*size = sizeof sizes;
	for (int i = 0; i < PARTS && rc == 0; i++) {
		rc = part(mount, object, i, &parts[i]);
		sizes[i] = parts[i].iov_buf_len;
		*size += sizes[i];
	}
	if (rc == 0)
		all = malloc(*size);
	if (all == NULL)
		return mpiio_fail(failure, rc != 0 ? EIO : ENOMEM, "the handles of container %s cannot be shared (%d)",
			mount->container_name, rc);
	memcpy(all, sizes, sizeof sizes);
	at = all + sizeof sizes;
	for (int i = 0; i < PARTS && rc == 0; i++) {
		parts[i].iov_buf = at;
		rc = part(mount, object, i, &parts[i]);
		at += sizes[i];
	}
	if (rc != 0) {
		free(all);
		return mpiio_fail(failure, EIO, "the handles of container %s cannot be shared (%d)", mount->container_name,
			rc);
	}
	*bytes = all;
	return 0;
}

int mpiio_import(const void *bytes, size_t size, int flags, struct mpiio_mount **mount, dfs_obj_t **object,
	struct mpiio_failure *failure)
{
	struct mpiio_mount *new = calloc(1, sizeof *new);
	d_iov_t parts[PARTS];
	uint64_t sizes[PARTS];
	char *at = (char *)bytes + sizeof sizes;
	int number = start_library(failure), rc = 0;

	(void)size;
	if (number != 0 || new == NULL) {
		free(new);
		return number != 0 ? number : mpiio_fail(failure, ENOMEM, "no memory for a mount");
	}
	memcpy(sizes, bytes, sizeof sizes);
	for (int i = 0; i < PARTS; i++) {
		d_iov_set(&parts[i], at, sizes[i]);
		at += sizes[i];
	}
	new->is_guest = true;
	new->flags = flags == O_RDONLY ? O_RDONLY : O_RDWR;
	rc = daos_pool_global2local(parts[0], &new->pool);
	if (rc == 0)
		rc = daos_cont_global2local(new->pool, parts[1], &new->container);
	if (rc == 0)
		rc = dfs_global2local(new->pool, new->container, 0, parts[2], &new->dfs);
	if (rc == 0)
		rc = dfs_obj_global2local(new->dfs, 0, parts[3], object);
	if (rc != 0) {
		close_handles(new);
		return mpiio_fail(failure, EIO, "the handles that another rank has opened cannot be used (%d)", rc);
	}
	*mount = new;
	return 0;
}
