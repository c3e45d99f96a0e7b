/* Snapshots of file systems: mounted by epoch and by name, read, not changed, shared with other processes.
 *
 * run: {pool} {container}
 */
#include <errno.h>

#include "dfs.h"

static void
write_file(dfs_t *dfs, const char *name, const char *text)
{
	dfs_obj_t *file;
	d_iov_t iov;
	d_sg_list_t sgl = {1, 0, &iov};

	OK(dfs_open(dfs, NULL, name, S_IFREG | 0600, O_RDWR | O_CREAT, 0, 0, NULL, &file));
	OK(dfs_punch(dfs, file, 0, DFS_MAX_FSIZE));
	d_iov_set(&iov, (void *)(uintptr_t)text, strlen(text));
	OK(dfs_write(dfs, file, &sgl, 0, NULL));
	OK(dfs_release(file));
}

/* Whether a file has these bytes. */
static int
has(dfs_t *dfs, const char *name, const char *text)
{
	dfs_obj_t *file;
	char bytes[64];
	d_iov_t iov;
	d_sg_list_t sgl = {1, 0, &iov};
	daos_size_t size = 0;
	int rc = dfs_open(dfs, NULL, name, S_IFREG, O_RDONLY, 0, 0, NULL, &file);

	if (rc == ENOENT)
		return text == NULL;
	TRUE(rc == 0);
	d_iov_set(&iov, bytes, sizeof(bytes));
	OK(dfs_read(dfs, file, &sgl, 0, &size, NULL));
	OK(dfs_release(file));
	return text != NULL && size == strlen(text) && memcmp(bytes, text, size) == 0;
}

static void
check_snapshot(dfs_t *dfs)
{
	struct stat status;
	dfs_obj_t *file;

	TRUE(has(dfs, "kept", "old") && has(dfs, "gone", "old") && has(dfs, "later", NULL));
	OK(dfs_stat(dfs, NULL, "kept", &status));
	TRUE(status.st_size == 3);
	TRUE(dfs_open(dfs, NULL, "new", S_IFREG | 0600, O_RDWR | O_CREAT, 0, 0, NULL, &file) == EPERM);
	TRUE(dfs_remove(dfs, NULL, "kept", false, NULL) == EPERM);
	TRUE(dfs_mkdir(dfs, NULL, "new", 0700, 0) == EPERM);
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container;
	char label[128];
	dfs_t *dfs, *old, *shared;
	daos_epoch_t epoch;
	d_iov_t global = {NULL, 0, 0};

	if (argc < 3)
		return 2;
	snprintf(label, sizeof(label), "%s-snapshots", argv[2]);
	OK(dfs_init());
	OK(dfs_connect(argv[1], NULL, label, O_RDWR | O_CREAT, NULL, &dfs));
	write_file(dfs, "kept", "old");
	write_file(dfs, "gone", "old");
	OK(daos_pool_connect(argv[1], NULL, DAOS_PC_RW, &pool, NULL, NULL));
	OK(daos_cont_open(pool, label, DAOS_COO_RW, &container, NULL, NULL));
	OK(daos_cont_create_snap(container, &epoch, (char *)(uintptr_t)"old", NULL));
	write_file(dfs, "kept", "newer");
	OK(dfs_remove(dfs, NULL, "gone", false, NULL));
	write_file(dfs, "later", "new");
	OK(daos_cont_aggregate(container, 0, NULL));

	TRUE(dfs_mount_snap(pool, container, O_RDONLY, epoch + 1, NULL, &old) == ENOENT);
	TRUE(dfs_mount_snap(pool, container, O_RDONLY, 0, NULL, &old) == EINVAL);
	TRUE(dfs_mount_snap(pool, container, O_RDONLY, 0, "nothing", &old) == ENOENT);
	TRUE(dfs_mount_snap(pool, container, O_RDONLY, DAOS_EPOCH_MAX, NULL, &old) == EINVAL);
	TRUE(dfs_mount_snap(pool, container, O_RDONLY, epoch, NULL, NULL) == EINVAL);
	OK(dfs_mount_snap(pool, container, O_RDWR, epoch, NULL, &old));
	check_snapshot(old);
	/* What it is given away as shows the same. */
	OK(dfs_local2global(old, &global));
	global.iov_buf = malloc(global.iov_buf_len);
	global.iov_len = global.iov_buf_len;
	TRUE(global.iov_buf != NULL);
	OK(dfs_local2global(old, &global));
	OK(dfs_global2local(pool, container, O_RDONLY, global, &shared));
	check_snapshot(shared);
	OK(dfs_umount(shared));
	free(global.iov_buf);
	OK(dfs_umount(old));
	OK(dfs_connect_snap(argv[1], NULL, label, O_RDONLY, 0, "old", &old));
	check_snapshot(old);
	OK(dfs_disconnect(old));
	TRUE(has(dfs, "kept", "newer") && has(dfs, "gone", NULL) && has(dfs, "later", "new"));

	/* Mounts go on when the container goes back. */
	OK(daos_cont_rollback(container, epoch, NULL));
	TRUE(has(dfs, "kept", "old") && has(dfs, "gone", "old") && has(dfs, "later", NULL));
	write_file(dfs, "later", "once more");
	TRUE(has(dfs, "later", "once more"));
	OK(dfs_disconnect(dfs));
	OK(daos_cont_close(container, NULL));
	OK(daos_cont_destroy(pool, label, 1, NULL));
	OK(daos_pool_disconnect(pool, NULL));
	OK(dfs_fini());
	puts("done");
	return 0;
}
