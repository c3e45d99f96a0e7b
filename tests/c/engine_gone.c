/* The engine is killed while calls run: each returns, by success on the next engine or with an error; what was acknowledged
 * is there afterwards; memory of the caller is not touched after a call has returned.
 *
 * run: {pool} {container}
 * skip: inside there is no engine process to kill
 */
#include <pthread.h>
#include <unistd.h>

#include "engine.h"

#define KILLS 5
#define EVENTS 50
#define LARGE (1 << 20)

static const daos_handle_t none = {0};
static int kills;

static void
kill_and_count(void)
{
	if (kill_engine())
		__atomic_add_fetch(&kills, 1, __ATOMIC_SEQ_CST);
}

/* Between two calls: the handles go on by themselves. */
static void
between_calls(daos_handle_t object)
{
	uint64_t value = 11, found = 0;
	size_t size;

	OK(put_at(object, 1, &value, sizeof(value)));
	kill_and_count();
	TRUE(kills == 1);
	OK(get_at(object, none, 1, &found, sizeof(found), &size));
	TRUE(size == sizeof(found) && found == value);
	kill_and_count();
	value = 12;
	OK(put_at(object, 1, &value, sizeof(value)));
	OK(get_at(object, none, 1, &found, sizeof(found), &size));
	TRUE(found == value);
}

struct writer {
	daos_handle_t object;
	int stop, acknowledged, failed;
	unsigned char *large;
};

/* Writes one value after the other, large and small ones, and reads some back, until told to stop. */
static void *
write_on(void *arg)
{
	struct writer *writer = arg;
	daos_epoch_t epoch;
	uint64_t number;
	size_t size;

	for (number = 100; !__atomic_load_n(&writer->stop, __ATOMIC_SEQ_CST); number++) {
		size_t length = number % 4 == 0 ? LARGE : sizeof(number);
		int rc;

		memcpy(writer->large, &number, sizeof(number));
		rc = put_at(writer->object, number, writer->large, length);
		if (rc != 0) {
			/* Whether it was written is not known; it is written again. */
			writer->failed++;
			number--;
			continue;
		}
		writer->acknowledged = (int)(number - 99);
		memset(writer->large, 0xee, LARGE);
		rc = get_at(writer->object, none, number, writer->large, LARGE, &size);
		if (rc == 0) {
			TRUE(size == length && memcmp(writer->large, &number, sizeof(number)) == 0);
		} else {
			/* Nothing comes in after the call has returned. */
			memset(writer->large, 0xdd, LARGE);
			(void)daos_obj_query_max_epoch(writer->object, none, &epoch, NULL);
			for (size = 0; size < LARGE; size++)
				TRUE(writer->large[size] == 0xdd);
			writer->failed++;
		}
	}
	return NULL;
}

static void
during_calls(daos_handle_t object)
{
	struct writer writer = {.object = object, .large = calloc(1, LARGE)};
	pthread_t thread;
	uint64_t number, found;
	size_t size;
	int before = kills, i;

	TRUE(writer.large != NULL);
	TRUE(pthread_create(&thread, NULL, write_on, &writer) == 0);
	while (kills < before + KILLS) {
		usleep(300000);
		kill_and_count();
	}
	__atomic_store_n(&writer.stop, 1, __ATOMIC_SEQ_CST);
	TRUE(pthread_join(thread, NULL) == 0);
	printf("%d values acknowledged, %d calls failed, %d engines killed\n", writer.acknowledged, writer.failed,
	       kills - before);
	TRUE(writer.acknowledged > 0);
	for (i = 0; i < writer.acknowledged; i++) {
		number = 100 + i;
		memset(writer.large, 0, LARGE);
		OK(get_at(object, none, number, writer.large, LARGE, &size));
		memcpy(&found, writer.large, sizeof(found));
		TRUE(size == (number % 4 == 0 ? LARGE : sizeof(number)) && found == number);
	}
	free(writer.large);
}

struct call {
	daos_event_t event;
	uint64_t number;
	daos_key_t dkey;
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;
};

/* Every event completes, whatever comes of its call. */
static void
with_events(daos_handle_t object)
{
	static struct call calls[EVENTS];
	daos_event_t *polled[EVENTS];
	daos_handle_t queue;
	uint64_t found;
	size_t size;
	int i, count, completed = 0, failed = 0;

	OK(daos_eq_create(&queue));
	for (i = 0; i < EVENTS; i++) {
		calls[i].number = 1000000 + i;
		d_iov_set(&calls[i].dkey, &calls[i].number, sizeof(calls[i].number));
		single(&calls[i].iod, &calls[i].sgl, &calls[i].iov, "a", &calls[i].number, sizeof(calls[i].number));
		OK(daos_event_init(&calls[i].event, queue, NULL));
		OK(daos_obj_update(object, none, 0, &calls[i].dkey, 1, &calls[i].iod, &calls[i].sgl, &calls[i].event));
		if (i == EVENTS / 2)
			kill_and_count();
	}
	while (completed < EVENTS) {
		count = daos_eq_poll(queue, 1, DAOS_EQ_WAIT, EVENTS, polled);
		TRUE(count > 0);
		completed += count;
	}
	for (i = 0; i < EVENTS; i++) {
		if (calls[i].event.ev_error == 0) {
			OK(get_at(object, none, calls[i].number, &found, sizeof(found), &size));
			TRUE(size == sizeof(found) && found == calls[i].number);
		} else {
			failed++;
		}
		OK(daos_event_fini(&calls[i].event));
	}
	OK(daos_eq_destroy(queue, 0));
	printf("%d of %d calls with events failed\n", failed, EVENTS);
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container, object;

	if (argc < 3)
		return 2;
	open_container(argv[1], argv[2], &pool, &container);
	object = open_object(container, 80, DAOS_OT_DKEY_UINT64, OC_SX);
	between_calls(object);
	during_calls(object);
	with_events(object);
	/* Handles close also when their engine has gone. */
	kill_and_count();
	OK(daos_obj_close(object, NULL));
	close_container(pool, container);
	puts("done");
	return 0;
}
