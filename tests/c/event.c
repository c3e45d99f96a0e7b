/* Events: alone, in a queue, with callbacks that call, under a parent, thousands at once, and used wrongly.
 *
 * run: {pool} {container}
 */
#include "call.h"

#define EVENTS 32

static const daos_handle_t none = {0};

/* An event without a queue is tested until it has completed. */
static void
alone(daos_handle_t object)
{
	struct call call;
	bool flag = false;

	prepare(&call, 1, 1);
	OK(daos_event_init(&call.event, DAOS_HDL_INVAL, NULL));
	OK(daos_event_test(&call.event, DAOS_EQ_NOWAIT, &flag));
	TRUE(flag);
	OK(update(object, &call, &call.event));
	EXPECT(update(object, &call, &call.event), -DER_BUSY);
	OK(daos_event_test(&call.event, DAOS_EQ_WAIT, &flag));
	TRUE(flag && call.event.ev_error == 0);
	/* It can be used again; what fails is told by the event. */
	OK(update_with(object, DAOS_COND_DKEY_INSERT, &call, &call.event));
	OK(daos_event_test(&call.event, DAOS_EQ_WAIT, &flag));
	TRUE(flag && call.event.ev_error == -DER_EXIST);
	/* So is that a handle is not one. */
	OK(update(none, &call, &call.event));
	OK(daos_event_test(&call.event, DAOS_EQ_WAIT, &flag));
	TRUE(flag && call.event.ev_error == -DER_NO_HDL);
	EXPECT(update(none, &call, NULL), -DER_NO_HDL);
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
		prepare(&calls[i], i, i);
		OK(daos_event_init(&calls[i].event, queue, NULL));
		OK(daos_event_register_comp_cb(&calls[i].event, count_completion, &called));
		OK(update(object, &calls[i], &calls[i].event));
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
		OK(fetch(object, &calls[i], &calls[i].event));
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
		prepare(&calls[i], i, i);
		OK(daos_event_init(&calls[i].event, DAOS_HDL_INVAL, &parent));
		OK(update(object, &calls[i], &calls[i].event));
	}
	for (child = daos_event_next(&parent, NULL); child != NULL; child = daos_event_next(&parent, child))
		count++;
	TRUE(count == EVENTS);
	EXPECT(daos_event_fini(&parent), -DER_BUSY);
	OK(daos_event_parent_barrier(&parent));
	OK(daos_event_test(&parent, DAOS_EQ_WAIT, &flag));
	TRUE(flag && parent.ev_error == 0);

	/* The parent tells of a child that failed, also of one that had ended before the barrier. */
	OK(daos_event_test(&calls[3].event, DAOS_EQ_WAIT, &flag));
	OK(update_with(object, DAOS_COND_DKEY_INSERT, &calls[3], &calls[3].event));
	OK(daos_event_test(&calls[3].event, DAOS_EQ_WAIT, &flag));
	TRUE(flag && calls[3].event.ev_error == -DER_EXIST);
	OK(daos_event_parent_barrier(&parent));
	OK(daos_event_test(&parent, DAOS_EQ_WAIT, &flag));
	TRUE(flag && parent.ev_error == -DER_EXIST);
	for (i = 0; i < EVENTS; i++)
		OK(daos_event_fini(&calls[i].event));
	OK(daos_event_fini(&parent));
}

static daos_handle_t shared;

/* A callback may call the library, and also wait in it. */
static int
read_back(void *arg, daos_event_t *ev, int ret)
{
	struct call *call = arg, mine;

	TRUE(ev == &call->event && ret == 0);
	prepare(&mine, call->number, ~0ULL);
	OK(fetch(shared, &mine, NULL));
	TRUE(mine.value == call->value);
	EXPECT(daos_event_fini(ev), -DER_BUSY);
	call->value = 1000000;
	return 0;
}

static void
callbacks(daos_handle_t object)
{
	static struct call calls[EVENTS];
	bool flag;
	int i;

	shared = object;
	for (i = 0; i < EVENTS; i++) {
		prepare(&calls[i], i, i);
		OK(daos_event_init(&calls[i].event, DAOS_HDL_INVAL, NULL));
		OK(daos_event_register_comp_cb(&calls[i].event, read_back, &calls[i]));
		OK(update(object, &calls[i], &calls[i].event));
	}
	for (i = EVENTS - 1; i >= 0; i--) {
		OK(daos_event_test(&calls[i].event, DAOS_EQ_WAIT, &flag));
		TRUE(flag && calls[i].event.ev_error == 0 && calls[i].value == 1000000);
		OK(daos_event_fini(&calls[i].event));
	}
}

#define THOUSANDS 6000

/* More calls at once than any table of the library has places for. */
static void
thousands(daos_handle_t object)
{
	struct call *calls = calloc(THOUSANDS, sizeof(*calls));
	daos_event_t *polled[64];
	daos_handle_t queue;
	int i, count, completed = 0;

	TRUE(calls != NULL);
	OK(daos_eq_create(&queue));
	for (i = 0; i < THOUSANDS; i++) {
		prepare(&calls[i], i, i);
		OK(daos_event_init(&calls[i].event, queue, NULL));
		OK(update(object, &calls[i], &calls[i].event));
	}
	while (completed < THOUSANDS) {
		count = daos_eq_poll(queue, 1, DAOS_EQ_WAIT, 64, polled);
		TRUE(count > 0);
		for (i = 0; i < count; i++)
			TRUE(polled[i]->ev_error == 0);
		completed += count;
	}
	for (i = 0; i < THOUSANDS; i++)
		OK(daos_event_fini(&calls[i].event));
	OK(daos_eq_destroy(queue, 0));
	free(calls);
}

/* A queue that is destroyed by force: the calls go on, and their events are tested one by one. */
static void
destroyed_queue(daos_handle_t object)
{
	static struct call calls[2];
	daos_event_t *polled[1], *listed[2];
	daos_handle_t queue;
	bool flag = false;

	OK(daos_eq_create(&queue));
	prepare(&calls[0], 0, 0);
	prepare(&calls[1], 1, 1);
	OK(daos_event_init(&calls[0].event, queue, NULL));
	OK(daos_event_init(&calls[1].event, queue, NULL));
	EXPECT(daos_eq_poll(queue, 1, DAOS_EQ_WAIT, 1, polled), 0);
	EXPECT(daos_eq_poll(queue, 0, DAOS_EQ_NOWAIT, 1, polled), 0);
	EXPECT(daos_eq_poll(queue, 0, 1000, 1, polled), 0);
	OK(update(object, &calls[0], &calls[0].event));
	TRUE(daos_eq_query(queue, DAOS_EQR_ALL, 2, listed) == 1 && listed[0] == &calls[0].event);
	EXPECT(daos_event_init(&calls[0].event, queue, NULL), -DER_BUSY);
	EXPECT(daos_eq_destroy(queue, 0), -DER_BUSY);
	OK(daos_eq_destroy(queue, DAOS_EQ_DESTROY_FORCE));
	EXPECT(daos_eq_poll(queue, 0, 0, 1, polled), -DER_NO_HDL);
	EXPECT(update(object, &calls[1], &calls[1].event), -DER_NO_HDL);
	OK(daos_event_test(&calls[0].event, DAOS_EQ_WAIT, &flag));
	TRUE(flag && calls[0].event.ev_error == 0);
	OK(daos_event_fini(&calls[0].event));
	OK(daos_event_fini(&calls[1].event));
}

/* Upstream's tests go on with an event that they have finalised: its queue still gets the completion, which it did not. */
static void
finalised_event(daos_handle_t object)
{
	static struct call call;
	daos_event_t *polled[1];
	daos_handle_t queue;
	bool flag = false;

	OK(daos_eq_create(&queue));
	prepare(&call, 0, 0);
	OK(daos_event_init(&call.event, queue, NULL));
	OK(daos_event_fini(&call.event));
	OK(update(object, &call, &call.event));
	TRUE(daos_eq_poll(queue, 1, DAOS_EQ_WAIT, 1, polled) == 1);
	TRUE(polled[0] == &call.event && polled[0]->ev_error == 0);
	OK(daos_eq_destroy(queue, 0));
	/* Of a queue that is gone it is an event of none. */
	OK(daos_event_fini(&call.event));
	OK(update(object, &call, &call.event));
	OK(daos_event_test(&call.event, DAOS_EQ_WAIT, &flag));
	TRUE(flag && call.event.ev_error == 0);
	OK(daos_event_fini(&call.event));
}

/* A handle is not lost when the call that should close it is refused. */
static void
refused_close(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 31, DAOS_OT_MULTI_HASHED, OC_S1);
	daos_event_t event;
	bool flag = false;

	memset(&event, 0, sizeof(event));
	EXPECT(daos_obj_close(object, &event), -DER_INVAL);
	OK(daos_event_init(&event, DAOS_HDL_INVAL, NULL));
	OK(daos_obj_close(object, &event));
	OK(daos_event_test(&event, DAOS_EQ_WAIT, &flag));
	TRUE(flag && event.ev_error == 0);
	OK(daos_obj_close(object, &event));
	OK(daos_event_test(&event, DAOS_EQ_WAIT, &flag));
	TRUE(flag && event.ev_error == -DER_NO_HDL);
	OK(daos_event_fini(&event));
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
	callbacks(object);
	thousands(object);
	destroyed_queue(object);
	finalised_event(object);
	refused_close(container);
	OK(daos_obj_close(object, NULL));
	close_container(pool, container);
	puts("done");
	return 0;
}
