/* Calls that are aborted: alone, in a queue with callbacks, under a parent, as tasks; what was lent to them can be freed
 * when their event has completed, and everything works as before.
 *
 * run: {pool} {container}
 */
#include "check.h"

#include <daos_task.h>

#define CALLS 32
#define LENGTH (1 << 20)
#define ROUNDS_MAX 200

static const daos_handle_t none = {0};

struct call {
	daos_event_t event;
	char name[16];
	daos_key_t dkey;
	daos_recx_t recx;
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;
	char *bytes;
	int called;
};

static void
prepare(struct call *call, int number)
{
	memset(call, 0, sizeof(*call));
	snprintf(call->name, sizeof(call->name), "%d", number);
	call->bytes = malloc(LENGTH);
	TRUE(call->bytes != NULL);
	memset(call->bytes, number, LENGTH);
	call->dkey = key_of(call->name);
	call->recx.rx_nr = LENGTH;
	call->iod.iod_name = key_of("a");
	call->iod.iod_type = DAOS_IOD_ARRAY;
	call->iod.iod_size = 1;
	call->iod.iod_nr = 1;
	call->iod.iod_recxs = &call->recx;
	call->sgl.sg_nr = 1;
	call->sgl.sg_iovs = &call->iov;
	d_iov_set(&call->iov, call->bytes, LENGTH);
}

static int
note_end(void *arg, daos_event_t *ev, int ret)
{
	struct call *call = arg;

	TRUE(ev == &call->event && (ret == 0 || ret == -DER_CANCELED));
	call->called++;
	return 0;
}

/* Every other call of a queue; whether one was aborted. */
static bool
round_of_aborts(daos_handle_t object, bool is_fetch)
{
	static struct call calls[CALLS];
	daos_event_t *polled[CALLS];
	daos_handle_t queue;
	int i, count, completed = 0, aborted = 0;

	OK(daos_eq_create(&queue));
	for (i = 0; i < CALLS; i++) {
		prepare(&calls[i], i);
		OK(daos_event_init(&calls[i].event, queue, NULL));
		OK(daos_event_register_comp_cb(&calls[i].event, note_end, &calls[i]));
		if (is_fetch)
			OK(daos_obj_fetch(object, none, 0, &calls[i].dkey, 1, &calls[i].iod, &calls[i].sgl, NULL,
					  &calls[i].event));
		else
			OK(daos_obj_update(object, none, 0, &calls[i].dkey, 1, &calls[i].iod, &calls[i].sgl,
					   &calls[i].event));
		if (i % 2 == 1) {
			int rc = daos_event_abort(&calls[i].event);

			TRUE(rc == 0 || rc == -DER_NO_PERM);
		}
	}
	while (completed < CALLS) {
		count = daos_eq_poll(queue, 1, DAOS_EQ_WAIT, CALLS, polled);
		TRUE(count > 0);
		completed += count;
		for (i = 0; i < count; i++) {
			struct call *call = d_list_entry(polled[i], struct call, event);

			TRUE(call->called == 1);
			if (call->event.ev_error == -DER_CANCELED && (call - calls) % 2 == 1)
				aborted++;
			else
				OK(call->event.ev_error);
			/* Nobody writes there any more: ASan and valgrind would tell. */
			free(call->bytes);
			EXPECT(daos_event_abort(&call->event), -DER_NO_PERM);
			OK(daos_event_fini(&call->event));
		}
	}
	OK(daos_eq_destroy(queue, 0));
	return aborted > 0;
}

static void
under_a_parent(daos_handle_t object)
{
	static struct call calls[CALLS];
	daos_event_t parent;
	bool flag;
	int i;

	OK(daos_event_init(&parent, DAOS_HDL_INVAL, NULL));
	for (i = 0; i < CALLS; i++) {
		prepare(&calls[i], i);
		OK(daos_event_init(&calls[i].event, DAOS_HDL_INVAL, &parent));
		OK(daos_obj_update(object, none, 0, &calls[i].dkey, 1, &calls[i].iod, &calls[i].sgl, &calls[i].event));
	}
	OK(daos_event_parent_barrier(&parent));
	OK(daos_event_abort(&parent));
	OK(daos_event_test(&parent, DAOS_EQ_WAIT, &flag));
	TRUE(flag && (parent.ev_error == 0 || parent.ev_error == -DER_CANCELED));
	for (i = 0; i < CALLS; i++) {
		TRUE(calls[i].event.ev_error == 0 || calls[i].event.ev_error == -DER_CANCELED);
		OK(daos_event_fini(&calls[i].event));
		free(calls[i].bytes);
	}
	OK(daos_event_fini(&parent));
}

/* A parent whose own call never ends by itself: once only the calls of its children were aborted. */
static void
a_parent_with_a_call(daos_handle_t container)
{
	daos_event_t parent, child;
	daos_epoch_t epoch = 0;
	bool flag;

	OK(daos_event_init(&parent, DAOS_HDL_INVAL, NULL));
	OK(daos_event_init(&child, DAOS_HDL_INVAL, &parent));
	OK(daos_cont_subscribe(container, &epoch, &parent));
	OK(daos_event_test(&parent, DAOS_EQ_NOWAIT, &flag));
	TRUE(!flag);
	OK(daos_event_abort(&parent));
	OK(daos_event_test(&parent, DAOS_EQ_WAIT, &flag));
	TRUE(flag && parent.ev_error == -DER_CANCELED);
	EXPECT(daos_event_abort(&parent), -DER_NO_PERM);
	OK(daos_event_fini(&child));
	OK(daos_event_fini(&parent));
}

/* A scheduler that is cancelled while calls run. */
static void
tasks(daos_handle_t object)
{
	static struct call calls[CALLS];
	daos_obj_update_t *args;
	tse_task_t *task[CALLS];
	tse_sched_t sched;
	int i;

	OK(tse_sched_init(&sched, NULL, NULL));
	for (i = 0; i < CALLS; i++) {
		prepare(&calls[i], i);
		OK(daos_task_create(DAOS_OPC_OBJ_UPDATE, &sched, 0, NULL, &task[i]));
		args = daos_task_get_args(task[i]);
		args->oh = object;
		args->dkey = &calls[i].dkey;
		args->nr = 1;
		args->iods = &calls[i].iod;
		args->sgls = &calls[i].sgl;
		tse_task_addref(task[i]);
		OK(tse_task_schedule(task[i], i % 2 == 0));
	}
	tse_sched_complete(&sched, 0, true);
	for (i = 0; i < CALLS; i++) {
		TRUE(task[i]->dt_result == 0 || task[i]->dt_result == -DER_CANCELED);
		if (i % 2 == 1)
			TRUE(task[i]->dt_result == -DER_CANCELED);
		tse_task_decref(task[i]);
		free(calls[i].bytes);
	}
}

static void
wrong_states(daos_handle_t object)
{
	struct call call;
	daos_event_t event;
	bool flag;

	memset(&event, 0, sizeof(event));
	EXPECT(daos_event_abort(NULL), -DER_INVAL);
	EXPECT(daos_event_abort(&event), -DER_INVAL);
	prepare(&call, 1);
	OK(daos_event_init(&call.event, DAOS_HDL_INVAL, NULL));
	EXPECT(daos_event_abort(&call.event), -DER_NO_PERM);
	OK(daos_obj_update(object, none, 0, &call.dkey, 1, &call.iod, &call.sgl, &call.event));
	OK(daos_event_test(&call.event, DAOS_EQ_WAIT, &flag));
	EXPECT(daos_event_abort(&call.event), -DER_NO_PERM);
	TRUE(flag && call.event.ev_error == 0);
	OK(daos_event_fini(&call.event));
	EXPECT(daos_event_abort(&call.event), -DER_NO_PERM);
	free(call.bytes);
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container, object;
	struct call call;
	int i, aborted = 0;

	TRUE(argc == 3);
	open_container(argv[1], argv[2], &pool, &container);
	object = open_object(container, 40, 0, OC_SX);
	wrong_states(object);
	/* A call may end before it can be aborted, but not all of them, always. */
	for (i = 0; i < ROUNDS_MAX && aborted == 0; i++)
		aborted += round_of_aborts(object, false);
	TRUE(aborted > 0);
	for (i = 0; i < 3; i++)
		round_of_aborts(object, true);
	under_a_parent(object);
	a_parent_with_a_call(container);
	tasks(object);
	/* All is well. */
	prepare(&call, 99);
	OK(daos_obj_update(object, none, 0, &call.dkey, 1, &call.iod, &call.sgl, NULL));
	memset(call.bytes, 0, LENGTH);
	OK(daos_obj_fetch(object, none, 0, &call.dkey, 1, &call.iod, &call.sgl, NULL, NULL));
	TRUE(call.bytes[0] == 99 && call.bytes[LENGTH - 1] == 99);
	free(call.bytes);
	OK(daos_obj_close(object, NULL));
	close_container(pool, container);
	return 0;
}
