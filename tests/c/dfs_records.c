/* The records of directory entries, listed through the object functions as mpiFileUtils' daos-serialize does it: that program copies the extents
 * of an akey into a row of bytes, one behind the other, and failed at an entry whose time was set, because the record had a hole then.
 *
 * run: {pool} {container}
 * rerun: {pool} {container} again
 */
#include "dfs.h"

enum { RECORD = 88, SHORTEST = 72, FEW = 5 };

static const daos_handle_t none = {0};

/* The extents of an entry's record follow one another from zero on; gives how long they are together. */
static uint64_t
length_of_record(daos_handle_t object, const char *name)
{
	daos_key_t dkey, akey;
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	daos_epoch_range_t eprs[FEW];
	daos_recx_t recxs[FEW];
	uint64_t end = 0;
	daos_size_t size;

	d_iov_set(&dkey, (void *)(uintptr_t)name, strlen(name));
	d_iov_set(&akey, "DFS_INODE", 9);
	while (!daos_anchor_is_eof(&anchor)) {
		uint32_t i, number = FEW;

		OK(daos_obj_list_recx(object, none, &dkey, &akey, &size, &number, recxs, eprs, &anchor, true, NULL));
		for (i = 0; i < number; i++) {
			if (recxs[i].rx_idx != end) {
				fprintf(stderr, "%s: an extent begins at %lu, and the one before it ends at %lu\n", name,
					(unsigned long)recxs[i].rx_idx, (unsigned long)end);
				exit(1);
			}
			TRUE(size == 1);
			end += recxs[i].rx_nr;
		}
	}
	TRUE(end == SHORTEST || end == RECORD);
	return end;
}

static daos_handle_t
open_directory(daos_handle_t container, dfs_obj_t *at)
{
	daos_handle_t object;
	daos_obj_id_t oid;

	DONE(dfs_obj2id(at, &oid));
	OK(daos_obj_open(container, oid, DAOS_OO_RO, &object, NULL));
	return object;
}

static void
set_times(dfs_t *dfs, dfs_obj_t *of, time_t seconds)
{
	struct stat status;

	memset(&status, 0, sizeof(status));
	status.st_mtim.tv_sec = seconds;
	status.st_mtim.tv_nsec = 7;
	DONE(dfs_osetattr(dfs, of, &status, DFS_SET_ATTR_MTIME));
	TRUE(status.st_mtim.tv_sec == seconds && status.st_mtim.tv_nsec == 7);
}

/* Records of all kinds of entries, before and after each kind of change. */
static void
changes(dfs_t *dfs, daos_handle_t container)
{
	dfs_obj_t *made = directory(dfs, NULL, "d"), *inner = directory(dfs, made, "inner"), *file = create(dfs, made, "file"), *link;
	daos_handle_t object = open_directory(container, made);
	struct stat status;

	symbolic_link(dfs, made, "link", "a target");
	DONE(dfs_lookup_rel(dfs, made, "link", O_RDWR | O_NOFOLLOW, &link, NULL, NULL));
	length_of_record(object, "inner");
	length_of_record(object, "file");
	TRUE(length_of_record(object, "link") == RECORD);

	set_times(dfs, file, 1000);
	set_times(dfs, inner, 2000);
	set_times(dfs, link, 3000);
	TRUE(length_of_record(object, "file") == RECORD);
	TRUE(length_of_record(object, "inner") == RECORD);
	TRUE(length_of_record(object, "link") == RECORD);
	DONE(dfs_stat(dfs, made, "link", &status));
	TRUE(status.st_size == 8 && status.st_mtim.tv_sec == 3000);

	/* Permissions, owner, extended attributes, defaults, contents and names. */
	DONE(dfs_chmod(dfs, made, "file", S_IFREG | 0600));
	DONE(dfs_chown(dfs, made, "file", 3, 4, 0));
	DONE(dfs_setxattr(dfs, file, "user.name", "value", 5, 0));
	DONE(put(dfs, file, "text", 4, 0));
	DONE(dfs_obj_set_chunk_size(dfs, inner, 0, 8192));
	DONE(dfs_obj_set_oclass(dfs, inner, 0, OC_S1));
	TRUE(length_of_record(object, "file") == RECORD);
	TRUE(length_of_record(object, "inner") == RECORD);
	DONE(dfs_move(dfs, made, "file", made, "other", NULL));
	TRUE(length_of_record(object, "other") == RECORD);
	DONE(dfs_stat(dfs, made, "other", &status));
	TRUE(status.st_size == 4 && status.st_uid == 3 && status.st_gid == 4 && status.st_mode == (S_IFREG | 0600));
	DONE(dfs_release(file));
	DONE(dfs_release(link));
	DONE(dfs_release(inner));
	DONE(dfs_release(made));
	OK(daos_obj_close(object, NULL));
}

/* The entry of the root, which the superblock holds. */
static void
root(dfs_t *dfs, daos_handle_t container, bool is_changed)
{
	struct daos_prop_co_roots *roots;
	daos_prop_t *properties = daos_prop_alloc(1);
	daos_handle_t object;
	dfs_obj_t *top;

	TRUE(properties != NULL);
	properties->dpp_entries[0].dpe_type = DAOS_PROP_CO_ROOTS;
	OK(daos_cont_query(container, NULL, properties, NULL));
	roots = properties->dpp_entries[0].dpe_val_ptr;
	OK(daos_obj_open(container, roots->cr_oids[0], DAOS_OO_RO, &object, NULL));
	TRUE(length_of_record(object, "/") == (is_changed ? RECORD : SHORTEST));
	DONE(dfs_lookup(dfs, "/", O_RDWR, &top, NULL, NULL));
	set_times(dfs, top, 4000);
	DONE(dfs_release(top));
	TRUE(length_of_record(object, "/") == RECORD);
	OK(daos_obj_close(object, NULL));
	daos_prop_free(properties);
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container;
	struct stat status;
	dfs_t *dfs;

	TRUE(argc >= 3);
	if (argc == 3) {
		dfs = mount_new(argv[1], argv[2], &pool, &container);
		changes(dfs, container);
	} else {
		OK(daos_init());
		OK(daos_pool_connect(argv[1], NULL, DAOS_PC_RW, &pool, NULL, NULL));
		OK(daos_cont_open(pool, argv[2], DAOS_COO_RW, &container, NULL, NULL));
		DONE(dfs_mount(pool, container, O_RDWR, &dfs));
		DONE(dfs_stat(dfs, NULL, NULL, &status));
		TRUE(status.st_mtim.tv_sec == 4000 && status.st_mtim.tv_nsec == 7);
	}
	root(dfs, container, argc > 3);
	DONE(dfs_umount(dfs));
	OK(daos_cont_close(container, NULL));
	OK(daos_pool_disconnect(pool, NULL));
	OK(daos_fini());
	puts("done");
	return 0;
}
