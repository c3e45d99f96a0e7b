/* The file system by absolute paths.
 *
 * run: {pool} {container}
 */
#include <daos_fs_sys.h>

#include "dfs.h"

static void
holds_text(dfs_sys_t *fs, const char *path, const char *text)
{
	dfs_obj_t *file;
	daos_size_t size = 64;
	char found[64];

	DONE(dfs_sys_open(fs, path, S_IFREG, O_RDONLY, 0, 0, NULL, &file));
	DONE(dfs_sys_read(fs, file, found, 0, &size, NULL));
	TRUE(size == strlen(text) && memcmp(found, text, size) == 0);
	DONE(dfs_sys_close(file));
}

static void
files(dfs_sys_t *fs)
{
	dfs_obj_t *file;
	daos_size_t size = 5;
	struct stat status;
	char target[16];

	DONE(dfs_sys_mkdir_p(fs, "/a/b/c", 0755, 0));
	DONE(dfs_sys_mkdir_p(fs, "/a/b/c", 0755, 0));
	GIVES(dfs_sys_mkdir(fs, "/a/b", 0755, 0), EEXIST);
	GIVES(dfs_sys_mkdir(fs, "/a/x/y", 0755, 0), ENOENT);
	DONE(dfs_sys_mknod(fs, "/a/file", S_IFREG | 0644, 0, 0));
	GIVES(dfs_sys_mknod(fs, "/a/file", S_IFREG | 0644, 0, 0), EEXIST);
	GIVES(dfs_sys_mkdir_p(fs, "/a/file", 0755, 0), EEXIST);
	GIVES(dfs_sys_mkdir_p(fs, "/a/file/x", 0755, 0), ENOTDIR);
	GIVES(dfs_sys_mknod(fs, "/a/pipe", S_IFIFO | 0644, 0, 0), EINVAL);
	/* No type is that of a file. */
	DONE(dfs_sys_open(fs, "/a/file", 0, O_RDWR, 0, 0, NULL, &file));
	DONE(dfs_sys_close(file));
	DONE(dfs_sys_open(fs, "/a/file", S_IFREG, O_RDWR, 0, 0, NULL, &file));
	DONE(dfs_sys_write(fs, file, "hello", 0, &size, NULL));
	TRUE(size == 5);
	DONE(dfs_sys_close(file));
	GIVES(dfs_sys_close(file), EINVAL);
	DONE(dfs_sys_symlink(fs, "../file", "/a/b/link"));
	GIVES(dfs_sys_symlink(fs, "x", "/a/b/link"), EEXIST);
	holds_text(fs, "/a/b/link", "hello");
	size = sizeof(target);
	DONE(dfs_sys_readlink(fs, "/a/b/link", target, &size));
	TRUE(size == 8 && strcmp(target, "../file") == 0);
	GIVES(dfs_sys_readlink(fs, "/a/file", target, &size), EINVAL);
	DONE(dfs_sys_stat(fs, "/a/b/link", O_NOFOLLOW, &status));
	TRUE(S_ISLNK(status.st_mode) && status.st_size == 7);
	DONE(dfs_sys_stat(fs, "/a/b/link", 0, &status));
	TRUE(S_ISREG(status.st_mode) && status.st_size == 5);
	DONE(dfs_sys_stat(fs, "/", 0, &status));
	TRUE(S_ISDIR(status.st_mode));
	GIVES(dfs_sys_stat(fs, "/none", 0, &status), ENOENT);
	GIVES(dfs_sys_stat(fs, "none", 0, &status), EINVAL);
	GIVES(dfs_sys_stat(fs, "/a/file/x", 0, &status), ENOTDIR);
	GIVES(dfs_sys_stat(fs, "/", 64, &status), EINVAL);
	DONE(dfs_sys_punch(fs, "/a/b/link", 2, DFS_MAX_FSIZE));
	holds_text(fs, "/a/file", "he");
	DONE(dfs_sys_open(fs, "/", S_IFDIR, O_RDONLY, 0, 0, NULL, &file));
	DONE(dfs_sys_close(file));
	GIVES(dfs_sys_open(fs, "/", S_IFREG, O_RDWR, 0, 0, NULL, &file), EISDIR);
	DONE(dfs_sys_open(fs, "/a", S_IFDIR, O_RDWR, 0, 0, NULL, &file));
	size = 1;
	GIVES(dfs_sys_write(fs, file, "x", 0, &size, NULL), EINVAL);
	size = 1;
	GIVES(dfs_sys_read(fs, file, target, 0, &size, NULL), EINVAL);
	GIVES(dfs_sys_punch(fs, "/a", 0, 1), EINVAL);
	DONE(dfs_sys_close(file));
}

static void
attributes(dfs_sys_t *fs)
{
	struct timespec times[2] = {{0, UTIME_OMIT}, {1000000000, 5}};
	struct stat status;
	char value[16];
	daos_size_t size = 0, room;

	DONE(dfs_sys_utimens(fs, "/a/file", times, 0));
	DONE(dfs_sys_stat(fs, "/a/file", 0, &status));
	TRUE(status.st_mtim.tv_sec == 1000000000 && status.st_mtim.tv_nsec == 5);
	DONE(dfs_sys_utimens(fs, "/a/b/link", times, O_NOFOLLOW));
	DONE(dfs_sys_stat(fs, "/a/b/link", O_NOFOLLOW, &status));
	TRUE(status.st_mtim.tv_sec == 1000000000);
	times[1].tv_nsec = UTIME_OMIT;
	DONE(dfs_sys_utimens(fs, "/none", times, 0));
	DONE(dfs_sys_utimens(fs, "/a/file", NULL, 0));
	DONE(dfs_sys_stat(fs, "/a/file", 0, &status));
	TRUE(status.st_mtim.tv_sec > 1000000000);
	DONE(dfs_sys_chmod(fs, "/a/file", 0600));
	DONE(dfs_sys_access(fs, "/a/file", R_OK | W_OK, 0));
	GIVES(dfs_sys_access(fs, "/a/file", X_OK, 0), EACCES);
	DONE(dfs_sys_access(fs, "/a/b/link", X_OK, O_NOFOLLOW));
	DONE(dfs_sys_chown(fs, "/a/file", 7, 8, 0));
	status.st_size = 1;
	DONE(dfs_sys_setattr(fs, "/a/file", &status, DFS_SET_ATTR_SIZE, 0));
	TRUE(status.st_size == 1 && status.st_uid == 7 && status.st_gid == 8);
	GIVES(dfs_sys_setattr(fs, "/a", &status, DFS_SET_ATTR_SIZE, 0), EISDIR);
	DONE(dfs_sys_setxattr(fs, "/a/file", "user.x", "value", 5, 0, 0));
	size = sizeof(value);
	DONE(dfs_sys_getxattr(fs, "/a/b/link", "user.x", value, &size, 0));
	TRUE(size == 5);
	GIVES(dfs_sys_getxattr(fs, "/a/b/link", "user.x", value, &size, O_NOFOLLOW), ENODATA);
	size = sizeof(value);
	DONE(dfs_sys_listxattr(fs, "/a/file", value, &size, 0));
	TRUE(size == 7 && strcmp(value, "user.x") == 0);
	/* Too little room, also none, is ERANGE, and the size is told. */
	for (room = 0; room < 5; room++) {
		size = room;
		GIVES(dfs_sys_getxattr(fs, "/a/file", "user.x", room ? value : NULL, &size, 0), ERANGE);
		TRUE(size == 5);
		size = room;
		GIVES(dfs_sys_listxattr(fs, "/a/file", room ? value : NULL, &size, 0), ERANGE);
		TRUE(size == 7);
	}
	DONE(dfs_sys_removexattr(fs, "/a/file", "user.x", 0));
	size = 0;
	DONE(dfs_sys_listxattr(fs, "/a/file", NULL, &size, 0));
	TRUE(size == 0);
	/* The root has attributes as well. */
	DONE(dfs_sys_setxattr(fs, "/", "user.root", "r", 1, 0, 0));
	size = sizeof(value);
	DONE(dfs_sys_getxattr(fs, "/", "user.root", value, &size, 0));
	TRUE(size == 1);
	DONE(dfs_sys_chmod(fs, "/", 0700));
	DONE(dfs_sys_stat(fs, "/", 0, &status));
	TRUE(status.st_mode == (S_IFDIR | 0700));
}

static void
directories(dfs_sys_t *fs)
{
	struct dirent *entry;
	daos_obj_id_t oid;
	char name[16];
	DIR *dir;
	int i, n = 0;

	DONE(dfs_sys_mkdir(fs, "/many", 0755, 0));
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "/many/%d", i);
		DONE(dfs_sys_mknod(fs, name, S_IFREG | 0644, 0, 0));
	}
	DONE(dfs_sys_opendir(fs, "/many", 0, &dir));
	for (;;) {
		DONE(dfs_sys_readdir(fs, dir, &entry));
		if (entry == NULL)
			break;
		TRUE(atoi(entry->d_name) < 300);
		n++;
	}
	TRUE(n == 300);
	DONE(dfs_sys_closedir(dir));
	GIVES(dfs_sys_readdir(fs, dir, &entry), EINVAL);
	GIVES(dfs_sys_closedir(dir), EINVAL);
	GIVES(dfs_sys_closedir(NULL), EINVAL);
	GIVES(dfs_sys_opendir(fs, "/a/file", 0, &dir), ENOTDIR);
	GIVES(dfs_sys_remove(fs, "/many", false, NULL), ENOTEMPTY);
	GIVES(dfs_sys_remove_type(fs, "/many", true, S_IFREG, NULL), EINVAL);
	DONE(dfs_sys_remove_type(fs, "/many", true, S_IFDIR, &oid));
	TRUE(oid.hi != 0);
	GIVES(dfs_sys_remove(fs, "/many", true, NULL), ENOENT);
	GIVES(dfs_sys_remove(fs, "/", true, NULL), EBUSY);
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container;
	dfs_sys_t *fs, *same;
	struct stat status;
	d_iov_t glob;
	dfs_t *dfs;

	TRUE(argc == 3);
	dfs = mount_new(argv[1], argv[2], &pool, &container);
	DONE(dfs_umount(dfs));
	DONE(dfs_sys_mount(pool, container, O_RDWR, DFS_SYS_NO_LOCK, &fs));
	GIVES(dfs_sys_mount(pool, container, O_RDWR, 64, &same), EINVAL);
	files(fs);
	attributes(fs);
	directories(fs);

	DONE(dfs_sys2base(fs, &dfs));
	DONE(dfs_stat(dfs, NULL, "a", &status));
	memset(&glob, 0, sizeof(glob));
	DONE(dfs_sys_local2global(fs, &glob));
	glob.iov_buf = malloc(glob.iov_buf_len);
	DONE(dfs_sys_local2global(fs, &glob));
	DONE(dfs_sys_global2local(pool, container, 0, 0, glob, &same));
	free(glob.iov_buf);
	DONE(dfs_sys_set_prefix(same, "/mnt"));
	holds_text(same, "/mnt/a/file", "h");
	DONE(dfs_sys_mkdir(same, "/mnt/x", 0755, 0));
	DONE(dfs_sys_remove(same, "/mnt/x", false, NULL));
	GIVES(dfs_sys_stat(same, "/a", 0, &status), EINVAL);
	DONE(dfs_sys_umount(same));
	GIVES(dfs_sys_umount(same), EINVAL);
	GIVES(dfs_sys_stat(same, "/mnt/a", 0, &status), EINVAL);
	GIVES(dfs_sys_stat(NULL, "/a", 0, &status), EINVAL);
	GIVES(dfs_sys_stat(fs, NULL, 0, &status), EINVAL);
	GIVES(dfs_sys_stat(fs, "/a", 0, NULL), EINVAL);
	DONE(dfs_sys_umount(fs));
	GIVES(dfs_stat(dfs, NULL, "a", &status), EINVAL);
	OK(daos_cont_close(container, NULL));

	DONE(dfs_init());
	DONE(dfs_sys_connect(argv[1], NULL, argv[2], O_RDWR, 0, NULL, &fs));
	holds_text(fs, "/a/file", "h");
	DONE(dfs_sys_disconnect(fs));
	GIVES(dfs_sys_disconnect(fs), EINVAL);
	DONE(dfs_fini());
	OK(daos_pool_disconnect(pool, NULL));
	OK(daos_fini());
	return 0;
}
