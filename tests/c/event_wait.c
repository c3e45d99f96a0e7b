/* Events and queues in every state and every way to wait: what is found at once, what is waited for in vain, what another
 * thread brings, what is taken off by whom.
 *
 * A subscription to snapshots is a call that runs until it is aborted, so that "running" is not a matter of luck.
 *
 * run: {pool} {container}
 */
#include <pthread.h>
#include <time.h>

#include "call.h"

#define SHORT_US 2000

static daos_handle_t container, object;

static void
subscribe(daos_event_t *event)
{
	static daos_epoch_t epoch;

	OK(daos_cont_subscribe(container, &epoch, event));
}

static int64_t
microseconds(void)
{
	struct timespec now;

	TRUE(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The states of an event without a queue, by test. */
static void
states(void)
{
	daos_event_t event;
	bool flag = true;
	int64_t start;

	memset(&event, 0, sizeof(event));
	EXPECT(daos_event_test(&event, DAOS_EQ_NOWAIT, &flag), -DER_INVAL);
	EXPECT(daos_event_test(NULL, DAOS_EQ_NOWAIT, &flag), -DER_INVAL);
	OK(daos_event_init(&event, DAOS_HDL_INVAL, NULL));
	EXPECT(daos_event_test(&event, DAOS_EQ_WAIT, NULL), -DER_INVAL);
	/* Ready: nothing to wait for. */
	flag = false;
	OK(daos_event_test(&event, DAOS_EQ_WAIT, &flag));
	TRUE(flag);
	/* Running. */
	subscribe(&event);
	OK(daos_event_test(&event, DAOS_EQ_NOWAIT, &flag));
	TRUE(!flag);
	start = microseconds();
	OK(daos_event_test(&event, SHORT_US, &flag));
	TRUE(!flag && microseconds() - start >= SHORT_US);
	EXPECT(daos_cont_query(container, NULL, NULL, &event), -DER_BUSY);
	EXPECT(daos_event_init(&event, DAOS_HDL_INVAL, NULL), -DER_BUSY);
	EXPECT(daos_event_fini(&event), -DER_BUSY);
	EXPECT(daos_event_parent_barrier(&event), -DER_INVAL);
	/* Completed, and known to nobody yet: it cannot be used before it was tested. */
	OK(daos_event_abort(&event));
	while (event.ev_error == 0)
		OK(daos_cont_query(container, NULL, NULL, NULL));
	EXPECT(daos_cont_query(container, NULL, NULL, &event), -DER_BUSY);
	OK(daos_event_test(&event, DAOS_EQ_NOWAIT, &flag));
	TRUE(flag && event.ev_error == -DER_CANCELED);
	/* Ready again. */
	OK(daos_cont_query(container, NULL, NULL, &event));
	OK(daos_event_test(&event, DAOS_EQ_WAIT, &flag));
	TRUE(flag && event.ev_error == 0);
	/* An end can be told again, and what is left is an event of no queue. */
	OK(daos_event_fini(&event));
	OK(daos_event_fini(&event));
	OK(daos_cont_query(container, NULL, NULL, &event));
	OK(daos_event_test(&event, DAOS_EQ_WAIT, &flag));
	TRUE(flag && event.ev_error == 0);
	OK(daos_event_fini(&event));
}

/* Nothing runs: each way to wait but one comes back. */
static void
empty_queue(void)
{
	daos_event_t *polled[1];
	daos_handle_t queue;
	int64_t start;

	OK(daos_eq_create(&queue));
	EXPECT(daos_eq_poll(queue, 0, DAOS_EQ_NOWAIT, 1, polled), 0);
	EXPECT(daos_eq_poll(queue, 1, DAOS_EQ_NOWAIT, 1, polled), 0);
	EXPECT(daos_eq_poll(queue, 1, DAOS_EQ_WAIT, 1, polled), 0);
	EXPECT(daos_eq_poll(queue, 1, 3600LL * 1000000, 1, polled), 0);
	start = microseconds();
	EXPECT(daos_eq_poll(queue, 0, SHORT_US, 1, polled), 0);
	TRUE(microseconds() - start >= SHORT_US);
	OK(daos_eq_destroy(queue, 0));
}

/* Something runs and does not end. */
static void
running_queue(void)
{
	daos_event_t event, *polled[2];
	daos_handle_t queue;
	int64_t start;
	bool flag;

	OK(daos_eq_create(&queue));
	OK(daos_event_init(&event, queue, NULL));
	subscribe(&event);
	EXPECT(daos_eq_poll(queue, 0, DAOS_EQ_NOWAIT, 2, polled), 0);
	EXPECT(daos_eq_poll(queue, 1, DAOS_EQ_NOWAIT, 2, polled), 0);
	start = microseconds();
	EXPECT(daos_eq_poll(queue, 1, SHORT_US, 2, polled), 0);
	TRUE(microseconds() - start >= SHORT_US);
	TRUE(daos_eq_query(queue, DAOS_EQR_WAITING, 2, polled) == 1 && polled[0] == &event);
	TRUE(daos_eq_query(queue, DAOS_EQR_COMPLETED, 2, polled) == 0);
	OK(daos_event_abort(&event));
	EXPECT(daos_eq_poll(queue, 1, DAOS_EQ_WAIT, 2, polled), 1);
	TRUE(polled[0] == &event && event.ev_error == -DER_CANCELED);
	/* What was polled is ready, and is found nowhere. */
	OK(daos_event_test(&event, DAOS_EQ_NOWAIT, &flag));
	TRUE(flag && daos_eq_query(queue, DAOS_EQR_ALL, 2, polled) == 0);
	OK(daos_event_fini(&event));
	OK(daos_eq_destroy(queue, 0));
}

/* Who takes a completion: poll a part of them in their order, test one of them, end the use of one. */
static void
taken_once(void)
{
	enum { CALLS = 8 };
	static struct call calls[CALLS];
	daos_event_t *polled[CALLS], *listed[CALLS];
	daos_handle_t queue;
	bool flag;
	int i;

	OK(daos_eq_create(&queue));
	for (i = 0; i < CALLS; i++) {
		OK(daos_event_init(&calls[i].event, queue, NULL));
		prepare(&calls[i], i, i);
		OK(update(object, &calls[i], &calls[i].event));
	}
	/* Any call that waits lets the others go on. */
	while (daos_eq_query(queue, DAOS_EQR_COMPLETED, 0, NULL) < CALLS)
		OK(daos_cont_query(container, NULL, NULL, NULL));
	TRUE(daos_eq_query(queue, DAOS_EQR_WAITING, 0, NULL) == 0);
	TRUE(daos_eq_query(queue, DAOS_EQR_ALL, CALLS, listed) == CALLS);
	EXPECT(daos_eq_destroy(queue, 0), -DER_BUSY);
	EXPECT(daos_eq_poll(queue, 0, DAOS_EQ_WAIT, 1, polled), 1);
	EXPECT(daos_eq_poll(queue, 1, DAOS_EQ_WAIT, 3, polled + 1), 3);
	for (i = 0; i < 4; i++)
		TRUE(polled[i] == listed[i]);
	OK(daos_event_test(listed[4], DAOS_EQ_NOWAIT, &flag));
	TRUE(flag);
	OK(daos_event_fini(listed[5]));
	EXPECT(daos_eq_poll(queue, 0, DAOS_EQ_NOWAIT, CALLS, polled), 2);
	TRUE(polled[0] == listed[6] && polled[1] == listed[7]);
	EXPECT(daos_eq_poll(queue, 0, DAOS_EQ_NOWAIT, CALLS, polled), 0);
	for (i = 0; i < CALLS; i++)
		OK(daos_event_fini(&calls[i].event));
	OK(daos_eq_destroy(queue, 0));
}

static daos_handle_t awaited;
static int waits;

/* Waits without a limit for what another thread will do. */
static void *
wait_for_it(void *arg)
{
	daos_event_t *polled[1];

	__atomic_add_fetch(&waits, 1, __ATOMIC_SEQ_CST);
	*(int *)arg = daos_eq_poll(awaited, 0, DAOS_EQ_WAIT, 1, polled);
	return NULL;
}

/* A completion that comes from another thread, and the end of the queue. */
static void
from_another_thread(void)
{
	static struct call call;
	pthread_t threads[2];
	int got[2], i;

	OK(daos_eq_create(&awaited));
	for (i = 0; i < 2; i++)
		TRUE(pthread_create(&threads[i], NULL, wait_for_it, &got[i]) == 0);
	while (__atomic_load_n(&waits, __ATOMIC_SEQ_CST) < 2)
		;
	OK(daos_event_init(&call.event, awaited, NULL));
	prepare(&call, 50, 50);
	OK(update(object, &call, &call.event));
	/* One of the two gets it; the other one learns that the queue is gone. */
	while (daos_eq_query(awaited, DAOS_EQR_ALL, 0, NULL) > 0)
		OK(daos_cont_query(container, NULL, NULL, NULL));
	OK(daos_eq_destroy(awaited, 0));
	for (i = 0; i < 2; i++)
		TRUE(pthread_join(threads[i], NULL) == 0);
	TRUE((got[0] == 1 && got[1] == -DER_NO_HDL) || (got[0] == -DER_NO_HDL && got[1] == 1));
	OK(daos_event_fini(&call.event));
}

/* Parents: in a queue, with children that run or do not, and one within the other. */
static void
parents(void)
{
	daos_event_t parent, child[2], grandchild, *polled[3];
	daos_handle_t queue;
	bool flag;

	OK(daos_eq_create(&queue));
	OK(daos_event_init(&parent, queue, NULL));
	EXPECT(daos_event_init(&parent, queue, &parent), -DER_INVAL);
	EXPECT(daos_event_parent_barrier(&parent), -DER_INVAL);
	OK(daos_event_init(&child[0], queue, &parent));
	OK(daos_event_init(&child[1], DAOS_HDL_INVAL, &parent));
	EXPECT(daos_event_init(&grandchild, DAOS_HDL_INVAL, &child[0]), -DER_INVAL);
	EXPECT(daos_event_parent_barrier(&child[0]), -DER_INVAL);
	/* No child runs: the parent has completed at once. */
	OK(daos_event_parent_barrier(&parent));
	EXPECT(daos_event_parent_barrier(&parent), -DER_BUSY);
	EXPECT(daos_eq_poll(queue, 1, DAOS_EQ_WAIT, 3, polled), 1);
	TRUE(polled[0] == &parent && parent.ev_error == 0);
	/* One runs: so does the parent, and the queue has the parent alone. */
	subscribe(&child[0]);
	OK(daos_event_parent_barrier(&parent));
	OK(daos_event_test(&parent, DAOS_EQ_NOWAIT, &flag));
	TRUE(!flag);
	EXPECT(daos_event_parent_barrier(&parent), -DER_BUSY);
	EXPECT(daos_event_init(&grandchild, DAOS_HDL_INVAL, &parent), -DER_INVAL);
	EXPECT(daos_event_fini(&parent), -DER_BUSY);
	TRUE(daos_eq_query(queue, DAOS_EQR_ALL, 3, polled) == 1 && polled[0] == &parent);
	/* A child that starts behind the barrier is waited for, too. */
	subscribe(&child[1]);
	OK(daos_event_abort(&child[0]));
	OK(daos_event_test(&child[0], DAOS_EQ_WAIT, &flag));
	TRUE(flag && child[0].ev_error == -DER_CANCELED);
	EXPECT(daos_eq_poll(queue, 0, DAOS_EQ_NOWAIT, 3, polled), 0);
	OK(daos_event_abort(&parent));
	EXPECT(daos_eq_poll(queue, 1, DAOS_EQ_WAIT, 3, polled), 1);
	TRUE(polled[0] == &parent && parent.ev_error == -DER_CANCELED && child[1].ev_error == -DER_CANCELED);
	EXPECT(daos_event_fini(&parent), -DER_BUSY);
	/* A child that was not tested is completed: its use can end. */
	OK(daos_event_fini(&child[1]));
	OK(daos_event_fini(&child[0]));
	OK(daos_event_fini(&parent));
	OK(daos_eq_destroy(queue, 0));
}

static int
count(void *arg, daos_event_t *ev, int ret)
{
	TRUE(ev != NULL);
	++*(int *)arg;
	return ret == 0 ? -DER_MISC : 0;
}

/* Callbacks: five at most, before the call, once, and what they give counts when the call has succeeded. */
static void
callbacks(void)
{
	daos_event_t event;
	int called = 0, i;
	bool flag;

	OK(daos_event_init(&event, DAOS_HDL_INVAL, NULL));
	EXPECT(daos_event_register_comp_cb(&event, NULL, NULL), -DER_INVAL);
	for (i = 0; i < 5; i++)
		OK(daos_event_register_comp_cb(&event, count, &called));
	EXPECT(daos_event_register_comp_cb(&event, count, &called), -DER_NOMEM);
	OK(daos_cont_query(container, NULL, NULL, &event));
	OK(daos_event_test(&event, DAOS_EQ_WAIT, &flag));
	TRUE(flag && called == 5 && event.ev_error == -DER_MISC);
	OK(daos_event_register_comp_cb(&event, count, &called));
	subscribe(&event);
	EXPECT(daos_event_register_comp_cb(&event, count, &called), -DER_INVAL);
	OK(daos_event_abort(&event));
	OK(daos_event_test(&event, DAOS_EQ_WAIT, &flag));
	TRUE(flag && called == 6 && event.ev_error == -DER_CANCELED);
	OK(daos_event_fini(&event));
}

int
main(int argc, char **argv)
{
	daos_handle_t pool;

	TRUE(argc == 3);
	open_container(argv[1], argv[2], &pool, &container);
	object = open_object(container, 45, DAOS_OT_DKEY_UINT64, OC_SX);
	states();
	empty_queue();
	running_queue();
	taken_once();
	from_another_thread();
	parents();
	callbacks();
	OK(daos_obj_close(object, NULL));
	close_container(pool, container);
	puts("done");
	return 0;
}
