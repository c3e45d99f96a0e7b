/* Files and directories: what they hold, how they are named, moved and removed, and wrong arguments of every kind.
 *
 * run: {pool} {container} write
 * rerun: {pool} {container} read
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "check.h"
#include <daos_fs.h>
#include <daos_uns.h>

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

enum { CHUNK = 4096, KEPT = 3 * CHUNK + 100, MANY = 300 };

static char too_long[DFS_MAX_NAME + 2], too_deep[DFS_MAX_PATH + 2];

static d_sg_list_t
list_of(d_iov_t *iov, void *buffer, size_t size)
{
	d_sg_list_t sgl;

	d_iov_set(iov, buffer, size);
	sgl.sg_nr = 1;
	sgl.sg_nr_out = 0;
	sgl.sg_iovs = iov;
	return sgl;
}

static int
put(dfs_t *dfs, dfs_obj_t *file, const void *bytes, size_t size, daos_off_t offset)
{
	d_iov_t iov;
	d_sg_list_t sgl = list_of(&iov, (void *)(uintptr_t)bytes, size);

	return dfs_write(dfs, file, &sgl, offset, NULL);
}

static int
get(dfs_t *dfs, dfs_obj_t *file, void *bytes, size_t size, daos_off_t offset, daos_size_t *read_size)
{
	d_iov_t iov;
	d_sg_list_t sgl = list_of(&iov, bytes, size);

	return dfs_read(dfs, file, &sgl, offset, read_size, NULL);
}

static dfs_obj_t *
create(dfs_t *dfs, dfs_obj_t *parent, const char *name)
{
	dfs_obj_t *file;

	DONE(dfs_open(dfs, parent, name, S_IFREG | 0640, O_RDWR | O_CREAT | O_EXCL, 0, CHUNK, NULL, &file));
	return file;
}

static dfs_obj_t *
directory(dfs_t *dfs, dfs_obj_t *parent, const char *name)
{
	dfs_obj_t *made;

	DONE(dfs_open(dfs, parent, name, S_IFDIR | 0755, O_RDWR | O_CREAT | O_EXCL, 0, 0, NULL, &made));
	return made;
}

static void
symbolic_link(dfs_t *dfs, dfs_obj_t *parent, const char *name, const char *target)
{
	dfs_obj_t *made;

	DONE(dfs_open(dfs, parent, name, S_IFLNK, O_RDWR | O_CREAT | O_EXCL, 0, 0, target, &made));
	DONE(dfs_release(made));
}

static void
pattern(unsigned char *bytes, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		bytes[i] = (unsigned char)(i * 7 + i / 251 + 1);
}

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
make_file(dfs_t *dfs, dfs_obj_t *parent, const char *name, const char *text)
{
	dfs_obj_t *file = create(dfs, parent, name);

	DONE(put(dfs, file, text, strlen(text), 0));
	DONE(dfs_release(file));
}

static void
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
	GIVES(dfs_getxattr(dfs, file, "user.one", value, &size), ERANGE);
	size = 0;
	DONE(dfs_listxattr(dfs, file, NULL, &size));
	TRUE(size == 18);
	DONE(dfs_listxattr(dfs, file, list, &size));
	TRUE(size == 18 && (memcmp(list, "user.one\0user.two", 18) == 0 || memcmp(list, "user.two\0user.one", 18) == 0));
	size = 17;
	GIVES(dfs_listxattr(dfs, file, list, &size), ERANGE);
	DONE(dfs_removexattr(dfs, file, "user.one"));
	GIVES(dfs_removexattr(dfs, file, "user.one"), ENODATA);
	GIVES(dfs_getxattr(dfs, file, "user.one", NULL, &size), ENODATA);
	DONE(dfs_setxattr(dfs, file, "user.large", large, DFS_MAX_XATTR_LEN, 0));
	size = 0;
	DONE(dfs_getxattr(dfs, file, "user.large", NULL, &size));
	TRUE(size == DFS_MAX_XATTR_LEN);
	GIVES(dfs_setxattr(dfs, file, "user.large", large, DFS_MAX_XATTR_LEN + 1, 0), E2BIG);
	GIVES(dfs_setxattr(dfs, file, too_long, large, 1, 0), ERANGE);
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
	daos_handle_t pool, container, other;
	uuid_t uuid;
	dfs_t *dfs;

	TRUE(argc == 4);
	memset(too_long, 'x', sizeof(too_long) - 1);
	memset(too_deep, '/', sizeof(too_deep) - 1);
	if (strcmp(argv[3], "read") == 0) {
		connect_whole(argv[1], argv[2]);
		return 0;
	}
	OK(daos_init());
	OK(daos_pool_connect(argv[1], NULL, DAOS_PC_RW, &pool, NULL, NULL));
	DONE(dfs_cont_create_with_label(pool, argv[2], NULL, &uuid, &container, &dfs));
	GIVES(dfs_cont_create_with_label(pool, argv[2], NULL, NULL, NULL, NULL), EEXIST);
	bytes_of_files(dfs);
	ranges_and_sizes(dfs);
	names(dfs);
	listings(dfs);
	moves(dfs);
	attributes(dfs);
	events(dfs);
	sharing(pool, container, dfs);
	bad_pointers(pool, container, dfs);
	unified_names(argv[1], argv[2]);
	leave(dfs);
	look(dfs);
	DONE(dfs_umount(dfs));
	GIVES(dfs_umount(dfs), EINVAL);
	OK(daos_cont_close(container, NULL));

	/* A container that is for something else has no file system; one that is closed has none either. */
	OK(daos_cont_create_with_label(pool, "plain", NULL, NULL, NULL));
	OK(daos_cont_open(pool, "plain", DAOS_COO_RW, &other, NULL, NULL));
	GIVES(dfs_mount(pool, other, O_RDWR, &dfs), EINVAL);
	OK(daos_cont_close(other, NULL));
	GIVES(dfs_mount(pool, other, O_RDWR, &dfs), EINVAL);
	OK(daos_cont_destroy(pool, "plain", 0, NULL));
	OK(daos_pool_disconnect(pool, NULL));
	OK(daos_fini());
	return 0;
}
