/* Files: what they hold, what is known of them, how they are shared, and that they survive.
 *
 * run: {pool} {container} write
 * rerun: {pool} {container} read
 */
#include "dfs.h"

enum { KEPT = 3 * CHUNK + 100 };

static void
bytes_of_files(dfs_t *dfs)
{
	static unsigned char written[5 * CHUNK], found[8 * CHUNK], zeros[8 * CHUNK];
	dfs_obj_t *file, *reader;
	daos_size_t size = 77;
	struct stat status;
	mode_t mode;

	file = create(dfs, NULL, "file");
	DONE(dfs_get_size(dfs, file, &size));
	TRUE(size == 0);
	DONE(get(dfs, file, found, 100, 0, &size));
	TRUE(size == 0);

	/* A write over several chunks that begins in the middle of one. */
	pattern(written, sizeof(written));
	DONE(put(dfs, file, written, sizeof(written), CHUNK / 2));
	DONE(dfs_get_size(dfs, file, &size));
	TRUE(size == CHUNK / 2 + sizeof(written));
	memset(found, 0xee, sizeof(found));
	DONE(get(dfs, file, found, sizeof(found), 0, &size));
	TRUE(size == CHUNK / 2 + sizeof(written));
	TRUE(memcmp(found, zeros, CHUNK / 2) == 0);
	TRUE(memcmp(found + CHUNK / 2, written, sizeof(written)) == 0);

	/* Far behind the end: what is between is a hole. */
	DONE(put(dfs, file, "end", 3, 1 << 20));
	DONE(get(dfs, file, found, CHUNK, (1 << 20) - 10, &size));
	TRUE(size == 13 && memcmp(found, zeros, 10) == 0 && memcmp(found + 10, "end", 3) == 0);
	DONE(get(dfs, file, found, CHUNK, 1 << 21, &size));
	TRUE(size == 0);

	/* A hole in the middle keeps the size, one at the end takes it. */
	DONE(dfs_punch(dfs, file, CHUNK, 2 * CHUNK));
	DONE(get(dfs, file, found, 2 * CHUNK, CHUNK, &size));
	TRUE(size == 2 * CHUNK && memcmp(found, zeros, 2 * CHUNK) == 0);
	DONE(dfs_punch(dfs, file, 4 * CHUNK, 1 << 21));
	DONE(dfs_get_size(dfs, file, &size));
	TRUE(size == 4 * CHUNK);
	DONE(dfs_punch(dfs, file, 10 * CHUNK, 1));
	DONE(dfs_punch(dfs, file, 7 * CHUNK, DFS_MAX_FSIZE));
	DONE(dfs_stat(dfs, NULL, "file", &status));
	TRUE(status.st_size == 7 * CHUNK && status.st_mode == (S_IFREG | 0640) && status.st_uid == geteuid());
	TRUE(status.st_blksize == CHUNK && status.st_nlink == 1);

	/* The size follows a second handle; a handle for reading does not write, and the other way round. */
	DONE(dfs_lookup(dfs, "/file", O_RDONLY, &reader, &mode, NULL));
	TRUE(mode == (S_IFREG | 0640));
	GIVES(put(dfs, reader, "x", 1, 0), EPERM);
	GIVES(dfs_punch(dfs, reader, 0, 1), EPERM);
	DONE(dfs_get_size(dfs, reader, &size));
	TRUE(size == 7 * CHUNK);
	DONE(dfs_release(reader));
	DONE(dfs_dup(dfs, file, O_WRONLY, &reader));
	GIVES(get(dfs, reader, found, 1, 0, &size), EPERM);
	DONE(put(dfs, reader, "x", 1, 0));
	DONE(dfs_release(reader));
	DONE(dfs_release(file));

	/* Opening: made once, emptied, found again. */
	GIVES(dfs_open(dfs, NULL, "file", S_IFREG | 0640, O_RDWR | O_CREAT | O_EXCL, 0, 0, NULL, &file), EEXIST);
	DONE(dfs_open(dfs, NULL, "file", S_IFREG | 0640, O_RDWR | O_CREAT, 0, 0, NULL, &file));
	DONE(dfs_get_size(dfs, file, &size));
	TRUE(size == 7 * CHUNK);
	DONE(dfs_release(file));
	DONE(dfs_open(dfs, NULL, "file", S_IFREG, O_RDWR | O_TRUNC, 0, 0, NULL, &file));
	DONE(dfs_get_size(dfs, file, &size));
	TRUE(size == 0);
	DONE(dfs_release(file));
	GIVES(dfs_open(dfs, NULL, "none", S_IFREG, O_RDWR, 0, 0, NULL, &file), ENOENT);
	GIVES(dfs_open(dfs, NULL, "file", S_IFREG, O_RDWR | O_APPEND, 0, 0, NULL, &file), ENOTSUP);
	GIVES(dfs_open(dfs, NULL, "file", S_IFDIR, O_RDWR, 0, 0, NULL, &file), ENOTDIR);
	GIVES(dfs_open(dfs, NULL, "file", 0, O_RDWR, 0, 0, NULL, &file), EINVAL);
}

static void
ranges_and_sizes(dfs_t *dfs)
{
	unsigned char written[300], found[400];
	daos_range_t ranges[3] = {{10, 100}, {5 * CHUNK - 50, 100}, {2 * CHUNK, 100}};
	dfs_iod_t iod = {3, ranges};
	dfs_obj_t *file = create(dfs, NULL, "ranges");
	daos_size_t size;
	d_sg_list_t sgl;
	d_iov_t iovs[2];

	pattern(written, sizeof(written));
	d_iov_set(&iovs[0], written, 123);
	d_iov_set(&iovs[1], written + 123, 177);
	sgl.sg_nr = 2;
	sgl.sg_nr_out = 0;
	sgl.sg_iovs = iovs;
	DONE(dfs_writex(dfs, file, &iod, &sgl, NULL));
	memset(found, 0xee, sizeof(found));
	d_iov_set(&iovs[0], found, 7);
	d_iov_set(&iovs[1], found + 7, 293);
	DONE(dfs_readx(dfs, file, &iod, &sgl, &size, NULL));
	TRUE(size == 300 && memcmp(found, written, 300) == 0 && found[300] == 0xee);
	/* The list is the caller's: its lengths stay for the next read. */
	TRUE(iovs[0].iov_len == 7 && iovs[1].iov_len == 293);

	/* Nothing is asked for. */
	iod.iod_nr = 0;
	DONE(dfs_readx(dfs, file, &iod, &sgl, &size, NULL));
	TRUE(size == 0);
	DONE(dfs_writex(dfs, file, &iod, &sgl, NULL));
	DONE(put(dfs, file, written, 0, 0));
	DONE(get(dfs, file, found, 0, 0, &size));
	TRUE(size == 0);
	iod.iod_nr = 1;
	ranges[0].rg_len = 0;
	DONE(dfs_readx(dfs, file, &iod, &sgl, &size, NULL));
	TRUE(size == 0);

	/* More than there can be. */
	ranges[0].rg_idx = ~0ULL;
	ranges[0].rg_len = 2;
	GIVES(dfs_readx(dfs, file, &iod, &sgl, &size, NULL), EFBIG);
	ranges[0].rg_idx = 0;
	ranges[0].rg_len = 1ULL << 62;
	GIVES(dfs_readx(dfs, file, &iod, &sgl, &size, NULL), EINVAL);
	iod.iod_nr = 1ULL << 40;
	GIVES(dfs_writex(dfs, file, &iod, &sgl, NULL), EINVAL);
	GIVES(put(dfs, file, written, 1ULL << 62, 0), EINVAL);
	GIVES(put(dfs, file, written, 1ULL << 63, 0), EINVAL);
	GIVES(put(dfs, file, written, 2, (1ULL << 63) - 1), EFBIG);
	GIVES(dfs_punch(dfs, file, 1ULL << 63, DFS_MAX_FSIZE), EFBIG);
	sgl.sg_nr = 0xffffffff;
	GIVES(dfs_write(dfs, file, &sgl, 0, NULL), EINVAL);
	/* Far more room than the file has bytes: only they are read. */
	DONE(dfs_get_size(dfs, file, &size));
	TRUE(size == 5 * CHUNK + 50);
	DONE(dfs_release(file));
	DONE(dfs_remove(dfs, NULL, "ranges", false, NULL));
}

static void
attributes(dfs_t *dfs)
{
	dfs_obj_t *file = create(dfs, NULL, "attributes");
	struct stat status, set;
	char list[64], value[16], *large = calloc(1, DFS_MAX_XATTR_LEN + 1);
	daos_size_t size;

	TRUE(large != NULL);
	memset(&set, 0, sizeof(set));
	set.st_mtim.tv_sec = 1000000000;
	set.st_mtim.tv_nsec = 123456789;
	set.st_mode = S_IFREG | 0400;
	DONE(put(dfs, file, "abc", 3, 0));
	DONE(dfs_osetattr(dfs, file, &set, DFS_SET_ATTR_MTIME | DFS_SET_ATTR_MODE));
	TRUE(set.st_size == 3);
	DONE(dfs_ostat(dfs, file, &status));
	TRUE(status.st_mtim.tv_sec == 1000000000 && status.st_mtim.tv_nsec == 123456789);
	TRUE(status.st_mode == (S_IFREG | 0400));
	/* A write moves the time on. */
	DONE(put(dfs, file, "d", 1, 3));
	DONE(dfs_ostat(dfs, file, &status));
	TRUE(status.st_mtim.tv_sec > 1000000000 && status.st_size == 4);
	set.st_size = 2;
	DONE(dfs_osetattr(dfs, file, &set, DFS_SET_ATTR_SIZE));
	TRUE(set.st_size == 2);
	GIVES(dfs_osetattr(dfs, file, &set, 1 << 20), EINVAL);
	set.st_mtim.tv_nsec = 1000000000;
	GIVES(dfs_osetattr(dfs, file, &set, DFS_SET_ATTR_MTIME), EINVAL);
	set.st_size = -1;
	GIVES(dfs_osetattr(dfs, file, &set, DFS_SET_ATTR_SIZE), EINVAL);

	DONE(dfs_chmod(dfs, NULL, "attributes", 0000));
	DONE(dfs_access(dfs, NULL, "attributes", F_OK));
	GIVES(dfs_access(dfs, NULL, "attributes", X_OK), EACCES);
	GIVES(dfs_access(dfs, NULL, "attributes", R_OK), EACCES);
	DONE(dfs_chmod(dfs, NULL, "attributes", S_IFREG | 0755));
	DONE(dfs_access(dfs, NULL, "attributes", R_OK | W_OK | X_OK));
	GIVES(dfs_chmod(dfs, NULL, "attributes", S_IFDIR | 0755), EINVAL);
	GIVES(dfs_chmod(dfs, NULL, "attributes", 01755), ENOTSUP);
	GIVES(dfs_access(dfs, NULL, "none", F_OK), ENOENT);
	GIVES(dfs_access(dfs, NULL, "attributes", 64), EINVAL);
	DONE(dfs_chown(dfs, NULL, "attributes", 12, -1, 0));
	DONE(dfs_stat(dfs, NULL, "attributes", &status));
	TRUE(status.st_uid == 12 && status.st_gid == getegid() && status.st_mode == (S_IFREG | 0755));

	DONE(dfs_setxattr(dfs, file, "user.one", "1", 1, XATTR_CREATE));
	GIVES(dfs_setxattr(dfs, file, "user.one", "2", 1, XATTR_CREATE), EEXIST);
	GIVES(dfs_setxattr(dfs, file, "user.two", "2", 1, XATTR_REPLACE), ENODATA);
	DONE(dfs_setxattr(dfs, file, "user.one", "longer", 6, XATTR_REPLACE));
	DONE(dfs_setxattr(dfs, file, "user.two", "", 0, 0));
	size = sizeof(value);
	DONE(dfs_getxattr(dfs, file, "user.one", value, &size));
	TRUE(size == 6 && memcmp(value, "longer", 6) == 0);
	size = sizeof(value);
	DONE(dfs_getxattr(dfs, file, "user.two", value, &size));
	TRUE(size == 0);
	size = 3;
	GIVES(dfs_getxattr(dfs, file, "user.one", value, &size), E2BIG);
	TRUE(size == 3);
	DONE(dfs_getxattr(dfs, file, "user.one", NULL, &size));
	TRUE(size == 6);
	size = 0;
	DONE(dfs_listxattr(dfs, file, NULL, &size));
	TRUE(size == 18);
	DONE(dfs_listxattr(dfs, file, list, &size));
	TRUE(size == 18 && (memcmp(list, "user.one\0user.two", 18) == 0 || memcmp(list, "user.two\0user.one", 18) == 0));
	/* Of a list that does not fit, what does is given, and the size of all. */
	size = 17;
	memset(list, 7, sizeof(list));
	DONE(dfs_listxattr(dfs, file, list, &size));
	TRUE(size == 18 && memcmp(list, "user.", 5) == 0 && strlen(list) == 8 && list[9] == 7);
	size = 8;
	memset(list, 7, sizeof(list));
	DONE(dfs_listxattr(dfs, file, list, &size));
	TRUE(size == 18 && list[0] == 7);
	DONE(dfs_removexattr(dfs, file, "user.one"));
	GIVES(dfs_removexattr(dfs, file, "user.one"), ENODATA);
	GIVES(dfs_getxattr(dfs, file, "user.one", NULL, &size), ENODATA);
	DONE(dfs_setxattr(dfs, file, "user.large", large, DFS_MAX_XATTR_LEN, 0));
	size = 0;
	DONE(dfs_getxattr(dfs, file, "user.large", NULL, &size));
	TRUE(size == DFS_MAX_XATTR_LEN);
	GIVES(dfs_setxattr(dfs, file, "user.large", large, DFS_MAX_XATTR_LEN + 1, 0), E2BIG);
	memset(large, 'x', DFS_MAX_XATTR_NAME + 1);
	GIVES(dfs_setxattr(dfs, file, large, large, 1, 0), ERANGE);
	GIVES(dfs_setxattr(dfs, file, "", large, 1, 0), EINVAL);
	free(large);
	DONE(dfs_release(file));
	DONE(dfs_remove(dfs, NULL, "attributes", false, NULL));
}

static void
events(dfs_t *dfs)
{
	static unsigned char written[16][CHUNK], found[16][CHUNK];
	daos_handle_t queue;
	daos_event_t events[16], *ready[16];
	d_sg_list_t sgls[16];
	d_iov_t iovs[16];
	daos_size_t sizes[16];
	dfs_obj_t *file = create(dfs, NULL, "events"), *reader;
	int i, n;

	OK(daos_eq_create(&queue));
	for (i = 0; i < 16; i++) {
		pattern(written[i], CHUNK);
		written[i][0] = (unsigned char)i;
		sgls[i] = list_of(&iovs[i], written[i], CHUNK);
		OK(daos_event_init(&events[i], queue, NULL));
		DONE(dfs_write(dfs, file, &sgls[i], (daos_off_t)i * CHUNK, &events[i]));
	}
	for (n = 0; n < 16;) {
		int rc = daos_eq_poll(queue, 1, DAOS_EQ_WAIT, 16, ready);

		TRUE(rc > 0);
		for (i = 0; i < rc; i++)
			TRUE(ready[i]->ev_error == 0);
		n += rc;
	}
	for (i = 0; i < 16; i++) {
		sgls[i] = list_of(&iovs[i], found[i], CHUNK);
		DONE(dfs_read(dfs, file, &sgls[i], (daos_off_t)i * CHUNK, &sizes[i], &events[i]));
	}
	for (n = 0; n < 16;) {
		int rc = daos_eq_poll(queue, 1, DAOS_EQ_WAIT, 16, ready);

		TRUE(rc > 0);
		n += rc;
	}
	for (i = 0; i < 16; i++)
		TRUE(sizes[i] == CHUNK && memcmp(found[i], written[i], CHUNK) == 0);

	/* An error that is found later is the event's, as a positive errno. */
	DONE(dfs_dup(dfs, file, O_RDONLY, &reader));
	i = dfs_write(dfs, reader, &sgls[0], 0, &events[0]);
	if (i == 0) {
		TRUE(daos_eq_poll(queue, 1, DAOS_EQ_WAIT, 1, ready) == 1);
		i = ready[0]->ev_error;
	}
	TRUE(i == EPERM);
	/* Nothing to do completes as well. */
	sgls[0].sg_nr = 0;
	DONE(dfs_read(dfs, file, &sgls[0], 0, &sizes[0], &events[1]));
	TRUE(daos_eq_poll(queue, 1, DAOS_EQ_WAIT, 1, ready) == 1 && ready[0] == &events[1] && sizes[0] == 0);
	for (i = 0; i < 16; i++)
		OK(daos_event_fini(&events[i]));
	OK(daos_eq_destroy(queue, 0));
	DONE(dfs_release(reader));
	DONE(dfs_release(file));
	DONE(dfs_remove(dfs, NULL, "events", false, NULL));
}

static void
sharing(daos_handle_t pool, daos_handle_t container, dfs_t *dfs)
{
	dfs_obj_t *file = create(dfs, NULL, "shared"), *same;
	daos_handle_t array, again;
	daos_size_t size;
	dfs_t *other;
	d_iov_t mount, object, none;
	dfs_obj_info_t info;
	dfs_attr_t attr;

	memset(&mount, 0, sizeof(mount));
	memset(&object, 0, sizeof(object));
	memset(&none, 0, sizeof(none));
	DONE(dfs_local2global(dfs, &mount));
	mount.iov_buf = malloc(mount.iov_buf_len);
	DONE(dfs_local2global(dfs, &mount));
	DONE(dfs_obj_local2global(dfs, file, &object));
	object.iov_buf = malloc(object.iov_buf_len);
	object.iov_buf_len--;
	GIVES(dfs_obj_local2global(dfs, file, &object), ENOBUFS);
	DONE(dfs_obj_local2global(dfs, file, &object));

	DONE(dfs_global2local(pool, container, O_RDWR, mount, &other));
	DONE(dfs_obj_global2local(other, O_RDWR, object, &same));
	DONE(put(other, same, "shared", 6, 0));
	holds(dfs, "/shared", "shared");
	DONE(dfs_release(same));
	DONE(dfs_umount(other));
	/* Without flags: what the other process could do, which is to write. */
	DONE(dfs_global2local(pool, container, 0, mount, &other));
	DONE(dfs_obj_global2local(other, 0, object, &same));
	DONE(put(other, same, "SHARED", 6, 0));
	holds(dfs, "/shared", "SHARED");
	DONE(put(other, same, "shared", 6, 0));
	DONE(dfs_release(same));
	GIVES(dfs_global2local(pool, container, O_RDWR, object, &other), EINVAL);
	GIVES(dfs_obj_global2local(other, O_RDWR, mount, &same), EINVAL);
	GIVES(dfs_global2local(pool, container, O_RDWR, none, &other), EINVAL);
	memset(mount.iov_buf, 0xff, mount.iov_len);
	GIVES(dfs_global2local(pool, container, O_RDWR, mount, &other), EINVAL);
	DONE(dfs_umount(other));
	free(mount.iov_buf);
	free(object.iov_buf);

	DONE(dfs_get_file_oh(file, &array));
	DONE(dfs_get_file_oh(file, &again));
	TRUE(array.cookie == again.cookie);
	OK(daos_array_get_size(array, DAOS_TX_NONE, &size, NULL));
	TRUE(size == 6);
	DONE(dfs_get_chunk_size(file, &size));
	TRUE(size == CHUNK);
	DONE(dfs_obj_get_info(dfs, file, &info));
	TRUE(info.doi_chunk_size == CHUNK && info.doi_oclass_id != 0);
	DONE(dfs_get_size_by_oid(dfs, info.doi_oid, CHUNK, &size));
	TRUE(size == 6);
	DONE(dfs_release(file));
	EXPECT(daos_array_get_size(array, DAOS_TX_NONE, &size, NULL), -DER_NO_HDL);
	DONE(dfs_query(dfs, &attr));
	TRUE(attr.da_chunk_size == DFS_DEFAULT_CHUNK_SIZE);
	DONE(dfs_remove(dfs, NULL, "shared", false, NULL));
}

/* Leaves what the second run looks for. */
static void
leave(dfs_t *dfs)
{
	static unsigned char bytes[KEPT];
	dfs_obj_t *kept = directory(dfs, NULL, "kept"), *file = create(dfs, kept, "file");

	pattern(bytes, sizeof(bytes));
	DONE(put(dfs, file, bytes, sizeof(bytes), 0));
	DONE(dfs_setxattr(dfs, file, "user.kept", "value", 5, 0));
	DONE(dfs_release(file));
	symbolic_link(dfs, kept, "link", "moved");
	DONE(dfs_move(dfs, kept, "file", kept, "moved", NULL));
	make_file(dfs, kept, "removed", "x");
	DONE(dfs_remove(dfs, kept, "removed", false, NULL));
	DONE(dfs_release(kept));
}

static void
look(dfs_t *dfs)
{
	static unsigned char bytes[KEPT], found[KEPT];
	dfs_obj_t *file, *kept;
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	struct dirent entries[8];
	struct stat status;
	char value[8];
	daos_size_t size;
	uint32_t nr = 8;

	pattern(bytes, sizeof(bytes));
	DONE(dfs_lookup(dfs, "/kept/link", O_RDWR, &file, NULL, &status));
	TRUE(status.st_size == KEPT);
	DONE(get(dfs, file, found, KEPT, 0, &size));
	TRUE(size == KEPT && memcmp(found, bytes, KEPT) == 0);
	DONE(dfs_release(file));
	DONE(dfs_lookup(dfs, "/kept/moved", O_RDWR, &file, NULL, NULL));
	size = sizeof(value);
	DONE(dfs_getxattr(dfs, file, "user.kept", value, &size));
	TRUE(size == 5);
	DONE(dfs_release(file));
	DONE(dfs_lookup(dfs, "/kept", O_RDWR, &kept, NULL, NULL));
	DONE(dfs_readdir(dfs, kept, &anchor, &nr, entries));
	TRUE(nr == 2);
	GIVES(dfs_stat(dfs, kept, "removed", &status), ENOENT);
	DONE(dfs_release(kept));
}

/* The short way: one call that connects, opens and mounts. */
static void
connect_whole(const char *pool, const char *container)
{
	dfs_t *dfs, *same;
	daos_handle_t handle;
	d_iov_t all;

	DONE(dfs_init());
	DONE(dfs_connect(pool, NULL, container, O_RDWR, NULL, &dfs));
	look(dfs);
	memset(&all, 0, sizeof(all));
	DONE(dfs_local2global_all(dfs, &all));
	all.iov_buf = malloc(all.iov_buf_len);
	DONE(dfs_local2global_all(dfs, &all));
	DONE(dfs_global2local_all(O_RDONLY, all, &same));
	free(all.iov_buf);
	DONE(dfs_disconnect(same));
	DONE(dfs_pool_get(dfs, &handle));
	GIVES(dfs_disconnect(dfs), EBUSY);
	DONE(dfs_pool_put(dfs, handle));
	GIVES(dfs_umount(dfs), EINVAL);
	DONE(dfs_sync(dfs));
	DONE(dfs_disconnect(dfs));
	GIVES(dfs_connect(pool, NULL, "no-such-container", O_RDWR, NULL, &dfs), ENOENT);
	DONE(dfs_connect(pool, NULL, "made-by-connect", O_RDWR | O_CREAT, NULL, &dfs));
	DONE(dfs_disconnect(dfs));
	DONE(dfs_destroy(pool, NULL, "made-by-connect", 0, NULL));
	DONE(dfs_fini());
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container;
	dfs_t *dfs;

	TRUE(argc == 4);
	if (strcmp(argv[3], "read") == 0) {
		connect_whole(argv[1], argv[2]);
		return 0;
	}
	dfs = mount_new(argv[1], argv[2], &pool, &container);
	bytes_of_files(dfs);
	ranges_and_sizes(dfs);
	attributes(dfs);
	events(dfs);
	sharing(pool, container, dfs);
	leave(dfs);
	look(dfs);
	DONE(dfs_umount(dfs));
	OK(daos_cont_close(container, NULL));
	OK(daos_pool_disconnect(pool, NULL));
	OK(daos_fini());
	return 0;
}
