/* Random calls on mounted containers and their files. */
#ifndef TESTS_C_RANDOM_FILES_H
#define TESTS_C_RANDOM_FILES_H

#include "random_arguments.h"

#include <fcntl.h>
#include <sys/stat.h>

static void
files(void)
{
	struct stat *stat = OUT(struct stat);
	daos_size_t *size = size_of(ROOM);
	dfs_t *dfs = mount();

	switch (below(26)) {
	case 0:
		CALL(dfs_mount(handle(POOL), handle(CONTAINER), flags_of(O_RDWR), &mounts[below(HANDLES)]));
		break;
	case 1:
		CALL(one_in(6) ? dfs_umount(dfs) : 0);
		break;
	case 2:
	case 3:
		CALL(dfs_open(dfs, node(), name(), flags_of(S_IFREG | 0644), flags_of(O_RDWR | O_CREAT),
			      one_in(4) ? number() : 0, one_in(4) ? number() : 0, name(), &nodes[below(HANDLES)]));
		break;
	case 4:
		CALL(dfs_mkdir(dfs, node(), name(), number(), one_in(4) ? number() : 0));
		break;
	case 5:
	case 6:
		CALL(dfs_lookup(dfs, name(), flags_of(O_RDWR), &nodes[below(HANDLES)], NULL, stat));
		break;
	case 7:
		CALL(dfs_lookup_rel(dfs, node(), name(), flags_of(O_RDONLY), &nodes[below(HANDLES)], OUT(mode_t), stat));
		break;
	case 8:
		CALL(one_in(3) ? dfs_release(node()) : 0);
		break;
	case 9:
		CALL(dfs_read(dfs, node(), lists(1), number(), size, event()));
		break;
	case 10:
		CALL(dfs_write(dfs, node(), lists(1), one_in(2) ? number() : below(100), event()));
		break;
	case 11:
		CALL(dfs_punch(dfs, node(), number(), number()));
		break;
	case 12:
		CALL(dfs_get_size(dfs, node(), size));
		break;
	case 13:
		CALL(dfs_readdir(dfs, node(), anchor(), count_of(8), out(sizeof(struct dirent) * 8)));
		break;
	case 14:
		CALL(dfs_iterate(dfs, node(), anchor(), count_of(8), below(ROOM), filler, dfs));
		break;
	case 15:
		CALL(dfs_remove(dfs, node(), name(), one_in(2), OUT(daos_obj_id_t)));
		break;
	case 16:
		CALL(dfs_move(dfs, node(), name(), node(), name(), OUT(daos_obj_id_t)));
		break;
	case 17:
		CALL(dfs_exchange(dfs, node(), name(), node(), name()));
		break;
	case 18:
		CALL(dfs_stat(dfs, node(), name(), stat));
		break;
	case 19:
		CALL(dfs_osetattr(dfs, node(), stat, number()));
		break;
	case 20:
		CALL(dfs_setxattr(dfs, node(), name(), out(ROOM), below(ROOM), number()));
		break;
	case 21:
		CALL(dfs_getxattr(dfs, node(), name(), size == NULL ? NULL : out(ROOM), size));
		break;
	case 22:
		CALL(dfs_listxattr(dfs, node(), out(ROOM), size));
		break;
	case 23:
		CALL(dfs_chmod(dfs, node(), name(), number()));
		break;
	case 24:
		CALL(dfs_get_symlink_value(node(), out(ROOM), size));
		break;
	default:
		CALL(dfs_access(dfs, node(), name(), number()));
	}
}
#endif
