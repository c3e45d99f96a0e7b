/* Names, directories, moves, and wrong arguments of every kind.
 *
 * run: {pool} {container}
 */
#include "dfs.h"
#include <daos_uns.h>

enum { MANY = 300 };

static char too_long[DFS_MAX_NAME + 2], too_deep[DFS_MAX_PATH + 2];

static void
names(dfs_t *dfs)
{
	dfs_obj_t *top = directory(dfs, NULL, "names"), *below = directory(dfs, top, "below"), *found, *file;
	char value[32];
	daos_size_t size;
	struct stat status;
	daos_obj_id_t one, other;
	mode_t mode;

	file = create(dfs, below, "file");
	symbolic_link(dfs, top, "up", "below/../below/./file");
	symbolic_link(dfs, top, "absolute", "/names/below");
	symbolic_link(dfs, top, "loop", "loop");
	symbolic_link(dfs, top, "ping", "pong");
	symbolic_link(dfs, top, "pong", "ping");
	symbolic_link(dfs, top, "dangling", "nowhere");

	DONE(dfs_obj2id(file, &one));
	DONE(dfs_lookup(dfs, "//names/./up", O_RDWR, &found, NULL, &status));
	DONE(dfs_obj2id(found, &other));
	TRUE(memcmp(&one, &other, sizeof(one)) == 0 && S_ISREG(status.st_mode));
	DONE(dfs_release(found));
	DONE(dfs_lookup(dfs, "/names/absolute/file", O_RDONLY, &found, NULL, NULL));
	DONE(dfs_release(found));
	DONE(dfs_lookup(dfs, "/names/../../names/absolute/", O_RDONLY, &found, &mode, NULL));
	TRUE(S_ISDIR(mode));
	DONE(dfs_release(found));
	DONE(dfs_lookup(dfs, "/", O_RDONLY, &found, &mode, &status));
	TRUE(S_ISDIR(mode) && S_ISDIR(status.st_mode));
	DONE(dfs_release(found));

	DONE(dfs_lookup_rel(dfs, top, "up", O_RDONLY | O_NOFOLLOW, &found, &mode, &status));
	TRUE(S_ISLNK(mode) && status.st_size == (off_t)strlen("below/../below/./file"));
	size = 0;
	DONE(dfs_get_symlink_value(found, NULL, &size));
	TRUE(size == strlen("below/../below/./file") + 1);
	size = sizeof(value);
	DONE(dfs_get_symlink_value(found, value, &size));
	TRUE(strcmp(value, "below/../below/./file") == 0);
	size = 3;
	value[3] = '#';
	DONE(dfs_get_symlink_value(found, value, &size));
	TRUE(value[3] == '#' && size == strlen("below/../below/./file") + 1);
	GIVES(get(dfs, found, value, 1, 0, &size), EINVAL);
	DONE(dfs_release(found));

	GIVES(dfs_lookup(dfs, "/names/loop", O_RDONLY, &found, NULL, NULL), ELOOP);
	GIVES(dfs_lookup(dfs, "/names/ping", O_RDONLY, &found, NULL, NULL), ELOOP);
	GIVES(dfs_lookup(dfs, "/names/dangling", O_RDONLY, &found, NULL, NULL), ENOENT);
	GIVES(dfs_lookup(dfs, "/names/none/file", O_RDONLY, &found, NULL, NULL), ENOENT);
	GIVES(dfs_lookup(dfs, "/names/below/file/x", O_RDONLY, &found, NULL, NULL), ENOTDIR);
	GIVES(dfs_lookup(dfs, "/names/below/file/", O_RDONLY, &found, NULL, NULL), ENOTDIR);
	GIVES(dfs_lookup(dfs, "names", O_RDONLY, &found, NULL, NULL), EINVAL);
	GIVES(dfs_lookup(dfs, too_deep, O_RDONLY, &found, NULL, NULL), ENAMETOOLONG);
	GIVES(dfs_lookup_rel(dfs, top, too_long, O_RDONLY, &found, NULL, NULL), ENAMETOOLONG);
	GIVES(dfs_lookup_rel(dfs, top, "below/file", O_RDONLY, &found, NULL, NULL), EINVAL);
	GIVES(dfs_lookup_rel(dfs, file, "x", O_RDONLY, &found, NULL, NULL), ENOTDIR);
	GIVES(dfs_open(dfs, top, too_long, S_IFREG, O_RDWR | O_CREAT, 0, 0, NULL, &found), ENAMETOOLONG);
	GIVES(dfs_open(dfs, top, "x", S_IFLNK, O_RDWR | O_CREAT, 0, 0, too_deep, &found), ENAMETOOLONG);
	GIVES(dfs_open(dfs, top, "x", S_IFLNK, O_RDWR | O_CREAT, 0, 0, NULL, &found), EINVAL);
	GIVES(dfs_open(dfs, top, "below", S_IFREG, O_RDWR, 0, 0, NULL, &found), EISDIR);
	GIVES(dfs_open(dfs, top, "up", S_IFREG, O_RDWR | O_NOFOLLOW, 0, 0, NULL, &found), ELOOP);
	/* A file is made where a link to nothing points. */
	DONE(dfs_open(dfs, top, "dangling", S_IFREG | 0600, O_RDWR | O_CREAT, 0, 0, NULL, &found));
	DONE(dfs_release(found));
	DONE(dfs_stat(dfs, top, "nowhere", &status));
	TRUE(S_ISREG(status.st_mode));

	DONE(dfs_set_prefix(dfs, "/mnt/dfs/"));
	DONE(dfs_lookup(dfs, "/mnt/dfs/names", O_RDONLY, &found, NULL, NULL));
	DONE(dfs_release(found));
	DONE(dfs_lookup(dfs, "/mnt/dfs", O_RDONLY, &found, NULL, NULL));
	DONE(dfs_release(found));
	GIVES(dfs_lookup(dfs, "/names", O_RDONLY, &found, NULL, NULL), EINVAL);
	GIVES(dfs_lookup(dfs, "/mnt/dfsnames", O_RDONLY, &found, NULL, NULL), EINVAL);
	DONE(dfs_set_prefix(dfs, NULL));

	DONE(dfs_release(file));
	DONE(dfs_release(below));
	DONE(dfs_release(top));
}

struct seen {
	unsigned char names[MANY];
	int count, stop;
};

static int
see(dfs_t *dfs, dfs_obj_t *obj, const char *name, void *arg)
{
	struct seen *seen = arg;
	struct stat status;

	/* The callback uses the library. */
	DONE(dfs_stat(dfs, obj, name, &status));
	TRUE(seen->names[atoi(name)]++ == 0);
	return ++seen->count == seen->stop ? EINTR : 0;
}

static void
listings(dfs_t *dfs)
{
	dfs_obj_t *many = directory(dfs, NULL, "many"), *file;
	static struct dirent entries[64];
	static struct stat stats[64];
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	struct seen seen;
	char name[16];
	uint32_t nr, i;
	int n;

	for (n = 0; n < MANY; n++) {
		snprintf(name, sizeof(name), "%d", n);
		file = create(dfs, many, name);
		DONE(dfs_release(file));
	}
	/* In steps, while entries that were listed go. */
	memset(&seen, 0, sizeof(seen));
	while (!daos_anchor_is_eof(&anchor)) {
		nr = 7;
		DONE(dfs_readdir(dfs, many, &anchor, &nr, entries));
		TRUE(nr <= 7);
		for (i = 0; i < nr; i++) {
			TRUE(seen.names[atoi(entries[i].d_name)]++ == 0);
			seen.count++;
			if (atoi(entries[i].d_name) % 2)
				DONE(dfs_remove(dfs, many, entries[i].d_name, false, NULL));
		}
	}
	TRUE(seen.count == MANY);
	memset(&anchor, 0, sizeof(anchor));
	for (n = 0; !daos_anchor_is_eof(&anchor); n += nr) {
		nr = 64;
		DONE(dfs_readdirplus(dfs, many, &anchor, &nr, entries, stats));
		for (i = 0; i < nr; i++)
			TRUE(S_ISREG(stats[i].st_mode) && atoi(entries[i].d_name) % 2 == 0);
	}
	TRUE(n == MANY / 2);

	memset(&anchor, 0, sizeof(anchor));
	memset(&seen, 0, sizeof(seen));
	while (!daos_anchor_is_eof(&anchor)) {
		nr = 100;
		DONE(dfs_iterate(dfs, many, &anchor, &nr, 32, see, &seen));
		TRUE(nr <= 32);
	}
	TRUE(seen.count == MANY / 2);
	memset(&anchor, 0, sizeof(anchor));
	memset(&seen, 0, sizeof(seen));
	seen.stop = 3;
	nr = 100;
	GIVES(dfs_iterate(dfs, many, &anchor, &nr, 4096, see, &seen), EINTR);
	TRUE(nr == 3 && seen.count == 3);

	nr = 0;
	DONE(dfs_readdir(dfs, many, &anchor, &nr, entries));
	GIVES(dfs_remove(dfs, NULL, "many", false, NULL), ENOTEMPTY);
	DONE(dfs_release(many));
	DONE(dfs_remove(dfs, NULL, "many", true, NULL));
	GIVES(dfs_lookup(dfs, "/many", O_RDONLY, &many, NULL, NULL), ENOENT);
}

static void
moves(dfs_t *dfs)
{
	dfs_obj_t *from = directory(dfs, NULL, "from"), *to = directory(dfs, NULL, "to"), *inner, *file;
	daos_obj_id_t replaced, expected;
	struct stat status;
	char value[8];
	daos_size_t size;

	make_file(dfs, from, "a", "first");
	make_file(dfs, from, "b", "second");
	DONE(dfs_lookup(dfs, "/from/a", O_RDWR, &file, NULL, NULL));
	DONE(dfs_setxattr(dfs, file, "user.kept", "value", 5, 0));
	DONE(dfs_move(dfs, from, "a", to, "c", &replaced));
	TRUE(replaced.lo == 0 && replaced.hi == 0);
	GIVES(dfs_stat(dfs, from, "a", &status), ENOENT);
	GIVES(dfs_ostat(dfs, file, &status), ENOENT);
	holds(dfs, "/to/c", "first");
	/* An open file goes with the move when it is told, and its attributes have gone as well. */
	DONE(dfs_lookup(dfs, "/to/c", O_RDWR, &inner, NULL, NULL));
	DONE(dfs_update_parent(file, inner, "c"));
	DONE(dfs_release(inner));
	DONE(dfs_ostat(dfs, file, &status));
	size = sizeof(value);
	DONE(dfs_getxattr(dfs, file, "user.kept", value, &size));
	TRUE(size == 5 && memcmp(value, "value", 5) == 0);
	DONE(dfs_obj2id(file, &expected));
	DONE(dfs_release(file));

	/* Over another file: its attributes do not come along. */
	DONE(dfs_move(dfs, from, "b", to, "c", &replaced));
	TRUE(memcmp(&replaced, &expected, sizeof(replaced)) == 0);
	holds(dfs, "/to/c", "second");
	DONE(dfs_lookup(dfs, "/to/c", O_RDWR, &file, NULL, NULL));
	GIVES(dfs_getxattr(dfs, file, "user.kept", NULL, &size), ENODATA);
	DONE(dfs_release(file));
	/* To its own place, back and forth, and gone for good. */
	DONE(dfs_move(dfs, to, "c", to, "c", NULL));
	DONE(dfs_move(dfs, to, "c", from, "c", NULL));
	DONE(dfs_move(dfs, from, "c", to, "c", NULL));
	holds(dfs, "/to/c", "second");

	symbolic_link(dfs, from, "link", "target");
	DONE(dfs_move(dfs, from, "link", to, "link", NULL));
	DONE(dfs_stat(dfs, to, "link", &status));
	TRUE(S_ISLNK(status.st_mode) && status.st_size == 6);

	inner = directory(dfs, from, "inner");
	GIVES(dfs_move(dfs, NULL, "from", inner, "x", NULL), EINVAL);
	GIVES(dfs_move(dfs, NULL, "from", from, "x", NULL), EINVAL);
	GIVES(dfs_move(dfs, from, "none", to, "x", NULL), ENOENT);
	GIVES(dfs_move(dfs, to, "c", from, "inner", NULL), EISDIR);
	GIVES(dfs_move(dfs, from, "inner", to, "c", NULL), ENOTDIR);
	GIVES(dfs_move(dfs, from, "inner", NULL, "to", NULL), ENOTEMPTY);
	GIVES(dfs_move(dfs, to, "c", to, too_long, NULL), ENAMETOOLONG);
	GIVES(dfs_move(dfs, to, "c", to, "..", NULL), EINVAL);
	DONE(dfs_mkdir(dfs, to, "empty", 0755, 0));
	DONE(dfs_move(dfs, from, "inner", to, "empty", NULL));
	DONE(dfs_stat(dfs, to, "empty", &status));
	TRUE(S_ISDIR(status.st_mode));
	DONE(dfs_release(inner));

	make_file(dfs, from, "x", "one");
	make_file(dfs, to, "y", "two");
	DONE(dfs_exchange(dfs, from, "x", to, "y"));
	holds(dfs, "/from/x", "two");
	holds(dfs, "/to/y", "one");
	GIVES(dfs_exchange(dfs, from, "x", to, "none"), ENOENT);

	GIVES(dfs_remove(dfs, from, "none", false, NULL), ENOENT);
	GIVES(dfs_mkdir(dfs, to, "y", 0755, 0), EEXIST);
	DONE(dfs_release(from));
	DONE(dfs_release(to));
	DONE(dfs_remove(dfs, NULL, "from", true, NULL));
	DONE(dfs_remove(dfs, NULL, "to", true, &replaced));
	TRUE(replaced.hi != 0);
}

static void
bad_pointers(daos_handle_t pool, daos_handle_t container, dfs_t *dfs)
{
	dfs_t *none = NULL, *odd = (dfs_t *)(uintptr_t)0x1234567, *other;
	dfs_obj_t *file = create(dfs, NULL, "pointers"), *gone, *found;
	daos_handle_t wrong = {0x1234567};
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	struct dirent entry;
	struct stat status;
	daos_size_t size;
	d_sg_list_t sgl;
	d_iov_t iov;
	uint32_t nr = 1;
	char byte;

	DONE(dfs_dup(dfs, file, O_RDWR, &gone));
	DONE(dfs_release(gone));
	GIVES(dfs_release(gone), EINVAL);
	GIVES(dfs_release(NULL), EINVAL);
	GIVES(put(dfs, gone, "x", 1, 0), EINVAL);
	GIVES(put(dfs, NULL, "x", 1, 0), EINVAL);
	GIVES(put(none, file, "x", 1, 0), EINVAL);
	GIVES(put(odd, file, "x", 1, 0), EINVAL);
	GIVES(put((dfs_t *)file, file, "x", 1, 0), EINVAL);
	GIVES(put(dfs, (dfs_obj_t *)dfs, "x", 1, 0), EINVAL);
	GIVES(get(dfs, gone, &byte, 1, 0, &size), EINVAL);
	GIVES(get(dfs, file, &byte, 1, 0, NULL), EINVAL);
	GIVES(get(dfs, file, NULL, 1, 0, &size), EINVAL);
	sgl = list_of(&iov, &byte, 1);
	GIVES(dfs_read(dfs, file, NULL, 0, &size, NULL), EINVAL);
	GIVES(dfs_read(dfs, file, (d_sg_list_t *)(uintptr_t)0x1001, 0, &size, NULL), EINVAL);
	sgl.sg_iovs = NULL;
	GIVES(dfs_write(dfs, file, &sgl, 0, NULL), EINVAL);
	GIVES(dfs_readx(dfs, file, NULL, &sgl, &size, NULL), EINVAL);
	GIVES(dfs_get_size(dfs, file, NULL), EINVAL);
	GIVES(dfs_stat(dfs, NULL, "pointers", NULL), EINVAL);
	GIVES(dfs_stat(dfs, gone, "pointers", &status), EINVAL);
	GIVES(dfs_stat(none, NULL, "pointers", &status), EINVAL);
	GIVES(dfs_ostat(dfs, NULL, &status), EINVAL);
	GIVES(dfs_lookup(dfs, NULL, O_RDONLY, &found, NULL, NULL), EINVAL);
	GIVES(dfs_lookup(dfs, "/pointers", O_RDONLY, NULL, NULL, NULL), EINVAL);
	GIVES(dfs_lookup(dfs, "/pointers", 3, &found, NULL, NULL), EINVAL);
	GIVES(dfs_open(dfs, NULL, NULL, S_IFREG, O_RDWR, 0, 0, NULL, &found), EINVAL);
	GIVES(dfs_open(dfs, NULL, "x", S_IFREG, O_RDWR | O_CREAT, 12345, 0, NULL, &found), EINVAL);
	GIVES(dfs_open(dfs, NULL, "x", S_IFREG, O_RDWR | O_CREAT, 0, ~0ULL, NULL, &found), EINVAL);
	GIVES(dfs_mkdir(dfs, NULL, "", 0755, 0), EINVAL);
	GIVES(dfs_mkdir(dfs, NULL, ".", 0755, 0), EINVAL);
	GIVES(dfs_mkdir(dfs, NULL, "a/b", 0755, 0), EINVAL);
	GIVES(dfs_remove(dfs, gone, "x", false, NULL), EINVAL);
	GIVES(dfs_readdir(dfs, file, &anchor, &nr, &entry), ENOTDIR);
	GIVES(dfs_readdir(dfs, NULL, NULL, &nr, &entry), EINVAL);
	GIVES(dfs_readdir(dfs, NULL, &anchor, NULL, &entry), EINVAL);
	GIVES(dfs_readdir(dfs, NULL, &anchor, &nr, NULL), EINVAL);
	memset(&anchor, 0xff, sizeof(anchor));
	GIVES(dfs_readdir(dfs, NULL, &anchor, &nr, &entry), EINVAL);
	GIVES(dfs_obj2id(NULL, NULL), EINVAL);
	GIVES(dfs_get_symlink_value(file, &byte, &size), EINVAL);
	GIVES(dfs_umount(NULL), EINVAL);
	GIVES(dfs_umount((dfs_t *)file), EINVAL);
	GIVES(dfs_mount(pool, wrong, O_RDWR, &other), EINVAL);
	GIVES(dfs_mount(wrong, container, O_RDWR, &other), EINVAL);
	GIVES(dfs_mount(pool, container, O_WRONLY, &other), EINVAL);
	GIVES(dfs_mount(pool, container, O_RDWR, NULL), EINVAL);
	GIVES(dfs_disconnect(dfs), EINVAL);
	GIVES(dfs_fini(), EINVAL);
	GIVES(dfs_connect("p", NULL, "c", O_RDWR, NULL, &other), EACCES);
	DONE(dfs_release(file));

	/* A mount for reading changes nothing. */
	DONE(dfs_mount(pool, container, O_RDONLY, &other));
	GIVES(dfs_open(other, NULL, "x", S_IFREG, O_RDWR | O_CREAT, 0, 0, NULL, &found), EPERM);
	GIVES(dfs_mkdir(other, NULL, "x", 0755, 0), EPERM);
	GIVES(dfs_remove(other, NULL, "pointers", false, NULL), EPERM);
	GIVES(dfs_move(other, NULL, "pointers", NULL, "x", NULL), EPERM);
	GIVES(dfs_lookup(other, "/pointers", O_RDWR, &found, NULL, NULL), EPERM);
	DONE(dfs_lookup(other, "/pointers", O_RDONLY, &found, NULL, NULL));
	GIVES(put(other, found, "x", 1, 0), EPERM);
	DONE(dfs_umount(other));
	GIVES(dfs_stat(other, NULL, "pointers", &status), EINVAL);
	DONE(dfs_release(found));
	DONE(dfs_remove(dfs, NULL, "pointers", false, NULL));
}

/* Files that lose their names while they are open. */
static void
unlinked_but_open(dfs_t *dfs)
{
	dfs_obj_t *file, *again;
	daos_size_t size;
	daos_obj_id_t id;
	char found[16];

	file = create(dfs, NULL, "unlinked");
	DONE(put(dfs, file, "content", 7, 0));
	DONE(dfs_dup(dfs, file, O_RDONLY, &again));
	DONE(dfs_remove(dfs, NULL, "unlinked", false, &id));
	GIVES(dfs_lookup(dfs, "/unlinked", O_RDONLY, &file, NULL, NULL), ENOENT);
	DONE(put(dfs, file, "C", 1, 0));
	DONE(dfs_release(file));
	DONE(get(dfs, again, found, sizeof(found), 0, &size));
	TRUE(size == 7 && memcmp(found, "Content", 7) == 0);
	DONE(dfs_release(again));
	DONE(dfs_get_size_by_oid(dfs, id, CHUNK, &size));
	TRUE(size == 0);

	/* Replaced by another one. */
	make_file(dfs, NULL, "old", "old content");
	make_file(dfs, NULL, "new", "new");
	DONE(dfs_lookup(dfs, "/old", O_RDONLY, &file, NULL, NULL));
	DONE(dfs_move(dfs, NULL, "new", NULL, "old", NULL));
	DONE(get(dfs, file, found, sizeof(found), 0, &size));
	TRUE(size == 11 && memcmp(found, "old content", 11) == 0);
	holds(dfs, "/old", "new");
	DONE(dfs_release(file));
	DONE(dfs_remove(dfs, NULL, "old", false, NULL));
}

static void
unified_names(const char *pool, const char *container)
{
	struct duns_attr_t attr;
	char path[512];

	memset(&attr, 0, sizeof(attr));
	snprintf(path, sizeof(path), "daos://%s/%s/a/b", pool, container);
	DONE(duns_resolve_path(path, &attr));
	TRUE(strcmp(attr.da_pool, pool) == 0 && strcmp(attr.da_cont, container) == 0);
	TRUE(strcmp(attr.da_rel_path, "/a/b") == 0);
	duns_destroy_attr(&attr);
	TRUE(attr.da_rel_path == NULL);
	duns_destroy_attr(&attr);
	duns_destroy_attr(NULL);
	snprintf(path, sizeof(path), "/%s/%s", pool, container);
	attr.da_flags = DUNS_NO_PREFIX;
	DONE(duns_resolve_path(path, &attr));
	TRUE(attr.da_rel_path == NULL && strcmp(attr.da_cont, container) == 0);
	duns_destroy_attr(&attr);
	attr.da_flags = 0;
	GIVES(duns_resolve_path("/", &attr), ENODATA);
	GIVES(duns_resolve_path("daos://", &attr), EINVAL);
	GIVES(duns_resolve_path("daos://pool", &attr), EINVAL);
	GIVES(duns_resolve_path(too_deep, &attr), ENAMETOOLONG);
	GIVES(duns_resolve_path(NULL, &attr), EINVAL);
	GIVES(duns_resolve_path("/", NULL), EINVAL);
	GIVES(duns_parse_attr(path, 3, &attr), EINVAL);
}

/* A container that is for something else has no file system; one that is closed has none either. */
static void
other_containers(daos_handle_t pool)
{
	daos_handle_t other;
	dfs_t *dfs;

	OK(daos_cont_create_with_label(pool, "plain", NULL, NULL, NULL));
	OK(daos_cont_open(pool, "plain", DAOS_COO_RW, &other, NULL, NULL));
	GIVES(dfs_mount(pool, other, O_RDWR, &dfs), EINVAL);
	OK(daos_cont_close(other, NULL));
	GIVES(dfs_mount(pool, other, O_RDWR, &dfs), EINVAL);
	OK(daos_cont_destroy(pool, "plain", 0, NULL));
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container;
	dfs_t *dfs;

	TRUE(argc == 3);
	memset(too_long, 'x', sizeof(too_long) - 1);
	memset(too_deep, '/', sizeof(too_deep) - 1);
	dfs = mount_new(argv[1], argv[2], &pool, &container);
	GIVES(dfs_cont_create_with_label(pool, argv[2], NULL, NULL, NULL, NULL), EEXIST);
	names(dfs);
	listings(dfs);
	moves(dfs);
	unlinked_but_open(dfs);
	bad_pointers(pool, container, dfs);
	unified_names(argv[1], argv[2]);
	other_containers(pool);
	DONE(dfs_umount(dfs));
	GIVES(dfs_umount(dfs), EINVAL);
	OK(daos_cont_close(container, NULL));
	OK(daos_pool_disconnect(pool, NULL));
	OK(daos_fini());
	return 0;
}
