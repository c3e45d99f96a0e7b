/* The library begun and ended many times, by several threads, with handles left open, with calls under way, and across
 * fork.
 *
 * run: {pool} {container}
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include <daos_fs.h>
#include <gurt/common.h>

static const daos_handle_t none = {0};

static void
put_and_get(const char *pool_label, const char *label, int number)
{
	daos_handle_t pool, container, object;
	int value = number;
	size_t size;

	open_container(pool_label, label, &pool, &container);
	object = open_object(container, 70, DAOS_OT_MULTI_HASHED, OC_S1);
	OK(put_at(object, number, &value, sizeof(value)));
	value = -1;
	OK(get_at(object, none, number, &value, sizeof(value), &size));
	TRUE(value == number && size == sizeof(value));
	OK(daos_obj_close(object, NULL));
	close_container(pool, container);
}

static void
many_times(char **argv)
{
	int i;

	for (i = 0; i < 20; i++)
		put_and_get(argv[1], argv[2], i);
	/* Counted: the library ends with the last one. */
	OK(daos_init());
	OK(daos_init());
	put_and_get(argv[1], argv[2], 100);
	OK(daos_fini());
	put_and_get(argv[1], argv[2], 101);
	OK(daos_fini());
	EXPECT(daos_fini(), -DER_UNINIT);
}

/* What is open at the end is closed by it; calls under way end as cancelled or done, and say so in their events. */
static void
left_open(char **argv)
{
	daos_handle_t pool, container, object;
	daos_key_t dkey = key_of("left open");
	daos_event_t event;
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;
	int value = 3;

	open_container(argv[1], argv[2], &pool, &container);
	object = open_object(container, 71, DAOS_OT_MULTI_HASHED, OC_S1);
	single(&iod, &sgl, &iov, "a", &value, sizeof(value));
	OK(daos_event_init(&event, DAOS_HDL_INVAL, NULL));
	OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, &event));
	OK(daos_fini());
	TRUE(event.ev_error == 0 || event.ev_error == -DER_CANCELED);
	OK(daos_event_fini(&event));
	EXPECT(daos_obj_close(object, NULL), -DER_NO_HDL);
	EXPECT(daos_pool_query(pool, NULL, NULL, NULL, NULL), -DER_NO_HDL);
	OK(daos_init());
	/* Handles from before do not come back to life. */
	EXPECT(daos_obj_close(object, NULL), -DER_NO_HDL);
	EXPECT(daos_cont_close(container, NULL), -DER_NO_HDL);
	OK(daos_fini());
}

/* fork, or clone itself, which tells nobody in this process. */
static pid_t
new_process(bool is_told)
{
	return is_told ? fork() : (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

/* The exit status of a child that ran the function. */
static int
in_child(bool is_told, void (*function)(char **, daos_handle_t, daos_handle_t), char **argv, daos_handle_t pool, daos_handle_t object)
{
	int status = 0;
	pid_t child;

	fflush(NULL);
	child = new_process(is_told);
	TRUE(child >= 0);
	if (child == 0) {
		function(argv, pool, object);
		/* Another program ends the child: what threads of the parent held is lost in it, and would be reported. */
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	TRUE(waitpid(child, &status, 0) == child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void
child_without_reinit(char **argv, daos_handle_t pool, daos_handle_t object)
{
	daos_handle_t other;
	daos_epoch_t epoch;

	EXPECT(daos_pool_query(pool, NULL, NULL, NULL, NULL), -DER_UNINIT);
	EXPECT(daos_obj_query_max_epoch(object, none, &epoch, NULL), -DER_UNINIT);
	EXPECT(daos_pool_connect(argv[1], NULL, DAOS_PC_RW, &other, NULL, NULL), -DER_UNINIT);
	EXPECT(daos_eq_create(&other), -DER_UNINIT);
	OK(daos_fini());
	/* Handles of the parent are not for a client of the child's own. */
	OK(daos_init());
	EXPECT(daos_pool_query(pool, NULL, NULL, NULL, NULL), -DER_NO_HDL);
	OK(daos_fini());
}

static void
child_with_reinit(char **argv, daos_handle_t pool, daos_handle_t object)
{
	daos_handle_t own;

	(void)object;
	OK(daos_reinit());
	EXPECT(daos_pool_query(pool, NULL, NULL, NULL, NULL), -DER_NO_HDL);
	/* An engine inside the parent has the directory; there is nothing that the child could reach. */
	if (getenv("DAOS_LOCAL_MODE") == NULL) {
		OK(daos_pool_connect(argv[1], NULL, DAOS_PC_RW, &own, NULL, NULL));
		OK(daos_pool_query(own, NULL, NULL, NULL, NULL));
		OK(daos_pool_disconnect(own, NULL));
	}
	OK(daos_fini());
}

static void
grandchild(char **argv, daos_handle_t pool, daos_handle_t object)
{
	daos_handle_t other;

	(void)object;
	EXPECT(daos_pool_query(pool, NULL, NULL, NULL, NULL), pool.cookie == 0 ? -DER_NO_HDL : -DER_UNINIT);
	EXPECT(daos_pool_connect(argv[1], NULL, DAOS_PC_RW, &other, NULL, NULL), -DER_UNINIT);
	OK(daos_fini());
}

/* What a child began with daos_reinit is not its own child's. */
static void
child_of_child(char **argv, daos_handle_t pool, daos_handle_t object)
{
	daos_handle_t own;

	(void)pool;
	OK(daos_reinit());
	if (getenv("DAOS_LOCAL_MODE") == NULL)
		OK(daos_pool_connect(argv[1], NULL, DAOS_PC_RW, &own, NULL, NULL));
	else
		own = DAOS_HDL_INVAL;
	TRUE(in_child(false, grandchild, argv, own, object) == 0);
	TRUE(in_child(true, grandchild, argv, own, object) == 0);
	OK(daos_fini());
}

static void
children(char **argv)
{
	daos_handle_t pool, container, object;
	daos_epoch_t epoch;
	int is_told;

	open_container(argv[1], argv[2], &pool, &container);
	object = open_object(container, 72, DAOS_OT_MULTI_HASHED, OC_S1);
	OK(daos_obj_query_max_epoch(object, none, &epoch, NULL));
	for (is_told = 0; is_told < 2; is_told++) {
		TRUE(in_child(is_told, child_without_reinit, argv, pool, object) == 0);
		TRUE(in_child(is_told, child_with_reinit, argv, pool, object) == 0);
		TRUE(in_child(is_told, child_of_child, argv, pool, object) == 0);
	}
	/* The children did the parent no harm. */
	OK(daos_obj_query_max_epoch(object, none, &epoch, NULL));
	OK(daos_pool_query(pool, NULL, NULL, NULL, NULL));
	OK(daos_obj_close(object, NULL));
	close_container(pool, container);
}

static void
child_among_threads(char **argv, daos_handle_t pool, daos_handle_t object)
{
	daos_handle_t other;

	(void)pool;
	(void)object;
	EXPECT(daos_pool_connect(argv[1], NULL, DAOS_PC_RW, &other, NULL, NULL), -DER_UNINIT);
	OK(daos_reinit());
	EXPECT(daos_pool_query(DAOS_HDL_INVAL, NULL, NULL, NULL, NULL), -DER_NO_HDL);
	OK(daos_eq_create(&other));
	OK(daos_fini());
}

static char **arguments;
static int stop;

static void *
call_on(void *arg)
{
	daos_handle_t pool;

	(void)arg;
	OK(daos_pool_connect(arguments[1], NULL, DAOS_PC_RW, &pool, NULL, NULL));
	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST))
		OK(daos_pool_query(pool, NULL, NULL, NULL, NULL));
	OK(daos_pool_disconnect(pool, NULL));
	return NULL;
}

/* fork while other threads are inside the library: the child must not find its locks taken. */
static void
fork_among_threads(char **argv)
{
	pthread_t threads[4];
	int i;

	arguments = argv;
	OK(daos_init());
	for (i = 0; i < 4; i++)
		TRUE(pthread_create(&threads[i], NULL, call_on, NULL) == 0);
	for (i = 0; i < 20; i++)
		TRUE(in_child(true, child_among_threads, argv, DAOS_HDL_INVAL, DAOS_HDL_INVAL) == 0);
	__atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < 4; i++)
		TRUE(pthread_join(threads[i], NULL) == 0);
	OK(daos_fini());
}

/* A thread stops where the library asks libc for something: it then holds what it holds at that place, and nothing of malloc's. */
static sem_t has_stopped, goes_on;
static __thread int stops;

static void
stop_here(void)
{
	if (!stops)
		return;
	stops = 0;
	TRUE(sem_post(&has_stopped) == 0);
	while (sem_wait(&goes_on) != 0)
		TRUE(errno == EINTR);
}

/* The library asks for one when it begins. */
int
eventfd(unsigned int value, int flags)
{
	stop_here();
	return (int)syscall(SYS_eventfd2, value, flags);
}

int
setenv(const char *name, const char *value, int overwrite)
{
	int (*real)(const char *, const char *, int) = (int (*)(const char *, const char *, int))dlsym(RTLD_NEXT, "setenv");

	stop_here();
	return real(name, value, overwrite);
}

static void *
begin_and_stop(void *arg)
{
	(void)arg;
	stops = 1;
	TRUE(dfs_init() == 0);
	TRUE(stops == 0);
	return NULL;
}

static void *
set_and_stop(void *arg)
{
	(void)arg;
	stops = 1;
	TRUE(d_setenv("DAOS_TEST_OF_FORK", "1", 1) == 0);
	TRUE(stops == 0);
	return NULL;
}

static void
without_the_library(char **argv, daos_handle_t pool, daos_handle_t object)
{
	daos_handle_t other;

	(void)object;
	alarm(20);
	EXPECT(daos_init(), -DER_UNINIT);
	TRUE(dfs_init() != 0);
	EXPECT(daos_reinit(), -DER_UNINIT);
	EXPECT(daos_pool_connect(argv[1], NULL, DAOS_PC_RW, &other, NULL, NULL), -DER_UNINIT);
	/* Its own child finds the same; the handlers of fork cannot end a call. */
	if (pool.cookie == 0) {
		pool.cookie = 1;
		TRUE(in_child(true, without_the_library, argv, pool, object) == 0);
		TRUE(in_child(false, without_the_library, argv, pool, object) == 0);
	}
}

static void
without_the_environment(char **argv, daos_handle_t pool, daos_handle_t object)
{
	unsigned int number;

	(void)argv;
	(void)pool;
	(void)object;
	alarm(20);
	EXPECT(d_getenv_uint("DAOS_TEST_OF_FORK", &number), -DER_UNINIT);
	TRUE(d_setenv("DAOS_TEST_OF_FORK", "2", 1) == -1 && errno == ENOTRECOVERABLE);
	EXPECT(daos_init(), -DER_UNINIT);
}

/* A child of fork waits for the lock in its parent, and has none that is held. */
static void
with_the_environment(char **argv, daos_handle_t pool, daos_handle_t object)
{
	unsigned int number;

	(void)argv;
	(void)pool;
	(void)object;
	alarm(20);
	OK(d_getenv_uint("DAOS_TEST_OF_FORK", &number));
	TRUE(number == 1 && d_setenv("DAOS_TEST_OF_FORK", "2", 1) == 0);
}

/* clone itself while a thread holds a lock of the library: calls that need it end with an error, dfs_init too, which waited for ever, and the
 * child's own fork goes on, which aborted. */
static void
lost_thread(char **argv, void *(*thread)(void *), void (*child)(char **, daos_handle_t, daos_handle_t))
{
	pthread_t other;

	TRUE(sem_init(&has_stopped, 0, 0) == 0 && sem_init(&goes_on, 0, 0) == 0);
	TRUE(pthread_create(&other, NULL, thread, NULL) == 0);
	while (sem_wait(&has_stopped) != 0)
		TRUE(errno == EINTR);
	TRUE(in_child(false, child, argv, DAOS_HDL_INVAL, DAOS_HDL_INVAL) == 0);
	TRUE(sem_post(&goes_on) == 0);
	TRUE(pthread_join(other, NULL) == 0);
}

static void
lost_threads(char **argv)
{
	lost_thread(argv, begin_and_stop, without_the_library);
	TRUE(dfs_fini() == 0);
	lost_thread(argv, set_and_stop, without_the_environment);
	TRUE(in_child(true, with_the_environment, argv, DAOS_HDL_INVAL, DAOS_HDL_INVAL) == 0);
}

int
main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	many_times(argv);
	left_open(argv);
	children(argv);
	lost_threads(argv);
#ifdef __SANITIZE_ADDRESS__
	/* Its allocator has locks that fork may copy while another thread holds them: malloc then hangs in the child. */
	puts("skipped: fork among threads, which AddressSanitizer's own allocator does not stand; the other variants run it");
	(void)fork_among_threads;
#else
	fork_among_threads(argv);
#endif
	puts("done");
	return 0;
}
