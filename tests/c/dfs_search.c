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
	DONE(dfs_umount(dfs));
	OK(daos_cont_close(container, NULL));
	OK(daos_pool_disconnect(pool, NULL));
	OK(daos_fini());
	return 0;
}
