/* Random functions with random arguments, good and bad ones: NULL where it is not allowed, closed and foreign handles, wrong
 * sizes, names that are too long, flags that exclude each other, events in every state. Nothing may crash or hang.
 *
 * Each batch runs in a process of its own and is decided by one seed; the one that fails is printed with the arguments that
 * run it again. For longer runs: random_calls POOL CONTAINER SEED BATCHES CALLS [MINUTES].
 *
 * run: {pool} {container} 1 3 250
 */
#include "random_arguments.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <daos_kv.h>
#include <daos_task.h>

/* A batch that takes longer hangs; valgrind is slow. */
#define SECONDS_MAX 200

static tse_sched_t sched;
static tse_task_t *task;
static const char *volatile last = "nothing";

/* The functions, by turns of chance. CALL notes which, for whoever looks at a batch that failed. */
#define CALL(expression) \
	do { \
		last = #expression; \
		(void)(expression); \
	} while (0)

static void
containers_and_pools(void)
{
	uint32_t n = below(3);
	const char **labels = room(sizeof(char *) * 3);
	void **values = room(sizeof(void *) * 3);
	size_t *sizes = room(sizeof(size_t) * 3);
	size_t *size = room(sizeof(size_t));
	daos_pool_info_t *info = OUT(daos_pool_info_t);
	daos_epoch_range_t range = {number(), number()};
	uint32_t i;

	for (i = 0; i < 3; i++) {
		labels[i] = name();
		sizes[i] = below(ROOM);
		values[i] = one_in(12) ? NULL : room(ROOM);
	}
	*size = below(ROOM);
	switch (below(27)) {
	case 0:
		CALL(daos_pool_connect(one_in(3) ? name() : pool_label, one_in(4) ? name() : NULL, flags_of(DAOS_PC_RW),
				       new_handle(POOL), NULL, event()));
		break;
	case 1:
		CALL(one_in(4) ? daos_pool_disconnect(handle(POOL), event()) : 0);
		break;
	case 2:
		CALL(daos_pool_query(handle(POOL), NULL, info, NULL, event()));
		break;
	case 3:
		CALL(daos_pool_query_target(handle(POOL), number(), number(), OUT(daos_target_info_t), event()));
		break;
	case 4:
		CALL(daos_pool_list_attr(handle(POOL), out(ROOM), size, event()));
		break;
	case 5:
		CALL(daos_pool_set_attr(handle(POOL), n, labels, (const void *const *)values, sizes, event()));
		break;
	case 6:
		CALL(daos_pool_get_attr(handle(POOL), n, labels, values, sizes, event()));
		break;
	case 7:
		CALL(daos_pool_del_attr(handle(POOL), (int)number() % 4, one_in(9) ? NULL : labels, event()));
		break;
	case 8:
		CALL(daos_pool_list_cont(handle(POOL), size_of(4), out(sizeof(struct daos_pool_cont_info) * 4), event()));
		break;
	case 9:
		CALL(daos_cont_create_with_label(handle(POOL), name(), property(), OUT(uuid_t), event()));
		break;
	case 10:
		CALL(daos_cont_open(handle(POOL), one_in(3) ? name() : container_label, flags_of(DAOS_COO_RW),
				    new_handle(CONTAINER), OUT(daos_cont_info_t), event()));
		break;
	case 11:
		CALL(one_in(4) ? daos_cont_close(handle(CONTAINER), event()) : 0);
		break;
	case 12:
		CALL(daos_cont_destroy(handle(POOL), one_in(40) ? container_label : "none", number(), event()));
		break;
	case 13:
		CALL(daos_cont_query(handle(CONTAINER), OUT(daos_cont_info_t), property(), event()));
		break;
	case 14:
		CALL(daos_cont_set_prop(handle(CONTAINER), property(), event()));
		break;
	case 15:
		CALL(daos_cont_alloc_oids(handle(CONTAINER), number(), OUT(uint64_t), event()));
		break;
	case 16:
		CALL(daos_cont_set_attr(handle(CONTAINER), n, labels, (const void *const *)values, sizes, event()));
		break;
	case 17:
		CALL(daos_cont_get_attr(handle(CONTAINER), n, labels, values, sizes, event()));
		break;
	case 18:
		CALL(daos_cont_list_attr(handle(CONTAINER), out(ROOM), size, event()));
		break;
	case 19:
		CALL(daos_cont_create_snap(handle(CONTAINER), OUT(daos_epoch_t), name(), event()));
		break;
	case 20:
		CALL(daos_cont_destroy_snap(handle(CONTAINER), range, event()));
		break;
	case 21:
		CALL(daos_cont_aggregate(handle(CONTAINER), number(), event()));
		break;
	case 22:
		CALL(daos_cont_delete_acl(handle(CONTAINER), number(), name(), event()));
		break;
	case 23:
		CALL(daos_cont_set_owner(handle(CONTAINER), name(), name(), event()));
		break;
	case 24:
		CALL(daos_cont_status_clear(handle(CONTAINER), event()));
		break;
	case 25:
		CALL(daos_cont_update_acl(handle(CONTAINER), NULL, event()));
		break;
	default:
		CALL(daos_mgmt_list_pools(name(), size_of(4), out(sizeof(daos_mgmt_pool_info_t) * 4), event()));
	}
}

static void
objects(void)
{
	uint64_t n = below(4), flags = one_in(4) ? number() : 0;
	daos_recx_t *recx = OUT(daos_recx_t);

	switch (below(22)) {
	case 0:
		CALL(daos_obj_open(handle(CONTAINER), oid(), flags_of(DAOS_OO_RW), new_handle(OBJECT), event()));
		break;
	case 1:
		CALL(one_in(4) ? daos_obj_close(handle(OBJECT), event()) : 0);
		break;
	case 2:
	case 3:
	case 4:
		CALL(daos_obj_update(handle(OBJECT), transaction(), flags, keys(1), n, descriptors(n), lists(n), event()));
		break;
	case 5:
	case 6:
	case 7:
		CALL(daos_obj_fetch(handle(OBJECT), transaction(), flags, keys(1), n, descriptors(n),
				    one_in(4) ? NULL : lists(n), NULL, event()));
		break;
	case 8:
		CALL(daos_obj_punch(handle(OBJECT), transaction(), flags, event()));
		break;
	case 9:
		CALL(daos_obj_punch_dkeys(handle(OBJECT), transaction(), flags, n, keys(n), event()));
		break;
	case 10:
		CALL(daos_obj_punch_akeys(handle(OBJECT), transaction(), flags, keys(1), n, keys(n), event()));
		break;
	case 11:
		CALL(daos_obj_list_dkey(handle(OBJECT), transaction(), count_of(8), out(sizeof(daos_key_desc_t) * 8),
					lists(1), anchor(), event()));
		break;
	case 12:
		CALL(daos_obj_list_akey(handle(OBJECT), transaction(), keys(1), count_of(8),
					out(sizeof(daos_key_desc_t) * 8), lists(1), anchor(), event()));
		break;
	case 13:
		CALL(daos_obj_list_recx(handle(OBJECT), transaction(), keys(1), keys(1), OUT(daos_size_t), count_of(8),
					out(sizeof(daos_recx_t) * 8), out(sizeof(daos_epoch_range_t) * 8), anchor(),
					one_in(2), event()));
		break;
	case 14:
		CALL(daos_obj_query_key(handle(OBJECT), transaction(), one_in(2) ? number() : DAOS_GET_MAX | DAOS_GET_DKEY,
					keys(1), keys(1), recx, event()));
		break;
	case 15:
		CALL(daos_obj_query_max_epoch(handle(OBJECT), transaction(), OUT(daos_epoch_t), event()));
		break;
	case 16:
		CALL(daos_tx_open(handle(CONTAINER), new_handle(TX), flags, event()));
		break;
	case 17:
		CALL(one_in(2) ? daos_tx_close(handle(TX), event()) : daos_tx_abort(handle(TX), event()));
		break;
	case 18:
		CALL(daos_tx_open_snap(handle(CONTAINER), number(), new_handle(TX), event()));
		break;
	case 19:
		CALL(daos_oit_open(handle(CONTAINER), number(), new_handle(OIT), event()));
		break;
	case 20:
		CALL(daos_oit_list(handle(OIT), out(sizeof(daos_obj_id_t) * 8), count_of(8), anchor(), event()));
		break;
	default:
		CALL(daos_obj_query_class(handle(CONTAINER), number(), OUT(struct daos_oclass_attr), event()));
	}
}

static void
arrays_and_values(void)
{
	switch (below(17)) {
	case 0:
		CALL(daos_array_create(handle(CONTAINER), oid(), transaction(), number(), number(), new_handle(ARRAY),
				       event()));
		break;
	case 1:
		CALL(daos_array_open(handle(CONTAINER), oid(), transaction(), flags_of(DAOS_OO_RW), OUT(daos_size_t),
				     OUT(daos_size_t), new_handle(ARRAY), event()));
		break;
	case 2:
		CALL(daos_array_open_with_attr(handle(CONTAINER), oid(), transaction(), flags_of(DAOS_OO_RW), number(),
					       number(), new_handle(ARRAY), event()));
		break;
	case 3:
		CALL(one_in(4) ? daos_array_close(handle(ARRAY), event()) : 0);
		break;
	case 4:
	case 5:
		CALL(daos_array_read(handle(ARRAY), transaction(), ranges(), lists(1), event()));
		break;
	case 6:
	case 7:
		CALL(daos_array_write(handle(ARRAY), transaction(), ranges(), lists(1), event()));
		break;
	case 8:
		CALL(daos_array_punch(handle(ARRAY), transaction(), ranges(), event()));
		break;
	case 9:
		CALL(daos_array_get_size(handle(ARRAY), transaction(), OUT(daos_size_t), event()));
		break;
	case 10:
		CALL(daos_array_set_size(handle(ARRAY), transaction(), number(), event()));
		break;
	case 11:
		CALL(daos_array_stat(handle(ARRAY), transaction(), OUT(daos_array_stbuf_t), event()));
		break;
	case 12:
		CALL(daos_kv_open(handle(CONTAINER), oid(), flags_of(DAOS_OO_RW), new_handle(VALUES), event()));
		break;
	case 13:
		CALL(daos_kv_put(handle(VALUES), transaction(), number(), name(), below(ROOM), out(ROOM), event()));
		break;
	case 14:
		CALL(daos_kv_get(handle(VALUES), transaction(), number(), name(), size_of(ROOM), out(ROOM), event()));
		break;
	case 15:
		CALL(daos_kv_list(handle(VALUES), transaction(), count_of(8), out(sizeof(daos_key_desc_t) * 8), lists(1),
				  anchor(), event()));
		break;
	default:
		CALL(one_in(4) ? daos_kv_close(handle(VALUES), event())
			       : daos_kv_remove(handle(VALUES), transaction(), number(), name(), event()));
	}
}

static void
events_and_tasks(void)
{
	daos_event_t *polled[4], *one = &events[below(EVENTS)];
	tse_task_t *new_task = NULL;
	daos_opc_t opc;
	void *args;
	bool flag;

	switch (below(18)) {
	case 0:
		CALL(daos_eq_create(new_handle(QUEUE)));
		break;
	case 1:
		CALL(one_in(4) ? daos_eq_destroy(handle(QUEUE), number()) : 0);
		break;
	case 2:
	case 3:
		CALL(daos_eq_poll(handle(QUEUE), one_in(2), below(2000), below(5), one_in(12) ? NULL : polled));
		break;
	case 4:
		CALL(daos_eq_query(handle(QUEUE), number(), below(5), one_in(12) ? NULL : polled));
		break;
	case 5:
		CALL(daos_event_init(one, one_in(2) ? DAOS_HDL_INVAL : handle(QUEUE),
				     one_in(4) ? &events[below(EVENTS)] : NULL));
		break;
	case 6:
		CALL(daos_event_fini(one_in(9) ? NULL : one));
		break;
	case 7:
	case 8:
		CALL(daos_event_test(one_in(9) ? NULL : one, below(2000), one_in(12) ? NULL : &flag));
		break;
	case 9:
		CALL(daos_event_parent_barrier(one));
		break;
	case 10:
		CALL(daos_event_abort(one_in(9) ? NULL : one));
		break;
	case 11:
		CALL(daos_event_next(one, one_in(2) ? NULL : &events[below(EVENTS)]));
		break;
	case 12:
		CALL(daos_progress(one_in(9) ? NULL : &sched, below(2000), one_in(12) ? NULL : &flag));
		break;
	case 13:
		opc = one_in(4) ? (daos_opc_t)number() : (daos_opc_t)below(DAOS_OPC_MAX);
		CALL(daos_task_create(opc, &sched, task != NULL, task != NULL ? &task : NULL, &new_task));
		args = daos_task_get_args(new_task);
		/* Most arguments begin with a handle, the others with a name. */
		if (args != NULL && opc > DAOS_OPC_MGMT_GET_BS_STATE)
			*(daos_handle_t *)args = handle(below(KINDS));
		if (new_task != NULL) {
			tse_task_addref(new_task);
			tse_task_decref(task);
			task = new_task;
		}
		break;
	case 14:
		CALL(tse_task_schedule(task, one_in(2)));
		break;
	case 15:
		CALL(tse_task_reinit(task));
		break;
	case 16:
		CALL(daos_task_reset(task, below(DAOS_OPC_MAX)));
		args = daos_task_get_args(task);
		if (args != NULL)
			memset(args, 0, sizeof(daos_handle_t));
		break;
	default:
		CALL(tse_task_complete(task, -DER_IO));
	}
}

static int
choose(daos_obj_id_t id, d_iov_t *marker)
{
	TRUE(marker->iov_len <= marker->iov_buf_len);
	return (int)(id.lo % 3) - (id.lo == 7);
}

static void
versions_and_tables(void)
{
	daos_epoch_t *epoch = room(sizeof(*epoch));
	uint32_t flags = one_in(4) ? (uint32_t)number() : 1 + below(3);
	char **names = room(sizeof(char *) * 8);
	int *count = room(sizeof(int));
	uint64_t i;

	for (i = 0; i < 8; i++)
		names[i] = one_in(4) ? NULL : room(DAOS_SNAPSHOT_MAX_LEN);
	*count = one_in(6) ? (int)number() % 8 : (int)below(9);
	if (one_in(2))
		*epoch = number();
	if (one_in(12))
		epoch = out(sizeof(*epoch));
	switch (below(16)) {
	case 0:
		CALL(daos_cont_list_snap(handle(CONTAINER), one_in(12) ? NULL : count, out(sizeof(daos_epoch_t) * 8),
					 one_in(4) ? NULL : names, anchor(), event()));
		break;
	case 1:
		CALL(daos_cont_create_snap_opt(handle(CONTAINER), epoch, name(), flags, event()));
		break;
	case 2:
		CALL(daos_cont_snap_oit_create(handle(CONTAINER), number(), name(), event()));
		break;
	case 3:
		CALL(daos_cont_snap_oit_destroy(handle(CONTAINER), handle(OIT), event()));
		break;
	case 4:
		CALL(one_in(4) ? daos_cont_rollback(handle(CONTAINER), number(), event()) : 0);
		break;
	case 5:
		/* Without an event it would wait for a snapshot that nobody makes. */
		CALL(daos_cont_subscribe(handle(CONTAINER), epoch, &events[below(EVENTS)]));
		break;
	case 6:
	case 7:
		CALL(daos_tx_commit(handle(TX), event()));
		break;
	case 8:
		CALL(daos_tx_restart(handle(TX), event()));
		break;
	case 9:
		CALL(daos_tx_hdl2epoch(handle(TX), epoch));
		break;
	case 10:
		CALL(daos_oit_list_unmarked(handle(OIT), out(sizeof(daos_obj_id_t) * 8), count_of(8), anchor(), event()));
		break;
	case 11:
		CALL(daos_oit_list_filter(handle(OIT), out(sizeof(daos_obj_id_t) * 8), count_of(8), anchor(),
					  one_in(12) ? NULL : choose, event()));
		break;
	case 12:
	case 13:
		CALL(daos_oit_mark(handle(OIT), oid(), keys(1), event()));
		break;
	case 14:
		CALL(one_in(4) ? daos_oit_close(handle(OIT), event()) : 0);
		break;
	default:
		CALL(daos_tx_open(handle(CONTAINER), new_handle(TX), 0, event()));
	}
}

static void
views(void)
{
	daos_anchor_t *anchors = out(sizeof(*anchors) * 8);
	struct daos_obj_attr *attr = room(sizeof(*attr));
	struct daos_oclass_attr *class = OUT(struct daos_oclass_attr);
	struct daos_oclass_list *classes = room(sizeof(*classes));
	d_rank_list_t *ranks = room(sizeof(*ranks));
	size_t i;

	if (one_in(2))
		attr->oa_oa = OUT(struct daos_oclass_attr);
	if (one_in(2)) {
		ranks->rl_nr = below(5);
		ranks->rl_ranks = out(sizeof(d_rank_t) * 4);
	}
	for (i = 0; class != NULL && one_in(2) && i < sizeof(*class); i++)
		((unsigned char *)class)[i] = one_in(3) ? draw() : one_in(2);
	if (one_in(2)) {
		classes->cl_cids = out(sizeof(daos_oclass_id_t) * 8);
		classes->cl_cattrs = out(sizeof(struct daos_oclass_attr) * 8);
		classes->cl_nr = below(9);
	}
	if (one_in(12)) {
		attr = out(sizeof(*attr));
		classes = out(sizeof(*classes));
		ranks = out(sizeof(*ranks));
	}
	switch (below(11)) {
	case 0:
		CALL(daos_obj_query(handle(OBJECT), attr, ranks, event()));
		break;
	case 1:
		CALL(daos_obj_verify(handle(CONTAINER), oid(), number()));
		break;
	case 2:
		/* As many anchors are set as there are parts: of one shard, one. */
		CALL(daos_obj_anchor_split(handle(OBJECT), count_of(1), anchors));
		break;
	case 3:
		CALL(daos_obj_anchor_set(handle(OBJECT), below(3), anchor()));
		break;
	case 4:
		CALL(daos_obj_key2anchor(handle(OBJECT), transaction(), keys(1), keys(1), anchor(), event()));
		break;
	case 5:
		CALL(daos_obj_register_class(handle(CONTAINER), number(), class, event()));
		break;
	case 6:
		CALL(daos_obj_list_class(handle(CONTAINER), classes, anchor(), event()));
		break;
	case 7:
		CALL(daos_array_update_chunk_size(handle(ARRAY), number()));
		break;
	case 8:
		CALL(one_in(4) ? daos_kv_destroy(handle(VALUES), transaction(), event()) : 0);
		break;
	case 9:
		CALL(one_in(4) ? daos_array_destroy(handle(ARRAY), transaction(), event()) : 0);
		break;
	default:
		CALL(daos_obj_close(handle(OBJECT), event()));
	}
}

/* Completes now and then; else somebody else does, or the end. */
static int
body(tse_task_t *some)
{
	if (one_in(2))
		tse_task_complete(some, (int)below(2) - 1);
	return 0;
}

static int
note_task(tse_task_t *some, void *arg)
{
	return some == NULL || arg == NULL ? 0 : (int)below(3) - 1;
}

static tse_task_t *
some_task(void)
{
	return one_in(6) ? (tse_task_t *)(uintptr_t)(number() & ~7ULL) : task;
}

static void
task_graphs(void)
{
	tse_task_t *some = some_task(), *other = some_task(), *made = NULL;
	d_list_t list;

	D_INIT_LIST_HEAD(&list);
	switch (below(14)) {
	case 0:
		CALL(tse_task_create(one_in(3) ? NULL : body, &sched, NULL, &made));
		if (made != NULL) {
			tse_task_addref(made);
			tse_task_decref(task);
			task = made;
		}
		break;
	case 1:
		CALL(tse_task_register_deps(some, (int)number() % 2, &other));
		break;
	case 2:
		CALL(tse_task_register_cbs(some, one_in(2) ? NULL : note_task, &other, below(9), note_task, &other,
					   below(9)));
		break;
	case 3:
		CALL(tse_task_register_comp_cb_and_reinit(some, note_task, &other, below(9), below(1000)));
		break;
	case 4:
		CALL(tse_task_schedule_with_delay(some, one_in(3), number()));
		break;
	case 5:
		CALL(tse_task_reinit_with_delay(some, below(1000)));
		break;
	case 6:
		CALL(tse_task_reset(some, one_in(3) ? NULL : body, NULL));
		break;
	case 7:
		CALL((void)tse_task_set_priv(some, tse_task_get_priv(other)));
		break;
	case 8:
		CALL((void)tse_task_buf_embedded(some, (int)number()));
		break;
	case 9:
		CALL(tse_disable_propagate(some));
		break;
	case 10:
		CALL((void)tse_task2sched(some));
		break;
	case 11:
		CALL(tse_task_list_add(some, &list));
		CALL(tse_task_list_traverse(&list, one_in(9) ? NULL : note_task, some));
		CALL(tse_task_list_depend(&list, other));
		CALL(tse_task_depend_list(other, &list));
		if (one_in(2))
			CALL(tse_task_list_sched(&list, one_in(2)));
		else if (one_in(2))
			CALL(tse_task_list_abort(&list, -DER_IO));
		if (tse_task_list_first(&list) != NULL)
			CALL(tse_task_list_del(some));
		break;
	case 12:
		CALL(tse_sched_register_comp_cb(&sched, NULL, NULL));
		break;
	default:
		CALL(tse_sched_progress(&sched));
	}
}

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

static void
died(int signal)
{
	char text[1024];
	int length = snprintf(text, sizeof(text), "signal %d in or after %s\n", signal, last);

	if (length > 0 && write(2, text, length) < 0)
		_exit(2);
	_exit(1);
}

/* The calls of one seed, in a process of their own. */
static void
batch(uint64_t seed, uint64_t calls)
{
	static void (*const groups[])(void) = {containers_and_pools, objects, objects, arrays_and_values,
						     versions_and_tables, views, events_and_tasks, task_graphs, files};
	uint64_t i;
	bool flag;

	state = seed * 0x9E3779B97F4A7C15ULL | 1;
	signal(SIGALRM, died);
	signal(SIGABRT, died);
#if !defined(__SANITIZE_ADDRESS__)
	signal(SIGSEGV, died);
#endif
	alarm(SECONDS_MAX);
	OK(daos_init());
	OK(dfs_init());
	OK(daos_pool_connect(pool_label, NULL, DAOS_PC_RW, &handles[POOL][0], NULL, NULL));
	daos_cont_create_with_label(handles[POOL][0], container_label, NULL, NULL, NULL);
	daos_cont_open(handles[POOL][0], container_label, DAOS_COO_RW, &handles[CONTAINER][0], NULL, NULL);
	OK(daos_eq_create(&handles[QUEUE][0]));
	OK(tse_sched_init(&sched, NULL, NULL));
	for (i = 0; i < EVENTS; i++)
		OK(daos_event_init(&events[i], i % 2 == 0 ? DAOS_HDL_INVAL : handles[QUEUE][0], NULL));
	for (i = 0; i < calls; i++)
		groups[below(ARRAY_SIZE(groups))]();
	/* What was lent to calls must last until they end. */
	last = "the end";
	tse_sched_complete(&sched, 0, true);
	for (i = 0; i < EVENTS; i++) {
		daos_event_abort(&events[i]);
		daos_event_test(&events[i], DAOS_EQ_WAIT, &flag);
	}
	dfs_fini();
	daos_fini();
	/* Results that nobody wanted are not given back: no search for leaks here. */
	_exit(0);
}

int
main(int argc, char **argv)
{
	uint64_t first, seed, batches, calls;
	time_t end = 0;
	int status;
	pid_t child;

	TRUE(argc >= 6);
	pool_label = argv[1];
	container_label = argv[2];
	first = strtoull(argv[3], NULL, 10);
	batches = strtoull(argv[4], NULL, 10);
	calls = strtoull(argv[5], NULL, 10);
	if (argc > 6) {
		end = time(NULL) + (time_t)(60 * strtod(argv[6], NULL));
		batches = ~0ULL;
	}
	for (seed = first; seed - first < batches && (end == 0 || time(NULL) < end); seed++) {
		fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
		child = fork();
		TRUE(child >= 0);
		if (child == 0)
			batch(seed, calls);
		TRUE(waitpid(child, &status, 0) == child);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
			fprintf(stderr, "seed %llu failed (%s %d); again with: %s %s %s %llu 1 %llu\n", (unsigned long long)seed,
				WIFSIGNALED(status) ? "signal" : "exit",
				WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), argv[0], pool_label,
				container_label, (unsigned long long)seed, (unsigned long long)calls);
			return 1;
		}
	}
	printf("%llu batches of %llu calls\n", (unsigned long long)(seed - first), (unsigned long long)calls);
	return 0;
}
