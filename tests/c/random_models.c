/* Random calls from several threads whose results are known: each thread has a key-value object and a directory of its own and keeps a
 * model of both in memory, an array of values and a tree of names and bytes. Every call must give what the model gives. Between them
 * come calls with bad arguments, on handles that other threads share. At the end all that there is is compared.
 *
 * A seed decides the calls of each thread. For longer runs: random_models POOL CONTAINER SEED THREADS CALLS [MINUTES].
 *
 * run: {pool} {container} 1 3 250
 */
#include <pthread.h>
#include <time.h>

#include "random_model_files.h"
#include "random_model_values.h"

/* A run that takes longer hangs; valgrind is slow. */
#define SECONDS_MAX 300

static daos_handle_t pool, container;
static dfs_t *dfs;

/* A handle that was closed, and one that is of another kind than the call wants: neither may do anything. */
static daos_handle_t closed;

static void
bad_arguments(struct random *random)
{
	daos_size_t size = 8;
	char buffer[8];
	daos_handle_t wrong = one_in(random, 2) ? closed : pool;
	dfs_obj_t *none = NULL;

	switch (below(random, 9)) {
	case 0:
		EXPECT(daos_kv_put(wrong, DAOS_TX_NONE, 0, "key", 1, "v", NULL), -DER_NO_HDL);
		break;
	case 1:
		EXPECT(daos_kv_get(wrong, DAOS_TX_NONE, 0, "key", &size, buffer, NULL), -DER_NO_HDL);
		break;
	case 2:
		EXPECT(daos_kv_close(closed, NULL), -DER_NO_HDL);
		break;
	case 3:
		EXPECT(daos_cont_query(wrong, NULL, NULL, NULL), -DER_NO_HDL);
		break;
	case 4:
		GIVES(dfs_mkdir(dfs, NULL, NULL, 0755, 0), EINVAL);
		break;
	case 5:
		GIVES(dfs_open(dfs, NULL, "x/y", S_IFREG | 0644, O_RDWR | O_CREAT, 0, 0, NULL, &none), EINVAL);
		break;
	case 6:
		GIVES(dfs_lookup(dfs, "relative", O_RDWR, &none, NULL, NULL), EINVAL);
		break;
	case 7:
		GIVES(dfs_release(NULL), EINVAL);
		break;
	default:
		GIVES(dfs_read(dfs, NULL, NULL, 0, &size, NULL), EINVAL);
	}
}

struct worker {
	struct random random;
	uint64_t calls;
	unsigned int number;
	pthread_t thread;
};

static void *
work(void *argument)
{
	struct worker *worker = argument;
	struct random *random = &worker->random;
	struct values *values = values_open(container, worker->number);
	struct tree *tree = tree_open(dfs, worker->number);
	uint64_t i;

	for (i = 0; i < worker->calls; i++) {
		switch (below(random, 8)) {
		case 0:
			bad_arguments(random);
			break;
		case 1:
		case 2:
			values_step(values, random);
			break;
		default:
			tree_step(tree, random);
		}
	}
	values_close(values);
	tree_close(tree);
	return NULL;
}

static void
hangs(int signal)
{
	static const char text[] = "it takes too long\n";

	(void)signal;
	if (write(2, text, sizeof(text) - 1) < 0)
		_exit(2);
	abort();
}

/* The calls of one seed. */
static void
round_of(uint64_t seed, unsigned int threads, uint64_t calls)
{
	struct worker *workers = calloc(threads, sizeof(*workers));
	unsigned int i;

	fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
	alarm(SECONDS_MAX);
	for (i = 0; i < threads; i++) {
		workers[i].random.state = (seed * 64 + i + 1) * 0x9E3779B97F4A7C15ULL | 1;
		workers[i].calls = calls;
		workers[i].number = i;
		TRUE(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
	}
	for (i = 0; i < threads; i++)
		TRUE(pthread_join(workers[i].thread, NULL) == 0);
	free(workers);
}

int
main(int argc, char **argv)
{
	uint64_t seed, calls;
	unsigned int threads;
	time_t end = 0;

	TRUE(argc >= 6);
	seed = strtoull(argv[3], NULL, 10);
	threads = (unsigned int)strtoul(argv[4], NULL, 10);
	calls = strtoull(argv[5], NULL, 10);
	if (argc > 6)
		end = time(NULL) + (time_t)(60 * strtod(argv[6], NULL));
	signal(SIGALRM, hangs);
	OK(daos_init());
	DONE(dfs_init());
	OK(daos_pool_connect(argv[1], NULL, DAOS_PC_RW, &pool, NULL, NULL));
	GIVES(dfs_cont_create_with_label(pool, argv[2], NULL, NULL, &container, &dfs), 0);
	closed = open_object(container, 1, DAOS_OT_KV_HASHED, 0);
	OK(daos_obj_close(closed, NULL));
	do
		round_of(seed++, threads, calls);
	while (time(NULL) < end);
	alarm(0);
	DONE(dfs_umount(dfs));
	OK(daos_cont_close(container, NULL));
	OK(daos_pool_disconnect(pool, NULL));
	DONE(dfs_fini());
	OK(daos_fini());
	printf("up to seed %llu\n", (unsigned long long)seed - 1);
	return 0;
}
