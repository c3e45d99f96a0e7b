/* Consistency modes, what a mount tells of itself, and flags of look-ups.
 *
 * run: {pool} {container}
 */
#include "dfs.h"

/* A UUID as it is written; the library that has a function for it need not be there. */
static void
as_text(const uuid_t uuid, char *text)
{
	for (int i = 0; i < 16; i++) {
		text += sprintf(text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", uuid[i]);
	}
}

/* Mounts with flags, gives what that gives, and ends the mount. */
static int
mounted_with(daos_handle_t pool, daos_handle_t container, int flags)
{
	dfs_t *dfs;
	int rc = dfs_mount(pool, container, flags, &dfs);

	if (rc == 0)
		DONE(dfs_umount(dfs));
	return rc;
}

/* Superblock and root are told as a property: each is there, and has keys. */
static void
roots(daos_handle_t container)
{
	daos_prop_t *property = daos_prop_alloc(1);
	const struct daos_prop_co_roots *found;
	daos_handle_t object;
	daos_key_desc_t key;
	daos_anchor_t anchor;
	uint32_t count = 1;
	char room[64];
	d_iov_t place = {room, sizeof(room), sizeof(room)};
	d_sg_list_t list = {1, 0, &place};

	TRUE(property != NULL);
	property->dpp_entries[0].dpe_type = DAOS_PROP_CO_ROOTS;
	OK(daos_cont_query(container, NULL, property, NULL));
	found = property->dpp_entries[0].dpe_val_ptr;
	TRUE(found != NULL && found->cr_oids[1].hi != 0 && found->cr_oids[2].hi == 0 && found->cr_oids[3].lo == 0);
	OK(daos_obj_open(container, found->cr_oids[0], DAOS_OO_RO, &object, NULL));
	memset(&anchor, 0, sizeof(anchor));
	OK(daos_obj_list_dkey(object, DAOS_TX_NONE, &count, &key, &list, &anchor, NULL));
	TRUE(count == 1 && key.kd_key_len > 0);
	OK(daos_obj_close(object, NULL));
	OK(daos_obj_open(container, found->cr_oids[1], DAOS_OO_RO, &object, NULL));
	OK(daos_obj_close(object, NULL));
	daos_prop_free(property);
}

static void
modes(const char *pool_name, daos_handle_t pool)
{
	static const char *const no_hints[] = {"file", "file:", "file:singlee", "links:max", "file:max,dir:invalid", "file:max,"};
	dfs_attr_t attributes = {.da_mode = DFS_BALANCED}, told;
	daos_handle_t container;
	uuid_t uuid;
	size_t index;
	char text[DAOS_UUID_STR_SIZE];
	dfs_t *dfs;

	DONE(dfs_cont_create(pool, &uuid, &attributes, &container, &dfs));
	DONE(dfs_query(dfs, &told));
	TRUE(told.da_mode == DFS_BALANCED);
	roots(container);
	DONE(dfs_umount(dfs));
	GIVES(mounted_with(pool, container, O_RDWR), EPERM);
	GIVES(mounted_with(pool, container, O_RDONLY | DFS_RELAXED), EPERM);
	GIVES(mounted_with(pool, container, O_RDONLY | DFS_BALANCED), 0);
	GIVES(mounted_with(pool, container, O_RDWR | DFS_BALANCED), 0);
	OK(daos_cont_close(container, NULL));
	as_text(uuid, text);
	GIVES(dfs_connect(pool_name, NULL, text, O_RDWR, NULL, &dfs), EPERM);
	DONE(dfs_connect(pool_name, NULL, text, O_RDWR | DFS_BALANCED, NULL, &dfs));
	DONE(dfs_disconnect(dfs));
	OK(daos_cont_destroy(pool, text, 1, NULL));

	/* A relaxed one may be mounted both ways. */
	DONE(dfs_cont_create(pool, &uuid, NULL, &container, NULL));
	GIVES(mounted_with(pool, container, O_RDWR | DFS_RELAXED), 0);
	GIVES(mounted_with(pool, container, O_RDWR | DFS_BALANCED), 0);
	/* The handle of one that is gone is closed without an error: nobody holds it any more. */
	as_text(uuid, text);
	OK(daos_cont_destroy(pool, text, 1, NULL));
	OK(daos_cont_close(container, NULL));
	EXPECT(daos_cont_close(container, NULL), -DER_NO_HDL);

	/* Without a label, and without its UUID, nobody could find it. */
	GIVES(dfs_cont_create(pool, NULL, NULL, &container, &dfs), EINVAL);
	/* Hints that say nothing are refused. */
	memset(&attributes, 0, sizeof(attributes));
	for (index = 0; index < sizeof(no_hints) / sizeof(no_hints[0]); index++) {
		strcpy(attributes.da_hints, no_hints[index]);
		GIVES(dfs_cont_create(pool, &uuid, &attributes, NULL, NULL), EINVAL);
	}
	strcpy(attributes.da_hints, "File:MAX,directory:single");
	DONE(dfs_cont_create(pool, &uuid, &attributes, NULL, NULL));
}

/* mpiFileUtils opens the container that it reads for reading only, and mounts it for writing all the same: that was refused. Changes
 * fail, each by itself. */
static void
for_reading_only(daos_handle_t pool, const char *label)
{
	daos_handle_t container;
	daos_size_t size;
	dfs_obj_t *file;
	dfs_t *dfs, *other;
	char bytes[4];

	OK(daos_cont_open(pool, label, DAOS_COO_RW, &container, NULL, NULL));
	DONE(dfs_mount(pool, container, O_RDWR, &dfs));
	file = create(dfs, NULL, "kept");
	DONE(put(dfs, file, "1234", 4, 0));
	DONE(dfs_release(file));
	DONE(dfs_umount(dfs));
	OK(daos_cont_close(container, NULL));

	OK(daos_cont_open(pool, label, DAOS_COO_RO, &container, NULL, NULL));
	DONE(dfs_mount(pool, container, O_RDWR, &dfs));
	DONE(dfs_lookup(dfs, "/kept", O_RDWR, &file, NULL, NULL));
	DONE(get(dfs, file, bytes, 4, 0, &size));
	TRUE(size == 4 && memcmp(bytes, "1234", 4) == 0);
	GIVES(put(dfs, file, "5678", 4, 0), EPERM);
	GIVES(dfs_punch(dfs, file, 0, DFS_MAX_FSIZE), EPERM);
	DONE(dfs_release(file));
	GIVES(dfs_mkdir(dfs, NULL, "made", 0755, 0), EPERM);
	GIVES(dfs_open(dfs, NULL, "made", S_IFREG | 0644, O_RDWR | O_CREAT, 0, 0, NULL, &file), EPERM);
	GIVES(dfs_remove(dfs, NULL, "kept", false, NULL), EPERM);
	GIVES(dfs_move(dfs, NULL, "kept", NULL, "moved", NULL), EPERM);
	GIVES(dfs_chmod(dfs, NULL, "kept", 0600), EPERM);
	DONE(dfs_mount(pool, container, O_RDONLY, &other));
	DONE(dfs_umount(other));
	DONE(dfs_umount(dfs));
	OK(daos_cont_close(container, NULL));

	OK(daos_cont_open(pool, label, DAOS_COO_RW, &container, NULL, NULL));
	DONE(dfs_mount(pool, container, O_RDWR, &dfs));
	DONE(dfs_remove(dfs, NULL, "kept", false, NULL));
	DONE(dfs_umount(dfs));
	OK(daos_cont_close(container, NULL));
}

static void
flags(dfs_t *dfs)
{
	dfs_obj_t *file = create(dfs, NULL, "flags");
	struct stat status;
	dfs_attr_t told;

	/* Classes are told also where nobody chose them. */
	DONE(dfs_query(dfs, &told));
	TRUE(told.da_dir_oclass_id != OC_UNKNOWN && told.da_file_oclass_id != OC_UNKNOWN && told.da_mode == DFS_RELAXED);

	DONE(put(dfs, file, "12345", 5, 0));
	DONE(dfs_release(file));
	GIVES(dfs_lookup(dfs, "/flags", O_RDWR | O_APPEND, &file, NULL, NULL), ENOTSUP);
	GIVES(dfs_lookup_rel(dfs, NULL, "flags", O_RDWR | O_APPEND, &file, NULL, NULL), ENOTSUP);
	GIVES(dfs_lookup(dfs, "/flags", O_RDONLY | O_TRUNC, &file, NULL, NULL), EPERM);
	DONE(dfs_lookup(dfs, "/flags", O_RDONLY, &file, NULL, &status));
	TRUE(status.st_size == 5);
	DONE(dfs_release(file));
	DONE(dfs_lookup(dfs, "/flags", O_RDWR | O_TRUNC, &file, NULL, &status));
	TRUE(status.st_size == 0);
	DONE(dfs_release(file));
	DONE(dfs_remove(dfs, NULL, "flags", false, NULL));
}

int
main(int argc, char **argv)
{
	daos_handle_t pool;
	dfs_t *dfs;

	TRUE(argc == 3);
	DONE(dfs_init());
	OK(daos_pool_connect(argv[1], NULL, DAOS_PC_RW, &pool, NULL, NULL));
	modes(argv[1], pool);
	DONE(dfs_connect(argv[1], NULL, argv[2], O_RDWR | O_CREAT, NULL, &dfs));
	flags(dfs);
	DONE(dfs_disconnect(dfs));
	for_reading_only(pool, argv[2]);
	OK(daos_pool_disconnect(pool, NULL));
	DONE(dfs_fini());
	return 0;
}
