/* Valid as C and as C++: makes a directory in a POSIX container, and looks it up.
 *
 *   program POOL CONTAINER
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <daos.h>
#include <daos_fs.h>
#include <gurt/common.h>

static int fail(const char *name, int rc)
{
	fprintf(stderr, "%s: %d %s\n", name, rc, rc < 0 ? d_errstr(rc) : "");
	return 1;
}

int main(int argc, char **argv)
{
	dfs_t *dfs;
	struct stat st;
	int rc;

	if (argc < 3)
		return 2;
	rc = dfs_init();
	if (rc != 0)
		return fail("dfs_init", rc);
	rc = dfs_connect(argv[1], NULL, argv[2], O_CREAT | O_RDWR, NULL, &dfs);
	if (rc != 0)
		return fail("dfs_connect", rc);
	rc = dfs_mkdir(dfs, NULL, "directory", S_IFDIR | 0755, 0);
	if (rc != 0 && rc != EEXIST)
		return fail("dfs_mkdir", rc);
	rc = dfs_stat(dfs, NULL, "directory", &st);
	if (rc != 0 || !S_ISDIR(st.st_mode))
		return fail("dfs_stat", rc);
	rc = dfs_disconnect(dfs);
	if (rc != 0)
		return fail("dfs_disconnect", rc);
	rc = dfs_fini();
	return rc == 0 ? 0 : fail("dfs_fini", rc);
}
