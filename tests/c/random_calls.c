/* Random functions with random arguments, good and bad ones: NULL where it is not allowed, closed and foreign handles, wrong
 * sizes, names that are too long, flags that exclude each other, events in every state. Nothing may crash or hang. What a
 * call is promised (so much memory behind a pointer, for as long as it runs) is kept; all else is not.
 *
 * Each batch runs in a process of its own and is decided by one seed; the one that fails is printed with the arguments that
 * run it again. For longer runs: random_calls POOL CONTAINER SEED BATCHES CALLS [MINUTES].
 *
 * run: {pool} {container} 1 3 250
 */
#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <daos_array.h>
#include <daos_fs.h>
#include <daos_kv.h>
#include <daos_task.h>
#include <gurt/common.h>

/* A batch that takes longer hangs; valgrind is slow. */
#define SECONDS_MAX 200
#define EVENTS 6
#define HANDLES 8
#define ROOM 4096

enum kind { POOL, CONTAINER, OBJECT, ARRAY, VALUES, QUEUE, OIT, TX, KINDS };

static uint64_t state;
static const char *pool_label, *container_label;
static daos_handle_t handles[KINDS][HANDLES];
static dfs_t *mounts[HANDLES];
static dfs_obj_t *nodes[HANDLES];
static daos_event_t events[EVENTS];
static tse_sched_t sched;
static tse_task_t *task;
static const char *volatile last = "nothing";

/* xorshift64*, which is as random as this needs. */
static uint64_t
draw(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545F4914F6CDD1DULL;
}

static uint64_t
below(uint64_t limit)
{
	return (draw() >> 11) % limit;
}

static bool
one_in(uint64_t count)
{
	return below(count) == 0;
}

/* All memory of a batch: what only the library still knew would be a leak to valgrind. */
static void **kept;
static size_t kept_count, kept_room;

static void *
keep(void *memory)
{
	TRUE(memory != NULL);
	if (kept_count == kept_room) {
		kept_room = kept_room * 2 + 1024;
		kept = realloc(kept, kept_room * sizeof(*kept));
		TRUE(kept != NULL);
	}
	kept[kept_count++] = memory;
	return memory;
}

/* Memory that stays until the batch ends, since calls may run that long. */
static void *
room(size_t size)
{
	return keep(calloc(1, size));
}

/* A place for a result: mostly good. */
static void *
out(size_t size)
{
	if (one_in(12))
		return NULL;
	if (one_in(20))
		return (char *)room(size + 8) + 1;
	return room(size);
}

#define OUT(type) ((type *)out(sizeof(type)))

static uint64_t
number(void)
{
	switch (below(8)) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return draw();
	case 3:
		return ~0ULL - below(3);
	case 4:
		return 1ULL << below(64);
	default:
		return below(64);
	}
}

static daos_handle_t
handle(enum kind kind)
{
	daos_handle_t found;

	if (one_in(10))
		kind = below(KINDS);
	if (one_in(20)) {
		found.cookie = number();
		return found;
	}
	return handles[kind][below(HANDLES)];
}

/* Where a handle goes: among those that are used later. */
static daos_handle_t *
new_handle(enum kind kind)
{
	return one_in(15) ? NULL : &handles[kind][below(HANDLES)];
}

static daos_handle_t
transaction(void)
{
	daos_handle_t none = {0};

	return one_in(8) ? handle(TX) : none;
}

static daos_event_t *
event(void)
{
	return one_in(3) ? &events[below(EVENTS)] : NULL;
}

static char *
name(void)
{
	static const char *const names[] = {"a", "b", "dir", "file", "a/b", "/", ".", "..", "", "/dir/file", "\xff\xfe", "%s%n"};
	char *text;
	size_t length;

	switch (below(10)) {
	case 0:
		return NULL;
	case 1:
		length = 1 + below(6000);
		text = room(length + 1);
		memset(text, 'x', length);
		return text;
	case 2:
		return (char *)(uintptr_t)(one_in(2) ? pool_label : container_label);
	default:
		text = room(16);
		strcpy(text, names[below(ARRAY_SIZE(names))]);
		return text;
	}
}

static void
fill_iov(d_iov_t *iov)
{
	size_t size = one_in(8) ? 0 : 1 + below(64);

	iov->iov_buf = one_in(12) ? NULL : room(size + 1);
	iov->iov_buf_len = size;
	iov->iov_len = one_in(8) ? size + below(9) : one_in(8) ? below(size + 1) : size;
	if (iov->iov_buf == NULL && one_in(2))
		iov->iov_len = iov->iov_buf_len = number();
	else if (iov->iov_buf != NULL && size > 0)
		memset(iov->iov_buf, 'a' + below(3), size);
}

static daos_key_t *
keys(uint64_t count)
{
	daos_key_t *found = room(sizeof(*found) * (count + 1));
	uint64_t i;

	if (one_in(12))
		return NULL;
	for (i = 0; i < count; i++) {
		fill_iov(&found[i]);
		if (one_in(2))
			found[i] = key_of(one_in(2) ? "key" : "other");
	}
	return found;
}

static d_sg_list_t *
lists(uint64_t count)
{
	d_sg_list_t *found = room(sizeof(*found) * (count + 1));
	uint64_t i, j;

	if (one_in(12))
		return NULL;
	for (i = 0; i < count; i++) {
		found[i].sg_nr = below(4);
		found[i].sg_iovs = one_in(12) ? NULL : room(sizeof(d_iov_t) * 4);
		if (found[i].sg_iovs == NULL && one_in(2))
			found[i].sg_nr = number();
		for (j = 0; found[i].sg_iovs != NULL && j < 4; j++)
			fill_iov(&found[i].sg_iovs[j]);
	}
	return found;
}

static daos_iod_t *
descriptors(uint64_t count)
{
	daos_iod_t *found = room(sizeof(*found) * (count + 1));
	uint64_t i, j;

	if (one_in(12))
		return NULL;
	for (i = 0; i < count; i++) {
		found[i].iod_name = key_of(one_in(2) ? "akey" : "other");
		if (one_in(8))
			fill_iov(&found[i].iod_name);
		found[i].iod_type = one_in(8) ? (daos_iod_type_t)number() : 1 + below(2);
		found[i].iod_size = one_in(3) ? number() : 1 + below(16);
		found[i].iod_nr = below(4);
		found[i].iod_recxs = one_in(8) ? NULL : room(sizeof(daos_recx_t) * 4);
		if (found[i].iod_recxs == NULL && one_in(4))
			found[i].iod_nr = number();
		for (j = 0; found[i].iod_recxs != NULL && j < 4; j++) {
			found[i].iod_recxs[j].rx_idx = number();
			found[i].iod_recxs[j].rx_nr = one_in(4) ? number() : below(16);
		}
	}
	return found;
}

static daos_anchor_t *
anchor(void)
{
	daos_anchor_t *found = OUT(daos_anchor_t);
	size_t i;

	if (found != NULL && one_in(3))
		for (i = 0; i < sizeof(*found); i++)
			((unsigned char *)found)[i] = one_in(2) ? 0 : draw();
	return found;
}

/* A count that the room behind it keeps. */
static uint32_t *
count_of(uint32_t most)
{
	uint32_t *count = room(sizeof(*count));

	*count = one_in(8) ? 0 : below(most + 1);
	return one_in(15) ? NULL : count;
}

static daos_size_t *
size_of(daos_size_t most)
{
	daos_size_t *size = room(sizeof(*size));

	*size = one_in(8) ? 0 : below(most + 1);
	return one_in(15) ? NULL : size;
}

static daos_obj_id_t
oid(void)
{
	daos_obj_id_t found = {0};
	enum daos_otype_t type = one_in(2) ? DAOS_OT_MULTI_HASHED : (enum daos_otype_t)below(20);

	found.lo = 1 + below(8);
	if (!one_in(8))
		daos_obj_generate_oid(handle(CONTAINER), &found, type, one_in(2) ? OC_S1 : (daos_oclass_id_t)number(), 0, 0);
	else
		found.hi = draw();
	return found;
}

static daos_prop_t *
property(void)
{
	daos_prop_t *prop;
	uint32_t i, count = below(4);

	prop = one_in(2) ? NULL : keep(daos_prop_alloc(count));
	for (i = 0; prop != NULL && i < prop->dpp_nr; i++) {
		/* Values stay zero: of a type whose value is a pointer, a number would be one to nowhere. */
		prop->dpp_entries[i].dpe_type = one_in(3) ? number() : 0x1000 + below(30);
	}
	return prop;
}

static daos_array_iod_t *
ranges(void)
{
	daos_array_iod_t *found = room(sizeof(*found));
	uint64_t i;

	if (one_in(12))
		return NULL;
	found->arr_nr = below(4);
	found->arr_rgs = one_in(8) ? NULL : room(sizeof(daos_range_t) * 4);
	for (i = 0; found->arr_rgs != NULL && i < 4; i++) {
		found->arr_rgs[i].rg_idx = one_in(2) ? number() : below(100);
		found->arr_rgs[i].rg_len = one_in(4) ? number() : below(64);
	}
	return found;
}

static dfs_t *
mount(void)
{
	return one_in(15) ? (dfs_t *)(uintptr_t)number() : mounts[below(HANDLES)];
}

static dfs_obj_t *
node(void)
{
	return one_in(15) ? (dfs_obj_t *)(uintptr_t)number() : one_in(6) ? NULL : nodes[below(HANDLES)];
}

static int
filler(dfs_t *dfs, dfs_obj_t *obj, const char name[], void *arg)
{
	(void)dfs;
	(void)obj;
	(void)name;
	return arg != NULL;
}

static unsigned int
flags_of(unsigned int good)
{
	return one_in(5) ? (unsigned int)number() : good;
}

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
	static void (*const groups[])(void) = {containers_and_pools, objects, objects, arrays_and_values, events_and_tasks, files};
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
