/* Sixteen threads with objects of their own, calls that wait and calls with events, and one queue for all of them.
 *
 * run: {pool} {container}
 */
#include <pthread.h>

#include "call.h"

#define THREADS 16
#define ROUNDS 50
#define EVENTS 20

static daos_handle_t container, queue;
static int polled;

/* Takes what has completed, whoever has made the call. */
static void
take(int64_t timeout)
{
	daos_event_t *events[8];
	int i, count = daos_eq_poll(queue, 0, timeout, 8, events);

	TRUE(count >= 0);
	for (i = 0; i < count; i++) {
		TRUE(events[i]->ev_error == 0);
		OK(daos_event_fini(events[i]));
	}
	__atomic_add_fetch(&polled, count, __ATOMIC_SEQ_CST);
}

static void *
work(void *arg)
{
	uint64_t own = (uint64_t)(uintptr_t)arg;
	daos_handle_t object = open_object(container, 1000 + own, DAOS_OT_DKEY_UINT64, OC_SX);
	struct call *calls = calloc(EVENTS, sizeof(*calls)), call;
	int i;

	TRUE(calls != NULL);
	for (i = 0; i < ROUNDS; i++) {
		prepare(&call, (uint64_t)i, own * 1000000 + i);
		OK(update(object, &call, NULL));
	}
	for (i = 0; i < EVENTS; i++) {
		prepare(&calls[i], ROUNDS + i, own * 2000000 + i);
		OK(daos_event_init(&calls[i].event, queue, NULL));
		OK(update(object, &calls[i], &calls[i].event));
		take(DAOS_EQ_NOWAIT);
	}
	for (i = 0; i < ROUNDS; i++) {
		prepare(&call, (uint64_t)i, 0);
		OK(fetch(object, &call, NULL));
		TRUE(call.value == own * 1000000 + i);
	}
	while (__atomic_load_n(&polled, __ATOMIC_SEQ_CST) < THREADS * EVENTS)
		take(1000);
	for (i = 0; i < EVENTS; i++) {
		prepare(&call, ROUNDS + i, 0);
		OK(fetch(object, &call, NULL));
		TRUE(call.value == own * 2000000 + i);
	}
	free(calls);
	OK(daos_obj_close(object, NULL));
	return NULL;
}

int
main(int argc, char **argv)
{
	daos_handle_t pool;
	pthread_t threads[THREADS];
	uintptr_t i;

	if (argc < 3)
		return 2;
	open_container(argv[1], argv[2], &pool, &container);
	OK(daos_eq_create(&queue));
	for (i = 0; i < THREADS; i++)
		TRUE(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
	for (i = 0; i < THREADS; i++)
		TRUE(pthread_join(threads[i], NULL) == 0);
	TRUE(polled == THREADS * EVENTS);
	OK(daos_eq_destroy(queue, 0));
	close_container(pool, container);
	puts("done");
	return 0;
}
