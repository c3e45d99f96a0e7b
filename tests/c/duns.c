/* Unified names: paths that stand for containers.
 *
 * run: {pool} {directory}
 */
#include "dfs.h"
#include <daos_uns.h>

enum { NOT_HERE = 77 };

static const char *base;

static const char *
below(const char *name)
{
	static char paths[4][1024];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", base, name);
	return path;
}

static struct duns_attr_t
resolve(const char *path, uint32_t flags)
{
	struct duns_attr_t attr;

	memset(&attr, 0, sizeof(attr));
	attr.da_flags = flags;
	DONE(duns_resolve_path(path, &attr));
	return attr;
}

static int
resolving(const char *path, uint32_t flags)
{
	struct duns_attr_t attr;
	int rc;

	memset(&attr, 0, sizeof(attr));
	attr.da_flags = flags;
	rc = duns_resolve_path(path, &attr);
	duns_destroy_attr(&attr);
	return rc;
}

static int
has_attributes(void)
{
	int there = mkdir(below("probe"), 0755) == 0 && setxattr(below("probe"), "user.probe", "1", 1, 0) == 0;

	rmdir(below("probe"));
	return there;
}

static struct duns_attr_t
wanted(daos_cont_layout_t layout)
{
	struct duns_attr_t attr;

	memset(&attr, 0, sizeof(attr));
	attr.da_type = layout;
	return attr;
}

static void
paths_of_posix_containers(daos_handle_t pool)
{
	struct duns_attr_t made = wanted(DAOS_PROP_CO_LAYOUT_POSIX), found, other;
	char value[DUNS_MAX_XATTR_LEN];
	daos_handle_t container;
	dfs_attr_t attributes;
	struct stat status;
	ssize_t length;
	dfs_t *dfs;

	made.da_chunk_size = 2 * CHUNK;
	DONE(duns_create_path(pool, below("posix"), &made));
	TRUE(strlen(made.da_pool) == 36 && strlen(made.da_cont) == 36);
	TRUE(stat(below("posix"), &status) == 0 && S_ISDIR(status.st_mode));

	/* The directory, what is in it, and what is not there yet. */
	found = resolve(below("posix"), 0);
	TRUE(found.da_type == DAOS_PROP_CO_LAYOUT_POSIX && found.da_rel_path == NULL);
	TRUE(strcmp(found.da_pool, made.da_pool) == 0 && strcmp(found.da_cont, made.da_cont) == 0);
	TRUE(memcmp(found.da_cuuid, made.da_cuuid, sizeof(uuid_t)) == 0);
	duns_destroy_attr(&found);
	found = resolve(below("posix/a/b"), 0);
	TRUE(strcmp(found.da_cont, made.da_cont) == 0 && strcmp(found.da_rel_path, "/a/b") == 0);
	duns_destroy_attr(&found);
	TRUE(resolving(below("posix/a"), DUNS_NO_REVERSE_LOOKUP) != 0);
	GIVES(resolving(below("posix"), DUNS_NO_CHECK_PATH), ENODATA);
	found = resolve(below("posix"), DUNS_NO_REVERSE_LOOKUP);
	duns_destroy_attr(&found);

	/* The value can be read by hand, and is what programs of other releases write. */
	length = getxattr(below("posix"), "user.daos", value, sizeof(value));
	TRUE(length > 0);
	DONE(duns_parse_attr(value, (daos_size_t)length, &found));
	TRUE(found.da_type == DAOS_PROP_CO_LAYOUT_POSIX && strcmp(found.da_cont, made.da_cont) == 0);
	duns_destroy_attr(&found);

	/* It is a file system, made as was asked. */
	OK(daos_cont_open(pool, made.da_cont, DAOS_COO_RW, &container, NULL, NULL));
	DONE(dfs_mount(pool, container, O_RDWR, &dfs));
	DONE(dfs_query(dfs, &attributes));
	TRUE(attributes.da_chunk_size == 2 * CHUNK);
	DONE(dfs_umount(dfs));

	other = wanted(DAOS_PROP_CO_LAYOUT_POSIX);
	GIVES(duns_create_path(pool, below("posix"), &other), EEXIST);
	/* A directory that is not empty saves its container; an open handle does not. */
	DONE(mkdir(below("posix/inner"), 0755));
	GIVES(duns_destroy_path(pool, below("posix")), ENOTEMPTY);
	DONE(rmdir(below("posix/inner")));
	DONE(duns_destroy_path(pool, below("posix")));
	EXPECT(daos_cont_query(container, NULL, NULL, NULL), -DER_NO_HDL);
	daos_cont_close(container, NULL);
	GIVES(duns_destroy_path(pool, below("posix")), ENOENT);
	TRUE(stat(below("posix"), &status) != 0 && errno == ENOENT);
	EXPECT(daos_cont_open(pool, made.da_cont, DAOS_COO_RW, &container, NULL, NULL), -DER_NONEXIST);
}

static void
files_and_links(daos_handle_t pool, const char *pool_label)
{
	struct duns_attr_t made = wanted(DAOS_PROP_CO_LAYOUT_HDF5), found, named = wanted(DAOS_PROP_CO_LAYOUT_POSIX);
	struct stat status;
	char path[256];

	DONE(duns_create_path(pool, below("data.h5"), &made));
	TRUE(stat(below("data.h5"), &status) == 0 && S_ISREG(status.st_mode));
	found = resolve(below("data.h5"), 0);
	TRUE(found.da_type == DAOS_PROP_CO_LAYOUT_HDF5 && strcmp(found.da_cont, made.da_cont) == 0);
	duns_destroy_attr(&found);
	DONE(duns_destroy_path(pool, below("data.h5")));
	/* What da_cont was is not asked when there is a path: upstream's HDF5 connector leaves a UUID there. */
	made = wanted(DAOS_PROP_CO_LAYOUT_HDF5);
	snprintf(made.da_cont, sizeof(made.da_cont), "550bb31a-8365-5d61-fc50-8c234834d922");
	DONE(duns_create_path(pool, below("data.h5"), &made));
	TRUE(strcmp(made.da_cont, "550bb31a-8365-5d61-fc50-8c234834d922") != 0);
	DONE(duns_destroy_path(pool, below("data.h5")));

	/* A container without a path, with a label; then a path for it. */
	snprintf(path, sizeof(path), "daos://%s/labelled", pool_label);
	DONE(duns_create_path(pool, path, &named));
	DONE(duns_link_cont(pool, "labelled", below("link")));
	GIVES(duns_link_cont(pool, "labelled", below("link")), EEXIST);
	GIVES(duns_link_cont(pool, "none", below("other")), ENOENT);
	GIVES(duns_link_cont(pool, "labelled", below("none/link")), ENOENT);
	GIVES(duns_link_cont(pool, NULL, below("other")), EINVAL);
	GIVES(duns_link_cont(pool, "labelled", NULL), EINVAL);
	TRUE(stat(below("other"), &status) != 0);
	found = resolve(below("link/x"), 0);
	TRUE(memcmp(found.da_cuuid, named.da_cuuid, sizeof(uuid_t)) == 0 && strcmp(found.da_rel_path, "/x") == 0);
	duns_destroy_attr(&found);
	DONE(duns_destroy_path(pool, below("link")));
}

/* A path that names pool and container makes the container alone, with that label; one that is a UUID is no label. */
static void
names(daos_handle_t pool, const char *pool_label)
{
	static const char id[] = "550bb31a-8365-5d61-fc50-8c234834d922";
	struct duns_attr_t made = wanted(DAOS_PROP_CO_LAYOUT_POSIX);
	daos_cont_info_t info;
	daos_handle_t container;
	char path[256];

	snprintf(path, sizeof(path), "daos://%s/by-its-name", pool_label);
	DONE(duns_create_path(pool, path, &made));
	TRUE(strcmp(made.da_pool, pool_label) == 0 && strcmp(made.da_cont, "by-its-name") == 0);
	OK(daos_cont_open(pool, "by-its-name", DAOS_COO_RW, &container, &info, NULL));
	TRUE(memcmp(info.ci_uuid, made.da_cuuid, sizeof(uuid_t)) == 0);
	OK(daos_cont_close(container, NULL));
	GIVES(duns_create_path(pool, path, &made), EEXIST);
	OK(daos_cont_destroy(pool, "by-its-name", 0, NULL));
	snprintf(path, sizeof(path), "daos://%s/%s", pool_label, id);
	made = wanted(DAOS_PROP_CO_LAYOUT_HDF5);
	DONE(duns_create_path(pool, path, &made));
	TRUE(strlen(made.da_cont) == 36 && strcmp(made.da_cont, id) != 0);
	OK(daos_cont_destroy(pool, made.da_cont, 0, NULL));
	snprintf(path, sizeof(path), "daos://%s", pool_label);
	GIVES(duns_create_path(pool, path, &made), EINVAL);
}

/* The handle decides in which pool a container is made: what names another one by UUID is refused, and a label is not taken at its word. */
static void
pools_that_are_others(daos_handle_t pool, const char *pool_label)
{
	static const char other[] = "550bb31a-8365-5d61-fc50-8c234834d922";
	struct duns_attr_t made = wanted(DAOS_PROP_CO_LAYOUT_POSIX);
	daos_pool_info_t info;
	struct stat status;
	char path[256];

	memset(&info, 0, sizeof(info));
	OK(daos_pool_query(pool, NULL, &info, NULL, NULL));
	memset(made.da_puuid, 7, sizeof(uuid_t));
	GIVES(duns_create_path(pool, below("elsewhere"), &made), EINVAL);
	TRUE(stat(below("elsewhere"), &status) != 0 && errno == ENOENT);
	memcpy(made.da_puuid, info.pi_uuid, sizeof(uuid_t));
	DONE(duns_create_path(pool, below("elsewhere"), &made));
	TRUE(memcmp(made.da_puuid, info.pi_uuid, sizeof(uuid_t)) == 0);
	DONE(duns_destroy_path(pool, below("elsewhere")));

	snprintf(path, sizeof(path), "daos://%s/elsewhere", other);
	GIVES(duns_create_path(pool, path, &made), EINVAL);
	EXPECT(daos_cont_destroy(pool, "elsewhere", 1, NULL), -DER_NONEXIST);
	DONE(duns_create_path(pool, "daos://not-its-label/elsewhere", &made));
	TRUE(strlen(made.da_pool) == 36 && memcmp(made.da_puuid, info.pi_uuid, sizeof(uuid_t)) == 0);
	TRUE(strcmp(made.da_cont, "elsewhere") == 0);
	OK(daos_cont_destroy(pool, "elsewhere", 0, NULL));
	/* The pool's own UUID stands as it is, as its own label does. */
	snprintf(path, sizeof(path), "daos://%s/elsewhere", made.da_pool);
	DONE(duns_create_path(pool, path, &made));
	TRUE(strstr(path, made.da_pool) != NULL && strcmp(made.da_pool, pool_label) != 0);
	OK(daos_cont_destroy(pool, "elsewhere", 0, NULL));
}

/* The path is all that leads to a container without a label. It went first, so that a destroy that failed left data that nobody found. */
static void
destroys_that_fail(daos_handle_t pool, const char *pool_label)
{
	static const char other[] = "DAOS.POSIX://550bb31a-8365-5d61-fc50-8c234834d922/550bb31a-8365-5d61-fc50-8c234834d922";
	static const char namesake[] = "DAOS.POSIX://not-this-pool/namesake";
	struct duns_attr_t made = wanted(DAOS_PROP_CO_LAYOUT_POSIX), found;
	char before[4096];
	daos_handle_t read_only, container;
	struct stat status;

	DONE(duns_create_path(pool, below("kept"), &made));
	OK(daos_pool_connect(pool_label, NULL, DAOS_PC_RO, &read_only, NULL, NULL));
	GIVES(duns_destroy_path(read_only, below("kept")), EPERM);
	OK(daos_pool_disconnect(read_only, NULL));
	TRUE(stat(below("kept"), &status) == 0 && S_ISDIR(status.st_mode));
	found = resolve(below("kept"), 0);
	TRUE(strcmp(found.da_cont, made.da_cont) == 0);
	OK(daos_cont_open(pool, found.da_cont, DAOS_COO_RW, &container, NULL, NULL));
	OK(daos_cont_close(container, NULL));
	duns_destroy_attr(&found);
	DONE(duns_destroy_path(pool, below("kept")));

	/* A path of another pool: nothing is destroyed through the handle of this one. */
	TRUE(mkdir(below("foreign"), 0755) == 0);
	TRUE(setxattr(below("foreign"), "user.daos", other, sizeof(other), 0) == 0);
	GIVES(duns_destroy_path(pool, below("foreign")), EINVAL);
	/* Nor by a label that this pool does not have, though it has a container of that name. */
	OK(daos_cont_create_with_label(pool, "namesake", NULL, NULL, NULL));
	TRUE(setxattr(below("foreign"), "user.daos", namesake, sizeof(namesake), 0) == 0);
	GIVES(duns_destroy_path(pool, below("foreign")), EINVAL);
	OK(daos_cont_destroy(pool, "namesake", 0, NULL));
	TRUE(rmdir(below("foreign")) == 0);

	/* The directory that the program is in has no name that can be removed, but a path. */
	made = wanted(DAOS_PROP_CO_LAYOUT_POSIX);
	DONE(duns_create_path(pool, below("here"), &made));
	TRUE(getcwd(before, sizeof(before)) != NULL && chdir(below("here")) == 0);
	DONE(duns_destroy_path(pool, "."));
	TRUE(chdir(before) == 0 && stat(below("here"), &status) != 0);
}

static void
bad_paths(daos_handle_t pool)
{
	struct duns_attr_t attr = wanted(DAOS_PROP_CO_LAYOUT_UNKNOWN);
	daos_handle_t wrong = {0};
	struct stat status;
	FILE *file;

	GIVES(duns_create_path(pool, below("unknown"), &attr), EINVAL);
	TRUE(stat(below("unknown"), &status) != 0);
	attr = wanted(DAOS_PROP_CO_LAYOUT_POSIX);
	GIVES(duns_create_path(pool, below("none/posix"), &attr), ENOENT);
	GIVES(duns_create_path(pool, below("x"), NULL), EINVAL);
	GIVES(duns_create_path(pool, NULL, &attr), EINVAL);
	GIVES(duns_create_path(wrong, below("x"), &attr), EINVAL);
	TRUE(stat(below("x"), &status) != 0);
	attr.da_oclass_id = 12345;
	GIVES(duns_create_path(pool, below("x"), &attr), EINVAL);
	TRUE(stat(below("x"), &status) != 0);
	GIVES(duns_destroy_path(pool, NULL), EINVAL);
	GIVES(duns_destroy_path(pool, base), ENODATA);

	/* A value that somebody else has written. */
	TRUE(mkdir(below("strange"), 0755) == 0);
	TRUE(setxattr(below("strange"), "user.daos", "DAOS.POSIX", 10, 0) == 0);
	GIVES(resolving(below("strange"), 0), EINVAL);
	GIVES(duns_destroy_path(pool, below("strange")), EINVAL);
	TRUE(rmdir(below("strange")) == 0);

	/* A file in the way. */
	file = fopen(below("file"), "w");
	TRUE(file != NULL && fclose(file) == 0);
	GIVES(resolving(below("file"), 0), ENODATA);
	/* HDF5's connector of upstream makes a file when this says that there is none; it got ENODATA, and gave up. */
	GIVES(resolving(below("not there"), 0), ENOENT);
	GIVES(resolving(below("file/x"), 0), ENODATA);
	TRUE(unlink(below("file")) == 0);

	DONE(duns_set_sys_name(&attr, "daos_server"));
	DONE(duns_set_sys_name(&attr, "other"));
	TRUE(strcmp(attr.da_sys, "other") == 0);
	GIVES(duns_set_sys_name(&attr, NULL), EINVAL);
	GIVES(duns_set_sys_name(NULL, "x"), EINVAL);
	duns_destroy_attr(&attr);
	TRUE(attr.da_sys == NULL);
}

int
main(int argc, char **argv)
{
	daos_handle_t pool;

	TRUE(argc == 3);
	base = argv[2];
	if (!has_attributes()) {
		fprintf(stderr, "skipped: the file system of %s keeps no extended attributes\n", base);
		return NOT_HERE;
	}
	OK(daos_init());
	OK(daos_pool_connect(argv[1], NULL, DAOS_PC_RW, &pool, NULL, NULL));
	paths_of_posix_containers(pool);
	files_and_links(pool, argv[1]);
	names(pool, argv[1]);
	destroys_that_fail(pool, argv[1]);
	pools_that_are_others(pool, argv[1]);
	bad_paths(pool);
	OK(daos_pool_disconnect(pool, NULL));
	OK(daos_fini());
	return 0;
}
