/* Two threads at once in each function of pools, containers, their attributes, properties, lists and handles: on handles of their
 * own, on one that they share, and on one that another thread closes meanwhile.
 *
 * run: {pool} {container}
 */
#include <pthread.h>
#include <unistd.h>

#include <gurt/common.h>

#include "check.h"

#define THREADS 2
#define ROUNDS 12
#define OBJECT_IDS 7

static daos_handle_t pool, container;
static const char *pool_label, *label;
static pthread_barrier_t barrier;

/* What each thread keeps of all rounds. */
static uint64_t object_ids[THREADS][ROUNDS];

typedef void (*action_t)(int thread, int round);

static char *
name_of(const char *what, int thread, int round)
{
	static __thread char text[64];

	snprintf(text, sizeof(text), "%s-%d-%d", what, thread, round);
	return text;
}

static void
connect_pool(int thread, int round)
{
	daos_handle_t own;
	daos_pool_info_t info = {0};

	info.pi_bits = DPI_ALL;
	OK(daos_pool_connect(pool_label, NULL, (thread + round) % 2 ? DAOS_PC_RO : DAOS_PC_RW, &own, &info, NULL));
	OK(daos_pool_query(own, NULL, &info, NULL, NULL));
	OK(daos_pool_disconnect(own, NULL));
	EXPECT(daos_pool_query(own, NULL, &info, NULL, NULL), -DER_NO_HDL);
}

static void
query_pool(int thread, int round)
{
	daos_prop_t *found = daos_prop_alloc(4);
	d_rank_list_t *ranks = NULL;
	daos_size_t count = 0;
	uint64_t perms;
	gid_t gid = getegid();

	found->dpp_entries[0].dpe_type = DAOS_PROP_PO_ACL;
	found->dpp_entries[1].dpe_type = DAOS_PROP_PO_OWNER;
	found->dpp_entries[2].dpe_type = DAOS_PROP_PO_OWNER_GROUP;
	found->dpp_entries[3].dpe_type = DAOS_PROP_PO_LABEL;
	OK(daos_pool_query(pool, &ranks, NULL, found, NULL));
	TRUE(ranks != NULL && ranks->rl_nr >= 1);
	OK(daos_pool_get_perms(found, geteuid(), &gid, 1, &perms));
	OK(daos_pool_list_cont(pool, &count, NULL, NULL));
	TRUE(count >= 1);
	d_rank_list_free(ranks);
	daos_prop_free(found);
	(void)thread;
	(void)round;
}

static void
pool_attributes(int thread, int round)
{
	char *own = name_of("attribute", thread, round), list[4096];
	const char *names[] = {own, "shared"};
	const void *values[] = {"own", "of both"};
	size_t sizes[] = {4, 8}, size = sizeof(list);
	char first[16], second[16];
	void *read[] = {first, second};

	OK(daos_pool_set_attr(pool, 2, names, values, sizes, NULL));
	sizes[0] = sizes[1] = sizeof(first);
	OK(daos_pool_get_attr(pool, 2, names, read, sizes, NULL));
	TRUE(sizes[0] == 4 && strcmp(first, "own") == 0 && sizes[1] == 8 && strcmp(second, "of both") == 0);
	OK(daos_pool_list_attr(pool, list, &size, NULL));
	OK(daos_pool_del_attr(pool, 1, names, NULL));
}

static void
container_attributes(int thread, int round)
{
	char *own = name_of("attribute", thread, round), list[4096];
	const char *names[] = {own, "shared"};
	const void *values[] = {"own", "of both"};
	size_t sizes[] = {4, 8}, size = sizeof(list);
	char first[16], second[16];
	void *read[] = {first, second};

	OK(daos_cont_set_attr(container, 2, names, values, sizes, NULL));
	sizes[0] = sizes[1] = sizeof(first);
	OK(daos_cont_get_attr(container, 2, names, read, sizes, NULL));
	TRUE(sizes[0] == 4 && strcmp(first, "own") == 0 && sizes[1] == 8 && strcmp(second, "of both") == 0);
	OK(daos_cont_list_attr(container, list, &size, NULL));
	OK(daos_cont_del_attr(container, 1, names, NULL));
}

static void
make_container(int thread, int round)
{
	char *own = name_of("made", thread, round);
	daos_handle_t opened;
	daos_cont_info_t info;
	uuid_t uuid;
	char text[40];

	OK(daos_cont_create_with_label(pool, own, NULL, &uuid, NULL));
	OK(daos_cont_open(pool, own, DAOS_COO_RW, &opened, &info, NULL));
	TRUE(memcmp(info.ci_uuid, uuid, sizeof(uuid)) == 0);
	EXPECT(daos_cont_destroy(pool, own, 0, NULL), -DER_BUSY);
	OK(daos_cont_close(opened, NULL));
	OK(daos_cont_destroy(pool, own, 0, NULL));
	EXPECT(daos_cont_open(pool, own, DAOS_COO_RW, &opened, NULL, NULL), -DER_NONEXIST);
	OK(daos_cont_create(pool, &uuid, NULL, NULL));
	for (size_t i = 0, at = 0; i < sizeof(uuid); i++) {
		at += snprintf(text + at, sizeof(text) - at, "%02x", uuid[i]);
		if (i == 3 || i == 5 || i == 7 || i == 9)
			text[at++] = '-';
	}
	OK(daos_cont_destroy(pool, text, 0, NULL));
}

/* One of two who make a container of one name makes it, and one of two who remove it removes it. */
static void
make_one_container(int thread, int round)
{
	static int made[ROUNDS], removed[ROUNDS];
	char *name = name_of("contended", 0, round);
	int rc = daos_cont_create_with_label(pool, name, NULL, NULL, NULL);

	TRUE(rc == 0 || rc == -DER_EXIST);
	__atomic_add_fetch(&made[round], rc == 0, __ATOMIC_SEQ_CST);
	pthread_barrier_wait(&barrier);
	TRUE(__atomic_load_n(&made[round], __ATOMIC_SEQ_CST) == 1);
	rc = daos_cont_destroy(pool, name, 0, NULL);
	TRUE(rc == 0 || rc == -DER_NONEXIST || rc == -DER_CONT_DESTROYING);
	__atomic_add_fetch(&removed[round], rc == 0, __ATOMIC_SEQ_CST);
	pthread_barrier_wait(&barrier);
	TRUE(__atomic_load_n(&removed[round], __ATOMIC_SEQ_CST) == 1);
	(void)thread;
}

static void
query_container(int thread, int round)
{
	daos_prop_t *found = daos_prop_alloc(2), *change = daos_prop_alloc(1);
	daos_cont_info_t info;

	found->dpp_entries[0].dpe_type = DAOS_PROP_CO_LABEL;
	found->dpp_entries[1].dpe_type = DAOS_PROP_CO_OWNER;
	OK(daos_cont_query(container, &info, found, NULL));
	TRUE(strcmp(daos_prop_entry_get(found, DAOS_PROP_CO_LABEL)->dpe_str, label) == 0);
	change->dpp_entries[0].dpe_type = DAOS_PROP_CO_STATUS;
	change->dpp_entries[0].dpe_val = DAOS_PROP_CO_STATUS_VAL(DAOS_PROP_CO_HEALTHY, DAOS_PROP_CO_CLEAR, 0);
	OK(daos_cont_set_prop(container, change, NULL));
	OK(daos_cont_status_clear(container, NULL));
	daos_prop_free(change);
	daos_prop_free(found);
	(void)thread;
	(void)round;
}

static void
allocate(int thread, int round)
{
	OK(daos_cont_alloc_oids(container, OBJECT_IDS, &object_ids[thread][round], NULL));
}

static void
share_handles(int thread, int round)
{
	d_iov_t bytes = {0};
	daos_handle_t opened, inner;

	OK(daos_pool_local2global(pool, &bytes));
	bytes.iov_buf = calloc(1, bytes.iov_buf_len);
	OK(daos_pool_local2global(pool, &bytes));
	OK(daos_pool_global2local(bytes, &opened));
	free(bytes.iov_buf);
	memset(&bytes, 0, sizeof(bytes));
	OK(daos_cont_local2global(container, &bytes));
	bytes.iov_buf = calloc(1, bytes.iov_buf_len);
	OK(daos_cont_local2global(container, &bytes));
	OK(daos_cont_global2local(opened, bytes, &inner));
	OK(daos_cont_query(inner, NULL, NULL, NULL));
	OK(daos_cont_close(inner, NULL));
	OK(daos_pool_disconnect(opened, NULL));
	free(bytes.iov_buf);
	(void)thread;
	(void)round;
}

static void
change_list(int thread, int round)
{
	char text[80], principal[40];
	const char *texts[] = {text, "A::OWNER@:rwdtTaAo"};
	struct daos_acl *acl;
	daos_prop_t *found;
	uint64_t perms;
	char *me;

	snprintf(principal, sizeof(principal), "user%d@", thread);
	snprintf(text, sizeof(text), "A::%s:rt", principal);
	OK(daos_acl_from_strs(texts, 2, &acl));
	OK(daos_cont_update_acl(container, acl, NULL));
	OK(daos_cont_get_acl(container, &found, NULL));
	OK(daos_acl_validate(daos_prop_entry_get(found, DAOS_PROP_CO_ACL)->dpe_val_ptr));
	OK(daos_cont_get_perms(found, geteuid(), NULL, 0, &perms));
	daos_prop_free(found);
	OK(daos_cont_delete_acl(container, DAOS_ACL_USER, principal, NULL));
	daos_acl_free(acl);
	OK(daos_acl_uid_to_principal(geteuid(), &me));
	OK(daos_cont_set_owner_no_check(container, me, NULL, NULL));
	OK(daos_cont_set_owner(container, me, NULL, NULL));
	free(me);
	(void)round;
}

/* Each takes the whole list of the other's place; what is there at last is one of the two, whole. */
static void
overwrite_list(int thread, int round)
{
	const char *texts[2][2] = {{"A::OWNER@:rwdtTaAo", "A::zero@:r"}, {"A::OWNER@:rwdtTaAo", "A::one@:r"}};
	struct daos_acl *acl, *seen;
	struct daos_ace *zero, *one;
	daos_prop_t *found;

	OK(daos_acl_from_strs(texts[thread], 2, &acl));
	OK(daos_cont_overwrite_acl(container, acl, NULL));
	daos_acl_free(acl);
	OK(daos_cont_get_acl(container, &found, NULL));
	seen = daos_prop_entry_get(found, DAOS_PROP_CO_ACL)->dpe_val_ptr;
	TRUE((daos_acl_get_ace_for_principal(seen, DAOS_ACL_USER, "zero@", &zero) == 0) !=
	     (daos_acl_get_ace_for_principal(seen, DAOS_ACL_USER, "one@", &one) == 0));
	daos_prop_free(found);
	(void)round;
}

/* A handle that both close: one of them does. Before that, both use it; after it, neither can. */
static void
close_one_handle(int thread, int round)
{
	static daos_handle_t pools[ROUNDS], containers[ROUNDS];
	static int closed[ROUNDS], disconnected[ROUNDS];
	int rc, i;

	if (thread == 0) {
		OK(daos_pool_connect(pool_label, NULL, DAOS_PC_RW, &pools[round], NULL, NULL));
		OK(daos_cont_open(pools[round], label, DAOS_COO_RW, &containers[round], NULL, NULL));
	}
	pthread_barrier_wait(&barrier);
	if (thread == 1)
		for (i = 0; i < 3; i++) {
			rc = daos_cont_query(containers[round], NULL, NULL, NULL);
			TRUE(rc == 0 || rc == -DER_NO_HDL);
		}
	rc = daos_cont_close(containers[round], NULL);
	TRUE(rc == 0 || rc == -DER_NO_HDL);
	__atomic_add_fetch(&closed[round], rc == 0, __ATOMIC_SEQ_CST);
	pthread_barrier_wait(&barrier);
	TRUE(__atomic_load_n(&closed[round], __ATOMIC_SEQ_CST) == 1);
	EXPECT(daos_cont_query(containers[round], NULL, NULL, NULL), -DER_NO_HDL);
	rc = daos_pool_disconnect(pools[round], NULL);
	TRUE(rc == 0 || rc == -DER_NO_HDL);
	__atomic_add_fetch(&disconnected[round], rc == 0, __ATOMIC_SEQ_CST);
	pthread_barrier_wait(&barrier);
	TRUE(__atomic_load_n(&disconnected[round], __ATOMIC_SEQ_CST) == 1);
}

static const action_t actions[] = {connect_pool,    query_pool, pool_attributes, container_attributes, make_container, make_one_container,
                                   query_container, allocate,   share_handles,   change_list,          overwrite_list, close_one_handle};
#define ACTIONS (sizeof(actions) / sizeof(actions[0]))

static void *
work(void *arg)
{
	int thread = (int)(intptr_t)arg, round;
	size_t i;

	/* Both in the same function, then each in another one than the other. */
	for (i = 0; i < ACTIONS; i++)
		for (round = 0; round < ROUNDS / 2; round++) {
			pthread_barrier_wait(&barrier);
			actions[i](thread, round);
		}
	return NULL;
}

static void *
mix(void *arg)
{
	int thread = (int)(intptr_t)arg, round;
	size_t i, which;

	for (round = ROUNDS / 2; round < ROUNDS; round++)
		for (i = 0; i < ACTIONS; i++) {
			which = thread == 0 ? i : (i * 5 + round) % ACTIONS;
			/* Those that meet at the barrier, and the list that the other one writes over. */
			if (actions[which] != make_one_container && actions[which] != close_one_handle &&
			    actions[which] != change_list && actions[which] != overwrite_list)
				actions[which](thread, round);
		}
	return NULL;
}

static void
run(void *(*what)(void *))
{
	pthread_t threads[THREADS];
	intptr_t i;

	for (i = 0; i < THREADS; i++)
		TRUE(pthread_create(&threads[i], NULL, what, (void *)i) == 0);
	for (i = 0; i < THREADS; i++)
		TRUE(pthread_join(threads[i], NULL) == 0);
}

int
main(int argc, char **argv)
{
	int i, j;

	if (argc < 3)
		return 2;
	pool_label = argv[1];
	label = argv[2];
	open_container(pool_label, label, &pool, &container);
	TRUE(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
	run(work);
	run(mix);
	/* No number was given twice. */
	for (i = 0; i < THREADS * ROUNDS; i++)
		for (j = 0; j < i; j++) {
			uint64_t one = object_ids[i / ROUNDS][i % ROUNDS], other = object_ids[j / ROUNDS][j % ROUNDS];

			TRUE(one >= other + OBJECT_IDS || other >= one + OBJECT_IDS);
		}
	pthread_barrier_destroy(&barrier);
	close_container(pool, container);
	puts("done");
	return 0;
}
