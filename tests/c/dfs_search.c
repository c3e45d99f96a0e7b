/* Searching: listings with filters, and going through a whole container.
 *
 * run: {pool} {container}
 */
#include "dfs.h"

enum { FILES = 100, STEP = 7 };

static dfs_pipeline_t *
filter(dfs_t *dfs, const char *name, time_t newer, uint64_t flags)
{
	dfs_predicate_t wanted;
	dfs_pipeline_t *made;

	memset(&wanted, 0, sizeof(wanted));
	snprintf(wanted.dp_name, sizeof(wanted.dp_name), "%s", name);
	wanted.dp_newer = newer;
	DONE(dfs_pipeline_create(dfs, wanted, flags, &made));
	return made;
}

/* How many entries a filter lets through, and how many of them are directories. */
static uint32_t
count(dfs_t *dfs, dfs_obj_t *parent, dfs_pipeline_t *wanted, uint32_t *directories)
{
	daos_anchor_t anchor = {0};
	struct dirent entries[STEP];
	daos_obj_id_t ids[STEP];
	daos_size_t chunk_sizes[STEP];
	uint64_t scanned, looked_at = 0;
	uint32_t found = 0, i;

	*directories = 0;
	while (!daos_anchor_is_eof(&anchor)) {
		uint32_t nr = STEP;

		DONE(dfs_readdir_with_filter(dfs, parent, wanted, &anchor, &nr, entries, ids, chunk_sizes, &scanned));
		TRUE(nr <= STEP);
		looked_at += scanned;
		for (i = 0; i < nr; i++) {
			daos_obj_id_t id;
			dfs_obj_t *obj;

			DONE(dfs_lookup_rel(dfs, parent, entries[i].d_name, O_RDONLY | O_NOFOLLOW, &obj, NULL, NULL));
			DONE(dfs_obj2id(obj, &id));
			TRUE(id.lo == ids[i].lo && id.hi == ids[i].hi);
			DONE(dfs_release(obj));
			TRUE(entries[i].d_type != DT_REG || chunk_sizes[i] == CHUNK);
			*directories += entries[i].d_type == DT_DIR;
		}
		found += nr;
	}
	TRUE(looked_at == FILES + 2);
	return found;
}

static void
filters(dfs_t *dfs)
{
	dfs_obj_t *parent = directory(dfs, NULL, "search");
	dfs_pipeline_t *wanted;
	struct stat status;
	uint32_t directories;
	char name[32];
	int i;

	for (i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "file.%d", i);
		make_file(dfs, parent, name, "");
	}
	DONE(dfs_mkdir(dfs, parent, "below", 0755, 0));
	symbolic_link(dfs, parent, "link.6", "file.6");
	DONE(dfs_stat(dfs, parent, "file.99", &status));

	/* Directories are given whatever they are called, for the search to go on in them. */
	wanted = filter(dfs, "%.6%", 0, DFS_FILTER_NAME);
	TRUE(count(dfs, parent, wanted, &directories) == 11 + 1 + 1 && directories == 1);
	DONE(dfs_pipeline_destroy(wanted));
	wanted = filter(dfs, "%.6%", 0, DFS_FILTER_NAME | DFS_FILTER_INCLUDE_DIRS);
	TRUE(count(dfs, parent, wanted, &directories) == 11 + 1 && directories == 0);
	DONE(dfs_pipeline_destroy(wanted));
	wanted = filter(dfs, "file.__", status.st_ctime + 1000, DFS_FILTER_NAME | DFS_FILTER_NEWER);
	TRUE(count(dfs, parent, wanted, &directories) == 1 && directories == 1);
	DONE(dfs_pipeline_destroy(wanted));
	wanted = filter(dfs, "file.__", 1000, DFS_FILTER_NAME | DFS_FILTER_NEWER);
	TRUE(count(dfs, parent, wanted, &directories) == 90 + 1);
	DONE(dfs_pipeline_destroy(wanted));
	wanted = filter(dfs, "", 0, 0);
	TRUE(count(dfs, parent, wanted, &directories) == FILES + 2);
	DONE(dfs_pipeline_destroy(wanted));
	GIVES(dfs_pipeline_destroy(wanted), EINVAL);
	DONE(dfs_pipeline_destroy(NULL));
	DONE(dfs_release(parent));
}

static void
bad_filters(dfs_t *dfs)
{
	daos_anchor_t anchor = {0};
	struct dirent entry;
	dfs_predicate_t wanted;
	dfs_pipeline_t *made;
	uint32_t nr = 1;

	memset(&wanted, 0, sizeof(wanted));
	GIVES(dfs_pipeline_create(NULL, wanted, 0, &made), EINVAL);
	GIVES(dfs_pipeline_create(dfs, wanted, 0, NULL), EINVAL);
	GIVES(dfs_pipeline_create(dfs, wanted, 1 << 20, &made), EINVAL);
	wanted.dp_name[0] = '\\';
	GIVES(dfs_pipeline_create(dfs, wanted, DFS_FILTER_NAME, &made), EINVAL);
	memset(wanted.dp_name, '%', sizeof(wanted.dp_name));
	DONE(dfs_pipeline_create(dfs, wanted, DFS_FILTER_NAME, &made));
	GIVES(dfs_readdir_with_filter(dfs, NULL, NULL, &anchor, &nr, &entry, NULL, NULL, NULL), EINVAL);
	GIVES(dfs_readdir_with_filter(dfs, NULL, made, NULL, &nr, &entry, NULL, NULL, NULL), EINVAL);
	GIVES(dfs_readdir_with_filter(dfs, NULL, made, &anchor, NULL, &entry, NULL, NULL, NULL), EINVAL);
	GIVES(dfs_readdir_with_filter(dfs, NULL, made, &anchor, &nr, NULL, NULL, NULL, NULL), EINVAL);
	nr = 1;
	DONE(dfs_readdir_with_filter(dfs, NULL, made, &anchor, &nr, &entry, NULL, NULL, NULL));
	DONE(dfs_pipeline_destroy(made));
}

static void
scans(daos_handle_t pool, const char *container)
{
	daos_handle_t wrong = {0};

	DONE(dfs_cont_scan(pool, container, 0, NULL));
	DONE(dfs_cont_scan(pool, container, 0, "/search"));
	GIVES(dfs_cont_scan(pool, container, 0, "/search/file.1"), ENOTDIR);
	GIVES(dfs_cont_scan(pool, container, 0, "/none"), ENOENT);
	GIVES(dfs_cont_scan(pool, container, 1, NULL), EINVAL);
	GIVES(dfs_cont_scan(pool, "none", 0, NULL), ENOENT);
	GIVES(dfs_cont_scan(pool, NULL, 0, NULL), EINVAL);
	GIVES(dfs_cont_scan(wrong, container, 0, NULL), EINVAL);
}

/* Listings that begin at a name, and those in parts. */
static void
anchors(dfs_t *dfs)
{
	daos_anchor_t anchor = {0}, parts[64];
	struct dirent entries[FILES + 2];
	uint32_t nr = FILES + 2, behind, count = 0, found = 0, i;
	dfs_obj_t *parent, *file;

	DONE(dfs_lookup(dfs, "/search", O_RDWR, &parent, NULL, NULL));
	DONE(dfs_lookup(dfs, "/search/file.1", O_RDWR, &file, NULL, NULL));
	DONE(dfs_readdir(dfs, parent, &anchor, &nr, entries));
	TRUE(nr == FILES + 2);
	for (i = 0; i < nr; i += 30) {
		struct dirent again[FILES + 2];

		DONE(dfs_dir_anchor_set(parent, entries[i].d_name, &anchor));
		behind = FILES + 2;
		DONE(dfs_readdir(dfs, parent, &anchor, &behind, again));
		TRUE(behind == nr - i && strcmp(again[0].d_name, entries[i].d_name) == 0);
		TRUE(daos_anchor_is_eof(&anchor));
	}
	/* The entry goes: the listing begins behind it. */
	make_file(dfs, parent, "gone", "");
	DONE(dfs_dir_anchor_set(parent, "gone", &anchor));
	DONE(dfs_remove(dfs, parent, "gone", false, NULL));
	for (behind = 0; !daos_anchor_is_eof(&anchor); behind += nr) {
		nr = STEP;
		DONE(dfs_readdir(dfs, parent, &anchor, &nr, entries));
	}
	TRUE(behind <= FILES + 2);

	DONE(dfs_obj_anchor_split(parent, &count, NULL));
	TRUE(count >= 1 && count <= 64);
	for (i = 0; i < count; i++) {
		DONE(dfs_obj_anchor_set(parent, i, &parts[i]));
		while (!daos_anchor_is_eof(&parts[i])) {
			nr = STEP;
			DONE(dfs_readdir(dfs, parent, &parts[i], &nr, entries));
			found += nr;
		}
	}
	TRUE(found == FILES + 2);
	nr = 1;
	DONE(dfs_obj_anchor_split(parent, &nr, parts));
	nr = count + 1;
	GIVES(dfs_obj_anchor_split(parent, &nr, NULL), EINVAL);
	GIVES(dfs_obj_anchor_split(parent, NULL, NULL), EINVAL);
	GIVES(dfs_obj_anchor_split(file, &nr, NULL), ENOTDIR);
	GIVES(dfs_obj_anchor_set(parent, count, &anchor), EINVAL);
	GIVES(dfs_obj_anchor_set(parent, 0, NULL), EINVAL);
	GIVES(dfs_dir_anchor_set(file, "x", &anchor), ENOTDIR);
	GIVES(dfs_dir_anchor_set(parent, NULL, &anchor), EINVAL);
	GIVES(dfs_dir_anchor_set(parent, "a/b", &anchor), EINVAL);
	GIVES(dfs_dir_anchor_set(parent, "x", NULL), EINVAL);
	GIVES(dfs_dir_anchor_set(NULL, "x", &anchor), EINVAL);
	DONE(dfs_release(file));
	DONE(dfs_release(parent));
}

/* Takes an entry out of the root behind the file system's back, as a process does that is killed in the middle of a removal. */
static daos_obj_id_t
lose(daos_handle_t container, dfs_t *dfs, const char *path)
{
	daos_handle_t object;
	daos_obj_id_t id, lost;
	dfs_obj_t *obj;
	daos_key_t dkey;

	DONE(dfs_lookup(dfs, path, O_RDONLY, &obj, NULL, NULL));
	DONE(dfs_obj2id(obj, &lost));
	DONE(dfs_release(obj));
	DONE(dfs_lookup(dfs, "/", O_RDONLY, &obj, NULL, NULL));
	DONE(dfs_obj2id(obj, &id));
	DONE(dfs_release(obj));
	OK(daos_obj_open(container, id, DAOS_OO_RW, &object, NULL));
	d_iov_set(&dkey, (void *)(uintptr_t)(path + 1), strlen(path + 1));
	OK(daos_obj_punch_dkeys(object, DAOS_TX_NONE, DAOS_COND_PUNCH, 1, &dkey, NULL));
	OK(daos_obj_close(object, NULL));
	return lost;
}

static dfs_t *
mount_again(daos_handle_t pool, const char *label, daos_handle_t *container)
{
	dfs_t *dfs;

	OK(daos_cont_open(pool, label, DAOS_COO_RW, container, NULL, NULL));
	DONE(dfs_mount(pool, *container, O_RDWR, &dfs));
	return dfs;
}

static void
checks(daos_handle_t pool, const char *label, daos_handle_t *container, dfs_t **dfs)
{
	daos_obj_id_t file, folder, removed;
	dfs_obj_t *made;
	daos_size_t size;
	char path[200];

	make_file(*dfs, NULL, "lost", "lost file");
	make_file(*dfs, NULL, "kept", "kept file");
	made = directory(*dfs, NULL, "folder");
	make_file(*dfs, made, "within", "within a folder");
	DONE(dfs_release(made));
	file = lose(*container, *dfs, "/lost");
	folder = lose(*container, *dfs, "/folder");

	GIVES(dfs_cont_check(pool, label, DFS_CHECK_PRINT, NULL), EBUSY);
	DONE(dfs_umount(*dfs));
	OK(daos_cont_close(*container, NULL));
	GIVES(dfs_cont_check(pool, label, DFS_CHECK_REMOVE | DFS_CHECK_RELINK, NULL), EINVAL);
	GIVES(dfs_cont_check(pool, label, 1 << 20, NULL), EINVAL);
	GIVES(dfs_cont_check(pool, "none", DFS_CHECK_PRINT, NULL), ENOENT);
	GIVES(dfs_cont_check(pool, label, DFS_CHECK_RELINK, "a/b"), EINVAL);
	DONE(dfs_cont_check(pool, label, DFS_CHECK_PRINT | DFS_CHECK_VERIFY, NULL));
	DONE(dfs_cont_check(pool, label, DFS_CHECK_PRINT | DFS_CHECK_RELINK, "found"));
	GIVES(dfs_cont_check(pool, label, DFS_CHECK_RELINK, "found"), EEXIST);

	*dfs = mount_again(pool, label, container);
	holds(*dfs, "/kept", "kept file");
	snprintf(path, sizeof(path), "/lost+found/found/%llu.%llu", (unsigned long long)file.hi, (unsigned long long)file.lo);
	holds(*dfs, path, "lost file");
	snprintf(path, sizeof(path), "/lost+found/found/%llu.%llu/within", (unsigned long long)folder.hi,
		 (unsigned long long)folder.lo);
	holds(*dfs, path, "within a folder");
	make_file(*dfs, NULL, "removed", "removed file");
	removed = lose(*container, *dfs, "/removed");
	DONE(dfs_get_size_by_oid(*dfs, removed, CHUNK, &size));
	TRUE(size == strlen("removed file"));

	/* Whoever has the container open is told to leave. */
	DONE(dfs_cont_check(pool, label, DFS_CHECK_REMOVE | DFS_CHECK_EVICT_ALL, NULL));
	DONE(dfs_umount(*dfs));
	(void)daos_cont_close(*container, NULL);
	*dfs = mount_again(pool, label, container);
	DONE(dfs_get_size_by_oid(*dfs, removed, CHUNK, &size));
	TRUE(size == 0);
	holds(*dfs, "/kept", "kept file");
	DONE(dfs_umount(*dfs));
	OK(daos_cont_close(*container, NULL));
	DONE(dfs_cont_check(pool, label, DFS_CHECK_RELINK, NULL));
	*dfs = mount_again(pool, label, container);
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container;
	dfs_t *dfs;

	TRUE(argc == 3);
	dfs = mount_new(argv[1], argv[2], &pool, &container);
	filters(dfs);
	bad_filters(dfs);
	scans(pool, argv[2]);
	anchors(dfs);
	checks(pool, argv[2], &container, &dfs);
	DONE(dfs_umount(dfs));
	OK(daos_cont_close(container, NULL));
	OK(daos_pool_disconnect(pool, NULL));
	OK(daos_fini());
	return 0;
}
