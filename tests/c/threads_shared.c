/* Sixty-four threads in one process: with objects and queues of their own, with one object and one queue for all, and
 * against each other: one handle closed by two, one event used by two, a queue destroyed under those who poll it.
 *
 * run: {pool} {container}
 */
#include <pthread.h>

#include "call.h"

#define THREADS 64
#define ROUNDS 6
#define RIVALS 4
#define CONTESTS 20

static const daos_handle_t none = {0};
static daos_handle_t container, shared_object, shared_queue;
static pthread_barrier_t all, rivals;

/* All events that a thread has in a queue of its own. */
static void
own_queue(daos_handle_t object, uint64_t own)
{
	struct call calls[ROUNDS];
	daos_event_t *polled[ROUNDS];
	daos_handle_t queue;
	int i, count, done = 0;

	OK(daos_eq_create(&queue));
	for (i = 0; i < ROUNDS; i++) {
		prepare(&calls[i], ROUNDS + i, own + i);
		OK(daos_event_init(&calls[i].event, queue, NULL));
		OK(update(object, &calls[i], &calls[i].event));
	}
	while (done < ROUNDS) {
		count = daos_eq_poll(queue, 1, DAOS_EQ_WAIT, ROUNDS, polled);
		TRUE(count > 0);
		for (i = 0; i < count; i++) {
			/* Nobody else's. */
			TRUE((char *)polled[i] >= (char *)calls && (char *)polled[i] < (char *)(calls + ROUNDS));
			OK(polled[i]->ev_error);
			OK(daos_event_fini(polled[i]));
		}
		done += count;
	}
	OK(daos_eq_destroy(queue, 0));
}

static int taken;

static void
take(int64_t timeout)
{
	daos_event_t *polled[4];
	int i, count = daos_eq_poll(shared_queue, 0, timeout, 4, polled);

	TRUE(count >= 0);
	for (i = 0; i < count; i++) {
		OK(polled[i]->ev_error);
		OK(daos_event_fini(polled[i]));
	}
	__atomic_add_fetch(&taken, count, __ATOMIC_SEQ_CST);
}

static void *
work(void *arg)
{
	uint64_t own = (uint64_t)(uintptr_t)arg, found;
	daos_handle_t object = open_object(container, 2000 + own, DAOS_OT_DKEY_UINT64, OC_SX);
	struct call call, *calls = calloc(ROUNDS, sizeof(*calls));
	size_t size;
	int i;

	TRUE(calls != NULL);
	pthread_barrier_wait(&all);
	for (i = 0; i < ROUNDS; i++) {
		prepare(&call, i, own * 100 + i);
		OK(update(object, &call, NULL));
		/* Of the shared object, each thread has keys of its own. */
		prepare(&calls[i], own * ROUNDS + i, own * 1000 + i);
		OK(daos_event_init(&calls[i].event, shared_queue, NULL));
		OK(update(shared_object, &calls[i], &calls[i].event));
	}
	own_queue(object, own * 200);
	while (__atomic_load_n(&taken, __ATOMIC_SEQ_CST) < THREADS * ROUNDS)
		take(1000);
	for (i = 0; i < ROUNDS; i++) {
		OK(get_at(object, none, i, &found, sizeof(found), &size));
		TRUE(size == sizeof(found) && found == own * 100 + i);
		OK(get_at(object, none, ROUNDS + i, &found, sizeof(found), &size));
		TRUE(size == sizeof(found) && found == own * 200 + i);
		/* What the neighbour has written. */
		OK(get_at(shared_object, none, (own + 1) % THREADS * ROUNDS + i, &found, sizeof(found), &size));
		TRUE(size == sizeof(found) && found == (own + 1) % THREADS * 1000 + i);
	}
	OK(daos_obj_close(object, NULL));
	free(calls);
	return NULL;
}

/* What the rivals fight for in a contest: the first of them prepares it. */
static struct {
	daos_handle_t object, closing, queue, transaction;
	struct call call;
	daos_event_t event, idle;
	int closed, started, committed, ended, destroyed;
} contest;

static void
begin_contest(uint64_t number)
{
	memset(&contest, 0, sizeof(contest));
	contest.object = open_object(container, 3000 + number, DAOS_OT_DKEY_UINT64, OC_S1);
	contest.closing = open_object(container, 3000 + number, DAOS_OT_DKEY_UINT64, OC_S1);
	OK(daos_eq_create(&contest.queue));
	OK(daos_tx_open(container, &contest.transaction, 0, NULL));
	OK(daos_event_init(&contest.event, DAOS_HDL_INVAL, NULL));
	OK(daos_event_init(&contest.idle, contest.queue, NULL));
	prepare(&contest.call, number, number);
}

/* One of several gets it; the others get an error that says so. */
static void
one_of(int rc, int *count, int lost, int also)
{
	if (rc == 0)
		__atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST);
	else
		TRUE(rc == lost || rc == also);
}

static void *
fight(void *arg)
{
	bool is_first = arg == NULL, flag;
	struct call mine;
	daos_event_t *polled[1];
	int round, rc;

	for (round = 0; round < CONTESTS; round++) {
		if (is_first)
			begin_contest(round);
		pthread_barrier_wait(&rivals);
		/* One event for two calls: the second is refused until the first was tested. */
		one_of(update(contest.object, &contest.call, &contest.event), &contest.started, -DER_BUSY, -DER_BUSY);
		/* A handle in use while another thread closes it. */
		prepare(&mine, 100 + round, round);
		rc = update(contest.closing, &mine, NULL);
		TRUE(rc == 0 || rc == -DER_NO_HDL);
		one_of(daos_obj_close(contest.closing, NULL), &contest.closed, -DER_NO_HDL, -DER_NO_HDL);
		/* A transaction that ends under the others. */
		rc = daos_obj_update(contest.object, contest.transaction, 0, &mine.dkey, 1, &mine.iod, &mine.sgl, NULL);
		TRUE(rc == 0 || rc == -DER_NO_HDL || rc == -DER_NO_PERM || rc == -DER_BUSY);
		one_of(daos_tx_commit(contest.transaction, NULL), &contest.committed, -DER_INPROGRESS, -DER_ALREADY);
		pthread_barrier_wait(&rivals);
		one_of(daos_tx_close(contest.transaction, NULL), &contest.ended, -DER_NO_HDL, -DER_NO_HDL);
		/* A queue that ends while others look into it, and an event whose use ends: that can be told more than once. */
		rc = daos_eq_poll(contest.queue, 0, is_first ? DAOS_EQ_NOWAIT : 500, 1, polled);
		TRUE(rc == 0 || rc == -DER_NO_HDL);
		OK(daos_event_fini(&contest.idle));
		one_of(daos_eq_destroy(contest.queue, 0), &contest.destroyed, -DER_NO_HDL, -DER_NO_HDL);
		/* All may wait for the one event. */
		OK(daos_event_test(&contest.event, DAOS_EQ_WAIT, &flag));
		TRUE(flag);
		pthread_barrier_wait(&rivals);
		if (is_first) {
			TRUE(contest.started == 1 && contest.closed == 1 && contest.destroyed == 1);
			TRUE(contest.ended == 1 && contest.committed <= 1);
			OK(contest.event.ev_error);
			OK(daos_event_fini(&contest.event));
			OK(daos_obj_close(contest.object, NULL));
		}
	}
	return NULL;
}

static void
run(pthread_t *threads, int count, void *(*function)(void *))
{
	uintptr_t i;

	for (i = 0; i < (uintptr_t)count; i++)
		TRUE(pthread_create(&threads[i], NULL, function, (void *)i) == 0);
	for (i = 0; i < (uintptr_t)count; i++)
		TRUE(pthread_join(threads[i], NULL) == 0);
}

int
main(int argc, char **argv)
{
	daos_handle_t pool;
	pthread_t threads[THREADS];

	TRUE(argc == 3);
	open_container(argv[1], argv[2], &pool, &container);
	shared_object = open_object(container, 1999, DAOS_OT_DKEY_UINT64, OC_SX);
	OK(daos_eq_create(&shared_queue));
	TRUE(pthread_barrier_init(&all, NULL, THREADS) == 0 && pthread_barrier_init(&rivals, NULL, RIVALS) == 0);
	run(threads, THREADS, work);
	TRUE(taken == THREADS * ROUNDS);
	run(threads, RIVALS, fight);
	TRUE(pthread_barrier_destroy(&all) == 0 && pthread_barrier_destroy(&rivals) == 0);
	OK(daos_eq_destroy(shared_queue, 0));
	OK(daos_obj_close(shared_object, NULL));
	close_container(pool, container);
	puts("done");
	return 0;
}
