/* Events: alone, in a queue, with a callback, under a parent.
 *
 * run: {pool} {container}
 */
#include "check.h"

#define EVENTS 32

static const daos_handle_t none = {0};

struct call {
	daos_event_t event;
	daos_key_t dkey;
	char name[16];
	uint64_t value;
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;
};

static void
prepare(struct call *call, int number)
{
	snprintf(call->name, sizeof(call->name), "%d", number);
	call->dkey = key_of(call->name);
	call->value = number;
	single(&call->iod, &call->sgl, &call->iov, "a", &call->value, sizeof(call->value));
}

static void
update(daos_handle_t object, struct call *call)
{
	OK(daos_obj_update(object, none, 0, &call->dkey, 1, &call->iod, &call->sgl, &call->event));
}

/* An event without a queue is tested until it has completed. */
static void
alone(daos_handle_t object)
{
	struct call call;
	bool flag = false;

	prepare(&call, 1);
	OK(daos_event_init(&call.event, DAOS_HDL_INVAL, NULL));
	OK(daos_event_test(&call.event, DAOS_EQ_NOWAIT, &flag));
	TRUE(flag);
	update(object, &call);
	EXPECT(daos_obj_update(object, none, 0, &call.dkey, 1, &call.iod, &call.sgl, &call.event), -DER_BUSY);
	OK(daos_event_test(&call.event, DAOS_EQ_WAIT, &flag));
	TRUE(flag && call.event.ev_error == 0);
	/* It can be used again; what fails is told by the event. */
	OK(daos_obj_update(object, none, DAOS_COND_DKEY_INSERT, &call.dkey, 1, &call.iod, &call.sgl, &call.event));
	OK(daos_event_test(&call.event, DAOS_EQ_WAIT, &flag));
	TRUE(flag && call.event.ev_error == -DER_EXIST);
	OK(daos_event_fini(&call.event));
}

static int
count_completion(void *arg, daos_event_t *ev, int ret)
{
	TRUE(ev != NULL && ret == 0);
	++*(int *)arg;
	return 0;
}

static void
queue(daos_handle_t object)
{
	static struct call calls[EVENTS];
	daos_event_t *polled[EVENTS];
	daos_handle_t queue;
	int i, completed = 0, called = 0;

	OK(daos_eq_create(&queue));
	for (i = 0; i < EVENTS; i++) {
		prepare(&calls[i], i);
		OK(daos_event_init(&calls[i].event, queue, NULL));
		OK(daos_event_register_comp_cb(&calls[i].event, count_completion, &called));
		update(object, &calls[i]);
	}
	TRUE(daos_eq_query(queue, DAOS_EQR_ALL, 0, NULL) == EVENTS);
	while (completed < EVENTS) {
		int count = daos_eq_poll(queue, 1, DAOS_EQ_WAIT, EVENTS, polled);

		TRUE(count > 0);
		for (i = 0; i < count; i++)
			TRUE(polled[i]->ev_error == 0);
		completed += count;
	}
	TRUE(completed == EVENTS && called == EVENTS);
	TRUE(daos_eq_poll(queue, 1, DAOS_EQ_WAIT, EVENTS, polled) == 0);
	TRUE(daos_eq_query(queue, DAOS_EQR_ALL, 0, NULL) == 0);

	/* The values can be read back by the same events. */
	for (i = 0; i < EVENTS; i++) {
		calls[i].value = ~0ULL;
		OK(daos_obj_fetch(object, none, 0, &calls[i].dkey, 1, &calls[i].iod, &calls[i].sgl, NULL,
				  &calls[i].event));
	}
	for (completed = 0; completed < EVENTS;)
		completed += daos_eq_poll(queue, 1, DAOS_EQ_WAIT, EVENTS, polled);
	for (i = 0; i < EVENTS; i++) {
		TRUE(calls[i].value == (uint64_t)i);
		OK(daos_event_fini(&calls[i].event));
	}
	OK(daos_eq_destroy(queue, 0));
}

static void
parent(daos_handle_t object)
{
	static struct call calls[EVENTS];
	daos_event_t parent, *child;
	bool flag = false;
	int i, count = 0;

	OK(daos_event_init(&parent, DAOS_HDL_INVAL, NULL));
	for (i = 0; i < EVENTS; i++) {
		prepare(&calls[i], i);
		OK(daos_event_init(&calls[i].event, DAOS_HDL_INVAL, &parent));
		update(object, &calls[i]);
	}
	for (child = daos_event_next(&parent, NULL); child != NULL; child = daos_event_next(&parent, child))
		count++;
	TRUE(count == EVENTS);
	EXPECT(daos_event_fini(&parent), -DER_BUSY);
	OK(daos_event_parent_barrier(&parent));
	OK(daos_event_test(&parent, DAOS_EQ_WAIT, &flag));
	TRUE(flag && parent.ev_error == 0);
	for (i = 0; i < EVENTS; i++)
		OK(daos_event_fini(&calls[i].event));
	OK(daos_event_fini(&parent));
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container, object;

	if (argc < 3)
		return 2;
	open_container(argv[1], argv[2], &pool, &container);
	object = open_object(container, 30, DAOS_OT_MULTI_HASHED, OC_SX);
	alone(object);
	queue(object);
	parent(object);
	OK(daos_obj_close(object, NULL));
	close_container(pool, container);
	puts("done");
	return 0;
}
