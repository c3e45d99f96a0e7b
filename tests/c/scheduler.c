/* Tasks of the program's own: what waits for what, callbacks, errors that are handed on, tasks that run again, references,
 * several schedulers, many threads, cancelling, lists, and wrong arguments.
 *
 * run:
 */
#include "check.h"

#include <pthread.h>

#include <daos/tse.h>
#include <daos_task.h>

#define MANY 2000
#define THREADS 8

static int order;

struct note {
	int before, body, after, result, again;
	int give;
};

static int
body(tse_task_t *task)
{
	struct note *note = tse_task_get_priv(task);

	note->body = ++order;
	tse_task_complete(task, note->give);
	return 0;
}

static int
before(tse_task_t *task, void *arg)
{
	struct note *note = *(struct note **)arg;

	TRUE(note == tse_task_get_priv(task));
	note->before = ++order;
	return 0;
}

static int
after(tse_task_t *task, void *arg)
{
	struct note *note = *(struct note **)arg;

	note->after = ++order;
	note->result = task->dt_result;
	return 0;
}

static tse_task_t *
make(tse_sched_t *sched, struct note *note)
{
	tse_task_t *task;

	memset(note, 0, sizeof(*note));
	OK(tse_task_create(body, sched, note, &task));
	OK(tse_task_register_cbs(task, before, &note, sizeof(note), after, &note, sizeof(note)));
	return task;
}

/* A diamond: one before two before one; the error of a middle one reaches the end, not the other one. */
static void
diamond(void)
{
	struct note notes[4];
	tse_task_t *tasks[4];
	tse_sched_t sched;
	int i;

	OK(tse_sched_init(&sched, NULL, &order));
	TRUE(sched.ds_udata == &order);
	for (i = 0; i < 4; i++)
		tasks[i] = make(&sched, &notes[i]);
	notes[1].give = -DER_IO;
	OK(tse_task_register_deps(tasks[1], 1, &tasks[0]));
	OK(tse_task_register_deps(tasks[2], 1, &tasks[0]));
	OK(tse_task_register_deps(tasks[3], 2, &tasks[1]));
	TRUE(tse_task2sched(tasks[1]) == &sched);
	/* The last first: it must wait. */
	for (i = 3; i >= 0; i--)
		OK(tse_task_schedule(tasks[i], false));
	TRUE(!tse_sched_check_complete(&sched) && notes[0].body == 0);
	tse_sched_progress(&sched);
	TRUE(tse_sched_check_complete(&sched));
	for (i = 0; i < 4; i++)
		TRUE(notes[i].before > 0 && notes[i].before < notes[i].body && notes[i].body < notes[i].after);
	TRUE(notes[0].after < notes[1].before && notes[0].after < notes[2].before);
	TRUE(notes[3].before > notes[1].after && notes[3].before > notes[2].after);
	TRUE(notes[0].result == 0 && notes[1].result == -DER_IO && notes[2].result == 0 && notes[3].result == -DER_IO);
	TRUE(sched.ds_result == -DER_IO);
	tse_sched_fini(&sched);
}

/* An error that is not to be handed on. */
static void
no_errors_wanted(void)
{
	struct note notes[2];
	tse_task_t *tasks[2];
	tse_sched_t sched;

	OK(tse_sched_init(&sched, NULL, NULL));
	tasks[0] = make(&sched, &notes[0]);
	tasks[1] = make(&sched, &notes[1]);
	notes[0].give = -DER_IO;
	tse_disable_propagate(tasks[1]);
	OK(tse_task_register_deps(tasks[1], 1, tasks));
	OK(tse_task_schedule(tasks[1], true));
	OK(tse_task_schedule(tasks[0], true));
	tse_sched_progress(&sched);
	TRUE(notes[0].result == -DER_IO && notes[1].result == 0 && notes[1].body > 0);
	tse_sched_fini(&sched);
}

static int
complete_at_once(tse_task_t *task, void *arg)
{
	TRUE(arg == NULL);
	tse_task_complete(task, -DER_NO_PERM);
	return 0;
}

static int
turn_to_error(tse_task_t *task, void *arg)
{
	(void)task;
	return *(int *)arg;
}

/* A callback before a task that completes it; one after it that changes its result; both with copies of data. */
static void
callbacks(void)
{
	struct note note = {0};
	tse_task_t *task;
	tse_sched_t sched;
	int number = -DER_CSUM;

	OK(tse_sched_init(&sched, NULL, NULL));
	OK(tse_task_create(body, &sched, &note, &task));
	OK(tse_task_register_cbs(task, complete_at_once, NULL, 0, NULL, NULL, 0));
	tse_task_addref(task);
	OK(tse_task_schedule(task, false));
	tse_sched_progress(&sched);
	TRUE(note.body == 0 && task->dt_result == -DER_NO_PERM && tse_sched_check_complete(&sched));
	EXPECT(tse_task_register_comp_cb(task, turn_to_error, NULL, 0), -DER_NO_PERM);
	/* What has completed can become another task. */
	OK(tse_task_reset(task, body, &note));
	TRUE(task->dt_result == 0);
	OK(tse_task_register_comp_cb(task, turn_to_error, &number, sizeof(number)));
	number = -DER_INVAL;
	tse_task_addref(task);
	OK(tse_task_schedule(task, true));
	TRUE(note.body > 0 && task->dt_result == -DER_CSUM);
	tse_task_decref(task);
	tse_sched_fini(&sched);
}

static int
again(tse_task_t *task, void *arg)
{
	struct note *note = tse_task_get_priv(task);

	(void)arg;
	if (++note->again < 5) {
		OK(tse_task_register_comp_cb(task, again, NULL, 0));
		OK(tse_task_reinit(task));
	}
	return 0;
}

static int
body_with_polls(tse_task_t *task)
{
	struct note *note = tse_task_get_priv(task);

	if (++note->body < 10)
		OK(tse_task_reinit_with_delay(task, 100));
	else
		tse_task_complete(task, 0);
	return 0;
}

static void
running_again(void)
{
	struct note notes[3] = {0};
	tse_task_t *task, *later, *polls;
	tse_sched_t sched;

	OK(tse_sched_init(&sched, NULL, NULL));
	OK(tse_task_create(body, &sched, &notes[0], &task));
	OK(tse_task_register_comp_cb(task, again, NULL, 0));
	later = make(&sched, &notes[1]);
	OK(tse_task_register_deps(later, 1, &task));
	EXPECT(tse_task_reinit(task), -DER_NO_PERM);
	notes[0].give = -DER_IO;
	OK(tse_task_schedule(later, false));
	tse_task_addref(task);
	OK(tse_task_schedule(task, false));
	tse_sched_progress(&sched);
	TRUE(notes[0].again == 5 && notes[1].before > notes[0].body && notes[1].result == -DER_IO);
	/* One that has completed and is kept. */
	notes[0].give = 0;
	OK(tse_task_reinit(task));
	TRUE(task->dt_result == 0 && !tse_sched_check_complete(&sched));
	tse_sched_progress(&sched);
	TRUE(tse_sched_check_complete(&sched) && task->dt_result == 0);
	tse_task_decref(task);
	/* One that looks now and then. */
	OK(tse_task_create(body_with_polls, &sched, &notes[2], &polls));
	OK(tse_task_schedule_with_delay(polls, false, 1000));
	TRUE(!tse_sched_check_complete(&sched));
	tse_sched_complete(&sched, 0, false);
	TRUE(notes[2].body == 10);
}

static int
body_with_parts(tse_task_t *task)
{
	struct note *notes = tse_task_get_priv(task);
	tse_sched_t *sched = tse_task2sched(task);
	tse_task_t *part;
	int i;

	/* It completes when its parts have. */
	for (i = 1; i <= 3; i++) {
		part = make(sched, &notes[i]);
		OK(tse_task_register_deps(task, 1, &part));
		OK(tse_task_schedule(part, false));
	}
	notes[0].body = ++order;
	return 0;
}

static int
all_done(void *arg, int rc)
{
	*(int *)arg = rc == 0 ? 1 : rc;
	return 0;
}

static void
parts(void)
{
	struct note notes[4];
	tse_task_t *task;
	tse_sched_t sched;
	struct note *first = notes;
	int done = 0;

	memset(notes, 0, sizeof(notes));
	OK(tse_sched_init(&sched, all_done, &done));
	OK(tse_task_create(body_with_parts, &sched, notes, &task));
	OK(tse_task_register_comp_cb(task, after, &first, sizeof(first)));
	OK(tse_task_schedule(task, false));
	tse_sched_complete(&sched, 0, false);
	TRUE(done == 1 && notes[0].after > notes[1].after && notes[0].after > notes[3].after);
}

static void *
complete_it(void *task)
{
	tse_task_complete(task, 7);
	return NULL;
}

/* A task without a function is completed by somebody else, in another thread; another scheduler's waits for it. */
static void
two_schedulers(void)
{
	tse_sched_t one, other;
	struct note note;
	tse_task_t *bare, *task;
	pthread_t thread;

	OK(tse_sched_init(&one, NULL, NULL));
	OK(tse_sched_init(&other, NULL, NULL));
	OK(tse_task_create(NULL, &one, NULL, &bare));
	task = make(&other, &note);
	OK(tse_task_register_deps(task, 1, &bare));
	OK(tse_task_schedule(task, false));
	EXPECT(tse_task_schedule(bare, true), -DER_INVAL);
	OK(tse_task_schedule(bare, false));
	EXPECT(tse_task_schedule(bare, false), -DER_NO_PERM);
	tse_sched_progress(&one);
	tse_sched_progress(&other);
	TRUE(!tse_sched_check_complete(&one) && !tse_sched_check_complete(&other));
	TRUE(pthread_create(&thread, NULL, complete_it, bare) == 0);
	tse_sched_complete(&other, 0, false);
	TRUE(pthread_join(thread, NULL) == 0);
	TRUE(note.result == 7 && tse_sched_check_complete(&one) && one.ds_result == 7);
	tse_sched_fini(&one);
}

/* What has not completed is cancelled, and its callbacks are called. */
static void
cancelling(void)
{
	struct note notes[3];
	struct note *first = notes;
	tse_task_t *bare, *tasks[2];
	tse_sched_t sched;
	int done = 0;

	memset(notes, 0, sizeof(notes));
	OK(tse_sched_init(&sched, all_done, &done));
	OK(tse_task_create(NULL, &sched, NULL, &bare));
	OK(tse_task_register_comp_cb(bare, after, &first, sizeof(first)));
	tasks[0] = make(&sched, &notes[1]);
	tasks[1] = make(&sched, &notes[2]);
	OK(tse_task_register_deps(tasks[0], 1, &bare));
	OK(tse_task_schedule(bare, false));
	OK(tse_task_schedule(tasks[0], false));
	OK(tse_task_schedule_with_delay(tasks[1], false, 3600ULL * 1000 * 1000));
	tse_sched_complete(&sched, 0, true);
	TRUE(notes[0].result == -DER_CANCELED && notes[1].result == -DER_CANCELED && notes[2].result == -DER_CANCELED);
	TRUE(notes[1].body == 0 && done == -DER_CANCELED);
	/* A task that is let go of before it was scheduled, and one that waits for it. */
	OK(tse_sched_init(&sched, NULL, NULL));
	tasks[0] = make(&sched, &notes[0]);
	tasks[1] = make(&sched, &notes[1]);
	OK(tse_task_register_deps(tasks[1], 1, &tasks[0]));
	OK(tse_task_schedule(tasks[1], false));
	tse_task_decref(tasks[0]);
	tse_sched_progress(&sched);
	TRUE(notes[1].result == -DER_CANCELED && notes[1].body > 0);
	tse_sched_fini(&sched);
}

static int
count_task(tse_task_t *task, void *arg)
{
	TRUE(tse_task_get_priv(task) != NULL);
	return ++*(int *)arg;
}

static void
lists(void)
{
	d_list_t head, aborted;
	struct note notes[5];
	tse_task_t *tasks[5];
	tse_sched_t sched;
	int i, count = 0;

	D_INIT_LIST_HEAD(&head);
	D_INIT_LIST_HEAD(&aborted);
	OK(tse_sched_init(&sched, NULL, NULL));
	TRUE(tse_task_list_first(&head) == NULL);
	for (i = 0; i < 5; i++)
		tasks[i] = make(&sched, &notes[i]);
	for (i = 0; i < 3; i++)
		OK(tse_task_list_add(tasks[i], &head));
	EXPECT(tse_task_list_add(tasks[0], &head), -DER_INVAL);
	OK(tse_task_list_add(tasks[4], &aborted));
	TRUE(tse_task_list_first(&head) == tasks[0]);
	EXPECT(tse_task_list_traverse(&head, count_task, &count), 3);
	EXPECT(tse_task_list_traverse_adv(&head, count_task, &count), 6);
	OK(tse_task_depend_list(tasks[3], &head));
	OK(tse_task_list_depend(&head, tasks[4]));
	OK(tse_task_schedule(tasks[3], false));
	tse_task_list_sched(&head, false);
	TRUE(d_list_empty(&head));
	tse_sched_progress(&sched);
	TRUE(notes[0].body == 0);
	tse_task_list_abort(&aborted, -DER_IO);
	tse_sched_progress(&sched);
	for (i = 0; i < 4; i++)
		TRUE(notes[i].result == -DER_IO && notes[3].before >= notes[i].before);
	tse_sched_fini(&sched);
}

/* A chain of thousands; then the same with each one waiting for the next while it runs. */
static void
long_chains(void)
{
	static struct note notes[MANY];
	static tse_task_t *tasks[MANY];
	tse_sched_t sched;
	int i;

	OK(tse_sched_init(&sched, NULL, NULL));
	for (i = 0; i < MANY; i++) {
		tasks[i] = make(&sched, &notes[i]);
		if (i > 0)
			OK(tse_task_register_deps(tasks[i], 1, &tasks[i - 1]));
	}
	for (i = MANY - 1; i >= 0; i--)
		OK(tse_task_schedule(tasks[i], false));
	tse_sched_progress(&sched);
	tse_sched_complete(&sched, 0, false);
	for (i = 1; i < MANY; i++)
		TRUE(notes[i].before > notes[i - 1].after);
	OK(tse_sched_init(&sched, NULL, NULL));
	for (i = 0; i < MANY; i++) {
		OK(tse_task_create(NULL, &sched, NULL, &tasks[i]));
		OK(tse_task_schedule(tasks[i], false));
		if (i > 0)
			OK(tse_task_register_deps(tasks[i], 1, &tasks[i - 1]));
	}
	tse_task_complete(tasks[0], -DER_IO);
	TRUE(tse_sched_check_complete(&sched) && sched.ds_result == -DER_IO);
	tse_sched_fini(&sched);
}

static void *
let_go(void *first)
{
	tse_task_decref(first);
	return NULL;
}

/* A chain of thousands that was never scheduled goes with its first one, on a small stack. */
static void
long_chain_unwanted(void)
{
	static tse_task_t *tasks[MANY];
	pthread_attr_t small;
	pthread_t thread;
	tse_sched_t sched;
	int i;

	OK(tse_sched_init(&sched, NULL, NULL));
	for (i = 0; i < MANY; i++) {
		OK(tse_task_create(body, &sched, NULL, &tasks[i]));
		if (i > 0) {
			OK(tse_task_register_deps(tasks[i], 1, &tasks[i - 1]));
			tse_task_decref(tasks[i]);
		}
	}
	TRUE(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, 128 << 10) == 0);
	TRUE(pthread_create(&thread, &small, let_go, tasks[0]) == 0 && pthread_join(thread, NULL) == 0);
	pthread_attr_destroy(&small);
	for (i = 0; i < MANY; i++)
		TRUE(tse_task2sched(tasks[i]) == NULL);
	tse_sched_fini(&sched);
}

static int is_inside;

static int
say_inside(tse_task_t *task)
{
	__atomic_store_n(&is_inside, 1, __ATOMIC_SEQ_CST);
	tse_task_complete(task, 0);
	return 0;
}

/* Runs until it is told to run again. */
static int
second_time(tse_task_t *task)
{
	int *runs = tse_task_get_priv(task);

	if (++*runs == 2)
		tse_task_complete(task, 0);
	return 0;
}

static void *
wait_for_end(void *sched)
{
	tse_sched_complete(sched, 0, false);
	return NULL;
}

/* One thread waits for a scheduler, while what it waits for becomes ready by what another one does. The story: only schedule and
 * complete woke it.
 */
static void
another_thread_waits(void)
{
	tse_task_t *inside, *gone, *blocked, *again;
	struct note note;
	pthread_t thread;
	tse_sched_t sched;
	int round, runs;

	for (round = 0; round < 200; round++) {
		OK(tse_sched_init(&sched, NULL, NULL));
		is_inside = runs = 0;
		OK(tse_task_create(say_inside, &sched, NULL, &inside));
		OK(tse_task_create(body, &sched, &note, &gone));
		blocked = make(&sched, &note);
		OK(tse_task_create(second_time, &sched, &runs, &again));
		OK(tse_task_register_deps(blocked, 1, &gone));
		OK(tse_task_schedule(blocked, false));
		OK(tse_task_schedule(again, true));
		OK(tse_task_schedule(inside, false));
		TRUE(pthread_create(&thread, NULL, wait_for_end, &sched) == 0);
		while (!__atomic_load_n(&is_inside, __ATOMIC_SEQ_CST))
			sched_yield();
		if (round % 2 == 0)
			sched_yield();
		tse_task_decref(gone);
		OK(tse_task_reinit(again));
		TRUE(pthread_join(thread, NULL) == 0);
		TRUE(runs == 2 && note.result == -DER_CANCELED);
	}
}

/* A list that never comes back to its head. */
static void
endless_list(void)
{
	struct note notes[2];
	tse_task_t *tasks[2];
	tse_sched_t sched;
	d_list_t list;
	int i, count = 0;

	OK(tse_sched_init(&sched, NULL, NULL));
	D_INIT_LIST_HEAD(&list);
	for (i = 0; i < 2; i++) {
		tasks[i] = make(&sched, &notes[i]);
		OK(tse_task_list_add(tasks[i], &list));
	}
	list.next->prev = list.prev;
	list.prev->next = list.next;
	EXPECT(tse_task_list_traverse(&list, count_task, &count), -DER_INVAL);
	EXPECT(tse_task_list_depend(&list, tasks[0]), -DER_INVAL);
	TRUE(count == 0);
	for (i = 0; i < 2; i++) {
		tse_task_list_del(tasks[i]);
		tse_task_decref(tasks[i]);
	}
	tse_sched_fini(&sched);
}

/* A scheduler of which nothing is known any more, since it was initialised anew, leaves its tasks to those who have them. */
static void
orphans(void)
{
	struct note note;
	tse_task_t *task;
	tse_sched_t sched;

	OK(tse_sched_init(&sched, NULL, NULL));
	task = make(&sched, &note);
	OK(tse_sched_init(&sched, NULL, NULL));
	EXPECT(tse_task_schedule(task, true), -DER_INVAL);
	tse_task_complete(task, -DER_IO);
	TRUE(note.result == -DER_IO);
	TRUE(tse_task2sched(task) == NULL);
	EXPECT(tse_task_schedule(task, false), -DER_INVAL);
	tse_sched_fini(&sched);
}

static tse_sched_t shared;
static int completed;

static int
count_body(tse_task_t *task)
{
	__atomic_fetch_add(&completed, 1, __ATOMIC_RELAXED);
	tse_task_complete(task, 0);
	return 0;
}

static void *
fill(void *arg)
{
	tse_task_t *task, *last = NULL;
	int i;

	(void)arg;
	for (i = 0; i < MANY / 4; i++) {
		OK(tse_task_create(count_body, &shared, NULL, &task));
		tse_task_addref(task);
		if (last != NULL) {
			OK(tse_task_register_deps(task, 1, &last));
			tse_task_decref(last);
		}
		last = task;
		OK(tse_task_schedule(task, i % 3 == 0));
		if (i % 16 == 0)
			tse_sched_progress(&shared);
	}
	tse_task_decref(last);
	return NULL;
}

static void
many_threads(void)
{
	pthread_t threads[THREADS];
	int i;

	OK(tse_sched_init(&shared, NULL, NULL));
	for (i = 0; i < THREADS; i++)
		TRUE(pthread_create(&threads[i], NULL, fill, NULL) == 0);
	for (i = 0; i < THREADS; i++)
		TRUE(pthread_join(threads[i], NULL) == 0);
	tse_sched_complete(&shared, 0, false);
	TRUE(completed == THREADS * (MANY / 4));
}

static void
wrong_arguments(void)
{
	struct note note;
	tse_sched_t sched, copy;
	tse_task_t *task, *other;
	bool is_empty;

	memset(&sched, 0xa5, sizeof(sched));
	EXPECT(tse_task_create(body, &sched, NULL, &task), -DER_INVAL);
	EXPECT(tse_task_create(body, NULL, NULL, &task), -DER_INVAL);
	EXPECT(tse_sched_init(NULL, NULL, NULL), -DER_INVAL);
	tse_sched_fini(&sched);
	tse_sched_fini(NULL);
	tse_sched_progress(NULL);
	OK(tse_sched_init(&sched, NULL, NULL));
	copy = sched;
	EXPECT(tse_task_create(body, &copy, NULL, &task), -DER_INVAL);
	EXPECT(tse_task_create(body, &sched, NULL, NULL), -DER_INVAL);
	EXPECT(tse_task_schedule(NULL, false), -DER_INVAL);
	EXPECT(tse_task_schedule((tse_task_t *)&copy, false), -DER_INVAL);
	tse_task_complete((tse_task_t *)&copy, 0);
	tse_task_decref(NULL);
	TRUE(tse_task_get_priv(NULL) == NULL && tse_task_set_priv(NULL, &copy) == NULL && tse_task2sched(NULL) == NULL);
	task = make(&sched, &note);
	other = NULL;
	EXPECT(tse_task_register_deps(task, 1, &task), -DER_INVAL);
	EXPECT(tse_task_register_deps(task, 1, &other), -DER_INVAL);
	EXPECT(tse_task_register_deps(task, 1, NULL), -DER_INVAL);
	EXPECT(tse_task_register_deps(task, -1, &other), -DER_INVAL);
	EXPECT(tse_task_register_cbs(task, NULL, NULL, 0, NULL, NULL, 0), -DER_INVAL);
	EXPECT(tse_task_register_comp_cb(task, after, &other, (size_t)-1), -DER_INVAL);
	EXPECT(tse_task_reset(task, body, NULL), -DER_NO_PERM);
	TRUE(tse_task_buf_embedded(task, 880) != NULL && tse_task_buf_embedded(task, 881) == NULL);
	TRUE(tse_task_buf_embedded(task, -1) == NULL && daos_task_get_args(task) == NULL);
	EXPECT(daos_progress(&sched, DAOS_EQ_NOWAIT, &is_empty), -DER_UNINIT);
	OK(tse_task_schedule(task, false));
	tse_task_decref(task); /* the scheduler's: refused */
	tse_sched_progress(&sched);
	TRUE(note.after > 0);
	EXPECT(tse_task_schedule(task, false), -DER_INVAL);
	tse_sched_addref(&sched);
	tse_sched_decref(&sched);
	TRUE(tse_sched_check_complete(&sched));
	tse_sched_fini(&sched);
	EXPECT(tse_sched_register_comp_cb(&sched, all_done, NULL), -DER_INVAL);
}

int
main(void)
{
	diamond();
	no_errors_wanted();
	callbacks();
	running_again();
	parts();
	two_schedulers();
	cancelling();
	lists();
	long_chains();
	long_chain_unwanted();
	another_thread_waits();
	endless_list();
	orphans();
	many_threads();
	wrong_arguments();
	return 0;
}
