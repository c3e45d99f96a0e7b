/* Random functions with random arguments, good and bad ones: NULL where it is not allowed, closed and foreign handles, wrong
 * sizes, names that are too long, flags that exclude each other, events in every state. Nothing may crash or hang.
 *
 * Each batch runs in a process of its own and is decided by one seed; the one that fails is printed with the arguments that
 * run it again. For longer runs: random_calls POOL CONTAINER SEED BATCHES CALLS [MINUTES].
 *
 * run: {pool} {container} 1 3 250
 */
#include "random_containers.h"
#include "random_files.h"
#include "random_objects.h"
#include "random_tasks.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A batch that takes longer hangs; valgrind is slow. */
#define SECONDS_MAX 200

static void
died(int signal)
{
	char text[1024];
	int length = snprintf(text, sizeof(text), "signal %d in or after %s\n", signal, last);

	if (length > 0 && write(2, text, length) < 0)
		_exit(2);
	_exit(1);
}

/* The calls of one seed, in a process of their own. */
static void
batch(uint64_t seed, uint64_t calls)
{
	static void (*const groups[])(void) = {containers_and_pools, objects, objects, arrays_and_values,
						     versions_and_tables, views, events_and_tasks, task_graphs, files};
	uint64_t i;
	bool flag;

	state = seed * 0x9E3779B97F4A7C15ULL | 1;
	signal(SIGALRM, died);
	signal(SIGABRT, died);
#if !defined(__SANITIZE_ADDRESS__)
	signal(SIGSEGV, died);
#endif
	alarm(SECONDS_MAX);
	OK(daos_init());
	OK(dfs_init());
	OK(daos_pool_connect(pool_label, NULL, DAOS_PC_RW, &handles[POOL][0], NULL, NULL));
	daos_cont_create_with_label(handles[POOL][0], container_label, NULL, NULL, NULL);
	daos_cont_open(handles[POOL][0], container_label, DAOS_COO_RW, &handles[CONTAINER][0], NULL, NULL);
	OK(daos_eq_create(&handles[QUEUE][0]));
	OK(tse_sched_init(&sched, NULL, NULL));
	for (i = 0; i < EVENTS; i++)
		OK(daos_event_init(&events[i], i % 2 == 0 ? DAOS_HDL_INVAL : handles[QUEUE][0], NULL));
	for (i = 0; i < calls; i++)
		groups[below(ARRAY_SIZE(groups))]();
	/* What was lent to calls must last until they end. */
	last = "the end";
	tse_sched_complete(&sched, 0, true);
	for (i = 0; i < EVENTS; i++) {
		daos_event_abort(&events[i]);
		daos_event_test(&events[i], DAOS_EQ_WAIT, &flag);
	}
	dfs_fini();
	daos_fini();
	/* Results that nobody wanted are not given back: no search for leaks here. */
	_exit(0);
}

int
main(int argc, char **argv)
{
	uint64_t first, seed, batches, calls;
	time_t end = 0;
	int status;
	pid_t child;

	TRUE(argc >= 6);
	pool_label = argv[1];
	container_label = argv[2];
	first = strtoull(argv[3], NULL, 10);
	batches = strtoull(argv[4], NULL, 10);
	calls = strtoull(argv[5], NULL, 10);
	if (argc > 6) {
		end = time(NULL) + (time_t)(60 * strtod(argv[6], NULL));
		batches = ~0ULL;
	}
	for (seed = first; seed - first < batches && (end == 0 || time(NULL) < end); seed++) {
		fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
		child = fork();
		TRUE(child >= 0);
		if (child == 0)
			batch(seed, calls);
		TRUE(waitpid(child, &status, 0) == child);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
			fprintf(stderr, "seed %llu failed (%s %d); again with: %s %s %s %llu 1 %llu\n", (unsigned long long)seed,
				WIFSIGNALED(status) ? "signal" : "exit",
				WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), argv[0], pool_label,
				container_label, (unsigned long long)seed, (unsigned long long)calls);
			return 1;
		}
	}
	printf("%llu batches of %llu calls\n", (unsigned long long)(seed - first), (unsigned long long)calls);
	return 0;
}
