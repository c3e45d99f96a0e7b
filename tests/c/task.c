/* Calls as tasks: open, update, fetch and close in one graph whose arguments are filled just before each runs; every kind
 * of call; errors that are handed on; a task that becomes another call; threads; and wrong arguments.
 *
 * run: {pool} {container}
 */
#include "check.h"

#include <pthread.h>

#include <daos_array.h>
#include <daos_kv.h>
#include <daos_task.h>
#include <gurt/common.h>

#define TASKS 64
#define THREADS 4

static const daos_handle_t none = {0};

/* Runs a scheduler until it is empty, as programs do that poll. */
static void
run_all(tse_sched_t *sched)
{
	bool is_empty = false;
	int rc;

	while (!is_empty) {
		rc = daos_progress(sched, 1000, &is_empty);
		TRUE(rc == 0 || (rc == -DER_TIMEDOUT && !is_empty));
	}
}

/* One task alone; what it gave. */
static int
run_one(tse_sched_t *sched, tse_task_t *task)
{
	int result;
	bool is_empty;

	tse_task_addref(task);
	OK(tse_task_schedule(task, true));
	OK(daos_progress(sched, DAOS_EQ_WAIT, &is_empty));
	TRUE(is_empty);
	result = task->dt_result;
	tse_task_decref(task);
	return result;
}

static void *
new_task(tse_sched_t *sched, daos_opc_t opc, tse_task_t **task)
{
	void *args;

	OK(daos_task_create(opc, sched, 0, NULL, task));
	args = daos_task_get_args(*task);
	TRUE(args != NULL);
	return args;
}

struct graph {
	daos_handle_t container, object;
	daos_obj_id_t oid;
	daos_key_t dkey;
	daos_iod_t iods[2];
	d_sg_list_t sgls[2];
	d_iov_t iovs[2];
	uint64_t written, read;
	int errors, ends;
};

/* The object is open only when the task before has run. */
static int
fill_rw(tse_task_t *task, void *arg)
{
	struct graph *graph = *(struct graph **)arg;
	bool is_fetch = tse_task_get_priv(task) != NULL;
	daos_obj_rw_t *args = daos_task_get_args(task);

	if (task->dt_result != 0) {
		graph->errors++;
		return 0;
	}
	args->oh = graph->object;
	args->th = none;
	args->dkey = &graph->dkey;
	args->nr = 1;
	args->iods = &graph->iods[is_fetch];
	args->sgls = &graph->sgls[is_fetch];
	return 0;
}

static int
fill_close(tse_task_t *task, void *arg)
{
	daos_obj_close_t *args = daos_task_get_args(task);

	args->oh = (*(struct graph **)arg)->object;
	return 0;
}

static int
note_end(tse_task_t *task, void *arg)
{
	struct graph *graph = *(struct graph **)arg;

	graph->ends++;
	if (task->dt_result != 0)
		graph->errors++;
	return 0;
}

/* open -> update -> fetch -> close, scheduled from the last to the first. */
static void
start_graph(tse_sched_t *sched, struct graph *graph, daos_handle_t container, uint64_t number, tse_task_t *tasks[4])
{
	daos_obj_open_t *open_args;
	int i;

	memset(graph, 0, sizeof(*graph));
	graph->container = container;
	graph->oid.lo = number;
	graph->written = number * 3;
	graph->dkey = key_of("dkey");
	single(&graph->iods[0], &graph->sgls[0], &graph->iovs[0], "akey", &graph->written, sizeof(graph->written));
	single(&graph->iods[1], &graph->sgls[1], &graph->iovs[1], "akey", &graph->read, sizeof(graph->read));
	OK(daos_obj_generate_oid(container, &graph->oid, 0, OC_S1, 0, 0));

	OK(daos_task_create(DAOS_OPC_OBJ_OPEN, sched, 0, NULL, &tasks[0]));
	open_args = daos_task_get_args(tasks[0]);
	open_args->coh = container;
	open_args->oid = graph->oid;
	open_args->mode = DAOS_OO_RW;
	open_args->oh = &graph->object;
	OK(daos_task_create(DAOS_OPC_OBJ_UPDATE, sched, 1, &tasks[0], &tasks[1]));
	OK(daos_task_create(DAOS_OPC_OBJ_FETCH, sched, 1, &tasks[1], &tasks[2]));
	OK(daos_task_create(DAOS_OPC_OBJ_CLOSE, sched, 1, &tasks[2], &tasks[3]));
	TRUE(daos_task_set_priv(tasks[2], graph) == NULL && daos_task_get_priv(tasks[2]) == graph);
	OK(tse_task_register_cbs(tasks[0], NULL, NULL, 0, note_end, &graph, sizeof(graph)));
	OK(tse_task_register_cbs(tasks[1], fill_rw, &graph, sizeof(graph), note_end, &graph, sizeof(graph)));
	OK(tse_task_register_cbs(tasks[2], fill_rw, &graph, sizeof(graph), note_end, &graph, sizeof(graph)));
	OK(tse_task_register_cbs(tasks[3], fill_close, &graph, sizeof(graph), note_end, &graph, sizeof(graph)));
	for (i = 3; i >= 0; i--)
		OK(tse_task_schedule(tasks[i], false));
}

static void
graphs(daos_handle_t container, uint64_t base)
{
	static struct graph all[TASKS * THREADS];
	struct graph *mine = &all[base % (TASKS * THREADS)];
	tse_task_t *tasks[4];
	tse_sched_t sched;
	int i;

	OK(tse_sched_init(&sched, NULL, NULL));
	for (i = 0; i < TASKS; i++)
		start_graph(&sched, &mine[i], container, base + i + 1, tasks);
	run_all(&sched);
	for (i = 0; i < TASKS; i++)
		TRUE(mine[i].ends == 4 && mine[i].errors == 0 && mine[i].read == mine[i].written);
	tse_sched_complete(&sched, 0, false);
}

/* The open fails: all behind it have its error, and are run. */
static void
errors(daos_handle_t container)
{
	struct graph graph;
	tse_task_t *tasks[4];
	tse_sched_t sched;
	bool is_empty;
	int i;

	OK(tse_sched_init(&sched, NULL, NULL));
	start_graph(&sched, &graph, container, 5000, tasks);
	((daos_obj_open_t *)daos_task_get_args(tasks[0]))->coh = none;
	for (i = 0; i < 4; i++)
		tse_task_addref(tasks[i]);
	OK(daos_progress(&sched, DAOS_EQ_WAIT, &is_empty));
	for (i = 0; i < 4; i++) {
		TRUE(tasks[i]->dt_result == -DER_NO_HDL);
		tse_task_decref(tasks[i]);
	}
	TRUE(graph.ends == 4 && sched.ds_result == -DER_NO_HDL);
	tse_sched_fini(&sched);
}

struct context {
	const char *pool;
	daos_handle_t pool_handle, container;
};

static void
pools(tse_sched_t *sched, struct context *context)
{
	daos_pool_connect_t *connect;
	daos_pool_query_t *query;
	daos_pool_set_attr_t *set;
	daos_pool_get_attr_t *get;
	daos_pool_list_attr_t *list;
	daos_pool_del_attr_t *del;
	daos_mgmt_pool_list_t *pools;
	daos_pool_list_cont_t *containers;
	daos_pool_info_t info = {.pi_bits = DPI_ALL};
	daos_mgmt_pool_info_t infos[4];
	struct daos_pool_cont_info found[64];
	daos_size_t count = 4, containers_count = 64;
	const char *name = "name";
	const void *value = "value";
	char buffer[64];
	void *out = buffer;
	size_t size = 6;
	daos_handle_t pool;
	tse_task_t *task;

	connect = new_task(sched, DAOS_OPC_POOL_CONNECT, &task);
	connect->pool = context->pool;
	connect->flags = DAOS_PC_RW;
	connect->poh = &pool;
	OK(run_one(sched, task));
	query = new_task(sched, DAOS_OPC_POOL_QUERY, &task);
	query->poh = pool;
	query->info = &info;
	OK(run_one(sched, task));
	TRUE(info.pi_ntargets > 0);
	set = new_task(sched, DAOS_OPC_POOL_SET_ATTR, &task);
	*set = (daos_pool_set_attr_t){.poh = pool, .n = 1, .names = &name, .values = &value, .sizes = &size};
	OK(run_one(sched, task));
	size = sizeof(buffer);
	get = new_task(sched, DAOS_OPC_POOL_GET_ATTR, &task);
	*get = (daos_pool_get_attr_t){.poh = pool, .n = 1, .names = &name, .values = &out, .sizes = &size};
	OK(run_one(sched, task));
	TRUE(size == 6 && strcmp(buffer, "value") == 0);
	size = sizeof(buffer);
	list = new_task(sched, DAOS_OPC_POOL_LIST_ATTR, &task);
	*list = (daos_pool_list_attr_t){.poh = pool, .buf = buffer, .size = &size};
	OK(run_one(sched, task));
	TRUE(size == 5 && strcmp(buffer, "name") == 0);
	del = new_task(sched, DAOS_OPC_POOL_DEL_ATTR, &task);
	*del = (daos_pool_del_attr_t){.poh = pool, .n = 1, .names = &name};
	OK(run_one(sched, task));
	containers = new_task(sched, DAOS_OPC_POOL_LIST_CONT, &task);
	*containers = (daos_pool_list_cont_t){.poh = pool, .ncont = &containers_count, .cont_buf = found};
	OK(run_one(sched, task));
	TRUE(containers_count >= 1);
	pools = new_task(sched, DAOS_OPC_MGMT_LIST_POOLS, &task);
	*pools = (daos_mgmt_pool_list_t){.pools = infos, .npools = &count};
	OK(run_one(sched, task));
	TRUE(count == 1);
	d_rank_list_free(infos[0].mgpi_svc);
	free(infos[0].mgpi_label);
	((daos_pool_disconnect_t *)new_task(sched, DAOS_OPC_POOL_DISCONNECT, &task))->poh = pool;
	OK(run_one(sched, task));
	/* A pool by its UUID. */
	connect = new_task(sched, DAOS_OPC_POOL_CONNECT, &task);
	memcpy(connect->uuid, info.pi_uuid, 16);
	connect->flags = DAOS_PC_RO;
	connect->poh = &pool;
	OK(run_one(sched, task));
	OK(daos_pool_disconnect(pool, NULL));
}

/* Targets of the pool are taken out of use, and into use again. */
static void
targets_in_and_out(struct context *context)
{
	daos_pool_info_t info = {.pi_bits = DPI_ALL};
	d_rank_t ranks[2] = {0, 0};
	int32_t numbers[2] = {1, 1};
	static const daos_opc_t ways[] = {DAOS_OPC_POOL_EXCLUDE, DAOS_OPC_POOL_EXCLUDE_OUT, DAOS_OPC_POOL_ADD};
	static const daos_target_state_t states[] = {DAOS_TS_DOWN, DAOS_TS_DOWN_OUT, DAOS_TS_UP_IN};
	daos_target_info_t target;
	struct d_tgt_list targets = {.tl_ranks = ranks, .tl_tgts = numbers, .tl_nr = 2};
	daos_pool_update_t *update;
	tse_sched_t sched;
	tse_task_t *task;
	int way;

	OK(tse_sched_init(&sched, NULL, NULL));
	OK(daos_pool_query(context->pool_handle, NULL, &info, NULL, NULL));
	for (way = 0; way < 3; way++) {
		daos_opc_t opc = ways[way];

		update = new_task(&sched, opc, &task);
		memcpy(update->uuid, info.pi_uuid, 16);
		EXPECT(run_one(&sched, task), -DER_INVAL);
		update = new_task(&sched, opc, &task);
		targets.tl_nr = 0;
		update->tgts = &targets;
		EXPECT(run_one(&sched, task), -DER_INVAL);
		targets.tl_nr = 2;
		update = new_task(&sched, opc, &task);
		update->tgts = &targets;
		EXPECT(run_one(&sched, task), -DER_NONEXIST);
		numbers[1] = 99;
		update = new_task(&sched, opc, &task);
		memcpy(update->uuid, info.pi_uuid, 16);
		update->tgts = &targets;
		TRUE(run_one(&sched, task) != 0);
		numbers[1] = 1;
		if (info.pi_ntargets < 2)
			continue;
		update = new_task(&sched, opc, &task);
		memcpy(update->uuid, info.pi_uuid, 16);
		update->tgts = &targets;
		OK(run_one(&sched, task));
		OK(daos_pool_query(context->pool_handle, NULL, &info, NULL, NULL));
		TRUE(info.pi_ndisabled == (way < 2 ? 1 : 0));
		OK(daos_pool_query_target(context->pool_handle, 1, 0, &target, NULL));
		TRUE(target.ta_state == states[way]);
	}
	tse_sched_fini(&sched);
}

/* A snapshot, and the table of its objects. */
static void
versions(tse_sched_t *sched, daos_handle_t container)
{
	daos_cont_create_snap_t *create;
	daos_cont_subscribe_t *subscribe;
	daos_cont_list_snap_t *list;
	daos_epoch_t epoch = 0, found = 0;
	daos_anchor_t anchor = {0};
	tse_task_t *task;
	int count = 1;

	create = new_task(sched, DAOS_OPC_CONT_CREATE_SNAP, &task);
	*create = (daos_cont_create_snap_t){.coh = container, .epoch = &epoch, .opts = DAOS_SNAP_OPT_CR};
	OK(run_one(sched, task));
	subscribe = new_task(sched, DAOS_OPC_CONT_SUBSCRIBE, &task);
	*subscribe = (daos_cont_subscribe_t){.coh = container, .epoch = &found};
	OK(run_one(sched, task));
	TRUE(epoch != 0 && found == epoch);
	list = new_task(sched, DAOS_OPC_CONT_LIST_SNAP, &task);
	*list = (daos_cont_list_snap_t){.coh = container, .nr = &count, .epochs = &found, .anchor = &anchor};
	OK(run_one(sched, task));
	TRUE(count == 1 && found == epoch && daos_anchor_is_eof(&anchor));
	*(daos_cont_snap_oit_create_t *)new_task(sched, DAOS_OPC_CONT_SNAP_OIT_CREATE, &task) =
	    (daos_cont_snap_oit_create_t){.coh = container, .epoch = epoch};
	OK(run_one(sched, task));
	*(daos_cont_snap_oit_destroy_t *)new_task(sched, DAOS_OPC_CONT_SNAP_OIT_DESTROY, &task) =
	    (daos_cont_snap_oit_destroy_t){.coh = container, .epoch = epoch};
	OK(run_one(sched, task));
	*(daos_cont_snap_oit_destroy_t *)new_task(sched, DAOS_OPC_CONT_SNAP_OIT_DESTROY, &task) =
	    (daos_cont_snap_oit_destroy_t){.coh = container, .epoch = DAOS_EPOCH_MAX};
	EXPECT(run_one(sched, task), -DER_INVAL);
}

static void
containers(tse_sched_t *sched, struct context *context)
{
	daos_cont_create_t *create;
	daos_cont_open_t *open;
	daos_cont_query_t *query;
	daos_cont_destroy_t *destroy;
	daos_cont_alloc_oids_t *alloc;
	daos_cont_info_t info;
	daos_handle_t container;
	uuid_t uuid;
	uint64_t oid = 0;
	tse_task_t *task;

	create = new_task(sched, DAOS_OPC_CONT_CREATE, &task);
	create->poh = context->pool_handle;
	create->cuuid = &uuid;
	OK(run_one(sched, task));
	open = new_task(sched, DAOS_OPC_CONT_OPEN, &task);
	*open = (daos_cont_open_t){.poh = context->pool_handle, .flags = DAOS_COO_RW, .coh = &container, .info = &info};
	memcpy(open->uuid, uuid, 16);
	OK(run_one(sched, task));
	TRUE(memcmp(info.ci_uuid, uuid, 16) == 0);
	query = new_task(sched, DAOS_OPC_CONT_QUERY, &task);
	*query = (daos_cont_query_t){.coh = container, .info = &info};
	OK(run_one(sched, task));
	alloc = new_task(sched, DAOS_OPC_CONT_ALLOC_OIDS, &task);
	*alloc = (daos_cont_alloc_oids_t){.coh = container, .num_oids = 8, .oid = &oid};
	OK(run_one(sched, task));
	versions(sched, container);
	((daos_cont_close_t *)new_task(sched, DAOS_OPC_CONT_CLOSE, &task))->coh = container;
	OK(run_one(sched, task));
	destroy = new_task(sched, DAOS_OPC_CONT_DESTROY, &task);
	destroy->poh = context->pool_handle;
	memcpy(destroy->uuid, uuid, 16);
	OK(run_one(sched, task));
}

static void
objects(tse_sched_t *sched, struct context *context)
{
	daos_handle_t object = open_object(context->container, 7000, 0, OC_S1);
	daos_anchor_t anchor = {0};
	daos_key_desc_t kds[4];
	char names[64];
	uint64_t value = 1;
	uint32_t nr = 4;
	daos_key_t dkey = key_of("dkey");
	daos_epoch_t epoch = 0, *epochs;
	int groups;
	struct daos_obj_sync_args *sync;
	daos_obj_list_dkey_t *list;
	daos_obj_query_key_t *query;
	daos_obj_punch_t *punch;
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;
	tse_task_t *task;

	single(&iod, &sgl, &iov, "akey", &value, sizeof(value));
	OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
	d_iov_set(&iov, names, sizeof(names));
	list = new_task(sched, DAOS_OPC_OBJ_LIST_DKEY, &task);
	*list = (daos_obj_list_dkey_t){.oh = object, .nr = &nr, .kds = kds, .sgl = &sgl, .dkey_anchor = &anchor};
	OK(run_one(sched, task));
	TRUE(nr == 1 && kds[0].kd_key_len == 4 && memcmp(names, "dkey", 4) == 0);
	nr = 4;
	memset(&anchor, 0, sizeof(anchor));
	list = new_task(sched, DAOS_OPC_OBJ_LIST_AKEY, &task);
	*list = (daos_obj_list_dkey_t){
	    .oh = object, .dkey = &dkey, .nr = &nr, .kds = kds, .sgl = &sgl, .akey_anchor = &anchor};
	OK(run_one(sched, task));
	TRUE(nr == 1 && memcmp(names, "akey", 4) == 0);
	query = new_task(sched, DAOS_OPC_OBJ_QUERY_KEY, &task);
	*query = (daos_obj_query_key_t){.oh = object, .max_epoch = &epoch};
	OK(run_one(sched, task));
	TRUE(epoch > 0);
	/* All that was acknowledged is committed. */
	sync = new_task(sched, DAOS_OPC_OBJ_SYNC, &task);
	*sync = (struct daos_obj_sync_args){.oh = object, .epoch = DAOS_EPOCH_MAX, .epochs_p = &epochs, .nr = &groups};
	OK(run_one(sched, task));
	TRUE(groups == 1 && epochs[0] == epoch);
	free(epochs);
	sync = new_task(sched, DAOS_OPC_OBJ_SYNC, &task);
	*sync = (struct daos_obj_sync_args){.oh = object, .epoch = epoch - 1, .epochs_p = &epochs, .nr = &groups};
	OK(run_one(sched, task));
	TRUE(groups == 1 && epochs[0] == epoch - 1);
	free(epochs);
	sync = new_task(sched, DAOS_OPC_OBJ_SYNC, &task);
	*sync = (struct daos_obj_sync_args){.oh = object, .epoch = epoch};
	EXPECT(run_one(sched, task), -DER_INVAL);
	/* What it would list has a form of upstream's engines. */
	new_task(sched, DAOS_OPC_OBJ_LIST_OBJ, &task);
	EXPECT(run_one(sched, task), -DER_NOSYS);
	punch = new_task(sched, DAOS_OPC_OBJ_PUNCH_DKEYS, &task);
	*punch = (daos_obj_punch_t){.oh = object, .dkey = &dkey};
	/* One task that becomes others. */
	tse_task_addref(task);
	OK(run_one(sched, task));
	OK(daos_task_reset(task, DAOS_OPC_OBJ_PUNCH));
	punch = daos_task_get_args(task);
	*punch = (daos_obj_punch_t){.oh = object};
	tse_task_addref(task);
	OK(run_one(sched, task));
	OK(daos_task_reset(task, DAOS_OPC_OBJ_CLOSE));
	((daos_obj_close_t *)daos_task_get_args(task))->oh = object;
	OK(run_one(sched, task));
}

static void
arrays_and_values(tse_sched_t *sched, struct context *context)
{
	daos_array_create_t *create;
	daos_array_io_t *io;
	daos_array_get_size_t *get_size;
	daos_kv_open_t *open;
	daos_kv_put_t *put;
	daos_kv_get_t *get;
	daos_handle_t array, values;
	daos_obj_id_t oid = {.lo = 8000};
	char text[] = "the bytes of an array", back[sizeof(text)] = "", value[8] = "";
	daos_range_t range = {.rg_idx = 3, .rg_len = sizeof(text)};
	daos_array_iod_t iod = {.arr_nr = 1, .arr_rgs = &range};
	daos_size_t size = 0;
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	tse_task_t *task;

	OK(daos_array_generate_oid(context->container, &oid, true, OC_S1, 0, 0));
	create = new_task(sched, DAOS_OPC_ARRAY_CREATE, &task);
	*create = (daos_array_create_t){
	    .coh = context->container, .oid = oid, .cell_size = 1, .chunk_size = 1 << 20, .oh = &array};
	OK(run_one(sched, task));
	d_iov_set(&iov, text, sizeof(text));
	io = new_task(sched, DAOS_OPC_ARRAY_WRITE, &task);
	*io = (daos_array_io_t){.oh = array, .iod = &iod, .sgl = &sgl};
	OK(run_one(sched, task));
	d_iov_set(&iov, back, sizeof(back));
	io = new_task(sched, DAOS_OPC_ARRAY_READ, &task);
	*io = (daos_array_io_t){.oh = array, .iod = &iod, .sgl = &sgl};
	OK(run_one(sched, task));
	TRUE(strcmp(text, back) == 0);
	get_size = new_task(sched, DAOS_OPC_ARRAY_GET_SIZE, &task);
	*get_size = (daos_array_get_size_t){.oh = array, .size = &size};
	OK(run_one(sched, task));
	TRUE(size == 3 + sizeof(text));
	((daos_array_destroy_t *)new_task(sched, DAOS_OPC_ARRAY_DESTROY, &task))->oh = array;
	OK(run_one(sched, task));
	((daos_array_close_t *)new_task(sched, DAOS_OPC_ARRAY_CLOSE, &task))->oh = array;
	OK(run_one(sched, task));

	oid = (daos_obj_id_t){.lo = 8001};
	OK(daos_obj_generate_oid(context->container, &oid, DAOS_OT_KV_HASHED, OC_S1, 0, 0));
	open = new_task(sched, DAOS_OPC_KV_OPEN, &task);
	*open = (daos_kv_open_t){.coh = context->container, .oid = oid, .mode = DAOS_OO_RW, .oh = &values};
	OK(run_one(sched, task));
	put = new_task(sched, DAOS_OPC_KV_PUT, &task);
	*put = (daos_kv_put_t){.oh = values, .key = "key", .buf_size = 6, .buf = "value"};
	OK(run_one(sched, task));
	size = sizeof(value);
	get = new_task(sched, DAOS_OPC_KV_GET, &task);
	*get = (daos_kv_get_t){.oh = values, .key = "key", .buf_size = &size, .buf = value};
	OK(run_one(sched, task));
	TRUE(size == 6 && strcmp(value, "value") == 0);
	((daos_kv_close_t *)new_task(sched, DAOS_OPC_KV_CLOSE, &task))->oh = values;
	OK(run_one(sched, task));
}

static int
update_more(tse_task_t *task, void *arg)
{
	struct graph *graph = *(struct graph **)arg;
	tse_task_t *next;
	uint64_t back = 0;
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;

	OK(task->dt_result);
	/* A callback may make calls that wait, and add tasks. */
	single(&iod, &sgl, &iov, "akey", &back, sizeof(back));
	OK(daos_obj_fetch(graph->object, none, 0, &graph->dkey, 1, &iod, &sgl, NULL, NULL));
	TRUE(back == graph->written);
	if (++graph->ends < 5) {
		graph->written++;
		OK(daos_task_create(DAOS_OPC_OBJ_UPDATE, tse_task2sched(task), 0, NULL, &next));
		OK(tse_task_register_cbs(next, fill_rw, &graph, sizeof(graph), update_more, &graph, sizeof(graph)));
		OK(tse_task_schedule(next, graph->ends % 2 == 0));
	}
	return 0;
}

static void
nested(daos_handle_t container)
{
	struct graph graph = {.container = container, .written = 1};
	struct graph *pointer = &graph;
	tse_task_t *task;
	tse_sched_t sched;

	graph.object = open_object(container, 9000, 0, OC_S1);
	graph.dkey = key_of("dkey");
	single(&graph.iods[0], &graph.sgls[0], &graph.iovs[0], "akey", &graph.written, sizeof(graph.written));
	OK(tse_sched_init(&sched, NULL, NULL));
	OK(daos_task_create(DAOS_OPC_OBJ_UPDATE, &sched, 0, NULL, &task));
	OK(tse_task_register_cbs(task, fill_rw, &pointer, sizeof(pointer), update_more, &pointer, sizeof(pointer)));
	OK(tse_task_schedule(task, false));
	tse_sched_complete(&sched, 0, false);
	TRUE(graph.ends == 5);
	OK(daos_obj_close(graph.object, NULL));
}

static daos_handle_t shared_container;

static void *
in_thread(void *number)
{
	graphs(shared_container, (uintptr_t)number * TASKS);
	return NULL;
}

static void
wrong_arguments(void)
{
	tse_task_t *task = NULL, *other;
	tse_sched_t sched;
	bool is_empty;

	OK(tse_sched_init(&sched, NULL, NULL));
	EXPECT(daos_task_create(DAOS_OPC_OBJ_OPEN, NULL, 0, NULL, &task), -DER_INVAL);
	EXPECT(daos_task_create(DAOS_OPC_OBJ_OPEN, &sched, 0, NULL, NULL), -DER_INVAL);
	EXPECT(daos_task_create(DAOS_OPC_OBJ_OPEN, &sched, 0, &task, &task), -DER_INVAL);
	EXPECT(daos_task_create(DAOS_OPC_OBJ_OPEN, &sched, 1, &task, &other), -DER_INVAL);
	EXPECT(daos_task_create(DAOS_OPC_INVALID, &sched, 0, NULL, &task), -DER_NOSYS);
	EXPECT(daos_task_create(DAOS_OPC_MAX, &sched, 0, NULL, &task), -DER_NOSYS);
	TRUE(daos_task_get_args(NULL) == NULL && daos_task_get_priv(NULL) == NULL);
	EXPECT(daos_progress(NULL, 0, &is_empty), -DER_INVAL);
	EXPECT(daos_progress(&sched, 0, NULL), -DER_INVAL);
	OK(daos_progress(&sched, DAOS_EQ_WAIT, &is_empty));
	TRUE(is_empty);
	/* A call without arguments. */
	OK(daos_task_create(DAOS_OPC_OBJ_FETCH, &sched, 0, NULL, &task));
	EXPECT(daos_task_reset(task, DAOS_OPC_OBJ_OPEN), -DER_NO_PERM);
	EXPECT(run_one(&sched, task), -DER_NO_HDL);
	OK(daos_task_create(DAOS_OPC_POOL_CONNECT, &sched, 0, NULL, &task));
	EXPECT(run_one(&sched, task), -DER_INVAL);
	/* One that completes only when somebody says so: the time runs out. */
	OK(tse_task_create(NULL, &sched, NULL, &task));
	OK(tse_task_schedule(task, false));
	EXPECT(daos_progress(&sched, DAOS_EQ_NOWAIT, &is_empty), -DER_TIMEDOUT);
	EXPECT(daos_progress(&sched, 1000, &is_empty), -DER_TIMEDOUT);
	TRUE(!is_empty);
	tse_task_complete(task, 0);
	OK(daos_progress(&sched, DAOS_EQ_NOWAIT, &is_empty));
	tse_sched_fini(&sched);
}

static int
keep_result(tse_task_t *task, void *arg)
{
	**(int **)arg = task->dt_result;
	return 0;
}

static int
keep_number(void *arg, daos_event_t *event, int number)
{
	TRUE(event != NULL);
	*(int *)arg = number;
	return number;
}

static void
wait_for_snapshot(tse_sched_t *sched, daos_handle_t container, daos_epoch_t *epoch, int *result)
{
	daos_cont_subscribe_t *subscribe;
	tse_task_t *task;
	bool is_empty;

	*result = 0;
	*epoch = DAOS_EPOCH_MAX - 1;
	subscribe = new_task(sched, DAOS_OPC_CONT_SUBSCRIBE, &task);
	*subscribe = (daos_cont_subscribe_t){.coh = container, .epoch = epoch};
	OK(tse_task_register_comp_cb(task, keep_result, &result, sizeof(result)));
	OK(tse_task_schedule(task, false));
	EXPECT(daos_progress(sched, 1000, &is_empty), -DER_TIMEDOUT);
}

/* Calls that never end by themselves: cancelled with their scheduler, and with the library. The story: events with callbacks that
 * ran when the library was finalised were told to nobody, and a scheduler waited for them for ever.
 */
static void
without_end(const char *pool_label, const char *label)
{
	daos_handle_t pool, container;
	daos_epoch_t epoch, other = DAOS_EPOCH_MAX - 1;
	daos_event_t event;
	tse_sched_t sched;
	int result, called = 0;

	open_container(pool_label, label, &pool, &container);
	OK(tse_sched_init(&sched, NULL, NULL));
	wait_for_snapshot(&sched, container, &epoch, &result);
	tse_sched_complete(&sched, 0, true);
	TRUE(result == -DER_CANCELED);
	OK(tse_sched_init(&sched, NULL, NULL));
	wait_for_snapshot(&sched, container, &epoch, &result);
	OK(daos_event_init(&event, DAOS_HDL_INVAL, NULL));
	OK(daos_event_register_comp_cb(&event, keep_number, &called));
	OK(daos_cont_subscribe(container, &other, &event));
	OK(daos_fini());
	TRUE(result == -DER_CANCELED && called == -DER_CANCELED);
	TRUE(tse_sched_check_complete(&sched));
	tse_sched_fini(&sched);
	OK(daos_event_fini(&event));
}

int
main(int argc, char **argv)
{
	struct context context;
	pthread_t threads[THREADS];
	tse_sched_t sched;
	uintptr_t i;

	TRUE(argc == 3);
	context.pool = argv[1];
	open_container(argv[1], argv[2], &context.pool_handle, &context.container);
	shared_container = context.container;
	graphs(context.container, 0);
	errors(context.container);
	OK(tse_sched_init(&sched, NULL, NULL));
	pools(&sched, &context);
	containers(&sched, &context);
	objects(&sched, &context);
	arrays_and_values(&sched, &context);
	/* The first error of all. */
	EXPECT(sched.ds_result, -DER_INVAL);
	tse_sched_fini(&sched);
	nested(context.container);
	for (i = 0; i < THREADS; i++)
		TRUE(pthread_create(&threads[i], NULL, in_thread, (void *)i) == 0);
	for (i = 0; i < THREADS; i++)
		TRUE(pthread_join(threads[i], NULL) == 0);
	wrong_arguments();
	targets_in_and_out(&context);
	close_container(context.pool_handle, context.container);
	without_end(argv[1], argv[2]);
	return 0;
}
