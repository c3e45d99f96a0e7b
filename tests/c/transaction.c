/* Transactions: all or nothing at one target, own writes, conflicts, what several targets give.
 *
 * run: {pool} {container}
 * rerun: {pool} {container} again
 */
#include <pthread.h>

#include "check.h"

static const daos_handle_t none = {0};

static int
put_in(daos_handle_t object, daos_handle_t th, uint64_t flags, const char *dkey_text, const char *akey, const char *text)
{
	daos_key_t dkey = key_of(dkey_text);
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;

	single(&iod, &sgl, &iov, akey, (void *)(uintptr_t)text, strlen(text) + 1);
	return daos_obj_update(object, th, flags, &dkey, 1, &iod, &sgl, NULL);
}

/* The size of the value. */
static size_t
get_in(daos_handle_t object, daos_handle_t th, const char *dkey_text, const char *akey, char *text, size_t room)
{
	daos_key_t dkey = key_of(dkey_text);
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;

	single(&iod, &sgl, &iov, akey, text, room);
	iod.iod_size = DAOS_REC_ANY;
	OK(daos_obj_fetch(object, th, 0, &dkey, 1, &iod, &sgl, NULL, NULL));
	return iod.iod_size;
}

static void
is(daos_handle_t object, daos_handle_t th, const char *dkey, const char *akey, const char *wanted)
{
	char text[64] = "";
	size_t size = get_in(object, th, dkey, akey, text, sizeof(text));

	if (wanted == NULL)
		TRUE(size == 0);
	else
		TRUE(size == strlen(wanted) + 1 && strcmp(text, wanted) == 0);
}

static void
all_or_nothing(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 1, DAOS_OT_MULTI_HASHED, OC_S1), th;
	daos_key_t dkey = key_of("gone"), akey = key_of("a");
	daos_epoch_t epoch = 0;

	OK(put_in(object, none, 0, "gone", "a", "old"));
	OK(put_in(object, none, 0, "kept", "a", "old"));
	OK(daos_tx_open(container, &th, 0, NULL));
	EXPECT(daos_tx_hdl2epoch(th, &epoch), -DER_UNINIT);
	OK(put_in(object, th, 0, "x", "a", "one"));
	OK(put_in(object, th, 0, "y", "a", "two"));
	OK(daos_obj_punch_dkeys(object, th, 0, 1, &dkey, NULL));
	/* Nobody else sees it, the transaction does. */
	is(object, none, "x", "a", NULL);
	is(object, none, "gone", "a", "old");
	is(object, th, "x", "a", "one");
	is(object, th, "gone", "a", NULL);
	is(object, th, "kept", "a", "old");
	OK(daos_tx_hdl2epoch(th, &epoch));
	/* Conditions see it as well. */
	EXPECT(put_in(object, th, DAOS_COND_DKEY_INSERT, "x", "a", "no"), -DER_EXIST);
	EXPECT(put_in(object, th, DAOS_COND_AKEY_UPDATE, "x", "b", "no"), -DER_NONEXIST);
	EXPECT(put_in(object, th, DAOS_COND_DKEY_UPDATE, "gone", "a", "no"), -DER_NONEXIST);
	EXPECT(daos_obj_punch_akeys(object, th, DAOS_COND_PUNCH, &dkey, 1, &akey, NULL), -DER_NONEXIST);
	OK(put_in(object, th, DAOS_COND_DKEY_INSERT, "gone", "b", "new"));
	OK(daos_tx_commit(th, NULL));
	EXPECT(daos_tx_commit(th, NULL), -DER_ALREADY);
	EXPECT(put_in(object, th, 0, "x", "a", "late"), -DER_NO_PERM);
	EXPECT(daos_tx_abort(th, NULL), -DER_NO_PERM);
	OK(daos_tx_hdl2epoch(th, &epoch));
	TRUE(epoch > 0);
	OK(daos_tx_close(th, NULL));
	EXPECT(daos_tx_close(th, NULL), -DER_NO_HDL);
	is(object, none, "x", "a", "one");
	is(object, none, "y", "a", "two");
	is(object, none, "gone", "a", NULL);
	is(object, none, "gone", "b", "new");

	/* What is aborted or closed leaves nothing. */
	OK(daos_tx_open(container, &th, 0, NULL));
	OK(put_in(object, th, 0, "x", "a", "aborted"));
	OK(daos_tx_abort(th, NULL));
	EXPECT(daos_tx_abort(th, NULL), -DER_ALREADY);
	EXPECT(daos_tx_commit(th, NULL), -DER_NO_PERM);
	OK(daos_tx_close(th, NULL));
	OK(daos_tx_open(container, &th, 0, NULL));
	OK(put_in(object, th, 0, "x", "a", "closed"));
	OK(daos_tx_close(th, NULL));
	is(object, none, "x", "a", "one");

	/* One that only reads. */
	OK(daos_tx_open(container, &th, DAOS_TF_RDONLY, NULL));
	EXPECT(put_in(object, th, 0, "x", "a", "no"), -DER_NO_PERM);
	is(object, th, "x", "a", "one");
	OK(put_in(object, none, 0, "x", "a", "three"));
	is(object, th, "x", "a", "one");
	OK(daos_tx_commit(th, NULL));
	OK(daos_tx_close(th, NULL));
	/* An empty one. */
	OK(daos_tx_open(container, &th, DAOS_TF_ZERO_COPY, NULL));
	OK(daos_tx_commit(th, NULL));
	OK(daos_tx_close(th, NULL));
	EXPECT(daos_tx_open(container, &th, 64, NULL), -DER_INVAL);
	EXPECT(daos_tx_open(container, NULL, 0, NULL), -DER_INVAL);
	EXPECT(daos_tx_commit(object, NULL), -DER_NO_HDL);
	EXPECT(put_in(object, container, 0, "x", "a", "no"), -DER_NO_HDL);
	OK(daos_obj_close(object, NULL));
}

static void
conflicts(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 2, DAOS_OT_MULTI_HASHED, OC_S1), first, second;

	OK(put_in(object, none, 0, "d", "a", "0"));
	OK(daos_tx_open(container, &first, 0, NULL));
	OK(daos_tx_open(container, &second, 0, NULL));
	is(object, first, "d", "a", "0");
	is(object, second, "d", "a", "0");
	OK(put_in(object, first, 0, "d", "a", "first"));
	OK(put_in(object, second, 0, "d", "a", "second"));
	OK(daos_tx_commit(second, NULL));
	/* The second one, which is newer, has read what the first one would change. */
	EXPECT(daos_tx_commit(first, NULL), -DER_TX_RESTART);
	is(object, none, "d", "a", "second");
	EXPECT(daos_tx_commit(first, NULL), -DER_NO_PERM);
	OK(daos_tx_restart(first, NULL));
	is(object, first, "d", "a", "second");
	OK(put_in(object, first, 0, "d", "a", "first"));
	OK(daos_tx_commit(first, NULL));
	EXPECT(daos_tx_restart(first, NULL), -DER_NO_PERM);
	is(object, none, "d", "a", "first");
	OK(daos_tx_close(first, NULL));
	OK(daos_tx_close(second, NULL));
	OK(daos_obj_close(object, NULL));
}

/* Writes that lie at several targets are refused, and nothing of them is made. */
static void
several_targets(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 3, DAOS_OT_MULTI_HASHED, OC_SX), th;
	uint32_t targets = 0;
	char text[16];
	int number;

	OK(daos_obj_anchor_split(object, &targets, NULL));
	OK(daos_tx_open(container, &th, 0, NULL));
	for (number = 0; number < 64; number++) {
		snprintf(text, sizeof(text), "%d", number);
		OK(put_in(object, th, 0, text, "a", text));
	}
	EXPECT(daos_tx_commit(th, NULL), targets > 1 ? -DER_NOSYS : 0);
	if (targets > 1) {
		is(object, none, "0", "a", NULL);
		OK(daos_tx_restart(th, NULL));
		/* Reads may be anywhere. */
		is(object, th, "1", "a", NULL);
		is(object, th, "2", "a", NULL);
		is(object, th, "3", "a", NULL);
		OK(put_in(object, th, 0, "0", "a", "0"));
		OK(put_in(object, th, 0, "0", "b", "0"));
		OK(daos_tx_commit(th, NULL));
	}
	is(object, none, "0", "a", "0");
	OK(daos_tx_close(th, NULL));
	OK(daos_obj_close(object, NULL));
}

/* Arrays, with what the transaction has written over what is there; values that do not fit a message. */
static void
arrays(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 4, DAOS_OT_MULTI_HASHED, OC_S1), th;
	static char large[600000], back[600000];
	char bytes[20];
	daos_key_t dkey = key_of("d");
	daos_recx_t recx = {0, 20}, found[8];
	daos_iod_t iod;
	daos_iom_t iom;
	d_sg_list_t sgl;
	d_iov_t iov;

	single(&iod, &sgl, &iov, "array", bytes, sizeof(bytes));
	iod.iod_type = DAOS_IOD_ARRAY;
	iod.iod_size = 1;
	iod.iod_nr = 1;
	iod.iod_recxs = &recx;
	memset(bytes, 'a', sizeof(bytes));
	recx.rx_nr = 10;
	iov.iov_len = 10;
	OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
	OK(daos_tx_open(container, &th, 0, NULL));
	memset(bytes, 'b', sizeof(bytes));
	recx.rx_idx = 5;
	recx.rx_nr = 3;
	iov.iov_len = 3;
	OK(daos_obj_update(object, th, 0, &dkey, 1, &iod, &sgl, NULL));
	recx.rx_idx = 15;
	recx.rx_nr = 2;
	iov.iov_len = 2;
	OK(daos_obj_update(object, th, 0, &dkey, 1, &iod, &sgl, NULL));
	recx.rx_idx = 0;
	recx.rx_nr = 2;
	iod.iod_size = 0;
	OK(daos_obj_update(object, th, 0, &dkey, 1, &iod, NULL, NULL));
	memset(bytes, '.', sizeof(bytes));
	recx.rx_idx = 0;
	recx.rx_nr = 20;
	iod.iod_size = 1;
	d_iov_set(&iov, bytes, sizeof(bytes));
	memset(&iom, 0, sizeof(iom));
	iom.iom_flags = DAOS_IOMF_DETAIL;
	iom.iom_nr = 8;
	iom.iom_recxs = found;
	OK(daos_obj_fetch(object, th, 0, &dkey, 1, &iod, &sgl, &iom, NULL));
	TRUE(memcmp(bytes, "..aaabbbaa.....bb...", 20) == 0 && iov.iov_len == 17);
	TRUE(iom.iom_nr_out >= 2 && iom.iom_recx_lo.rx_idx == 2 && iom.iom_recx_hi.rx_idx == 15);

	memset(large, 'L', sizeof(large));
	single(&iod, &sgl, &iov, "large", large, sizeof(large));
	OK(daos_obj_update(object, th, 0, &dkey, 1, &iod, &sgl, NULL));
	/* It was copied. */
	memset(large, 'x', sizeof(large));
	OK(daos_tx_commit(th, NULL));
	OK(daos_tx_close(th, NULL));
	single(&iod, &sgl, &iov, "large", back, sizeof(back));
	OK(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, &sgl, NULL, NULL));
	TRUE(iod.iod_size == sizeof(back) && back[0] == 'L' && back[599999] == 'L');
	OK(daos_obj_close(object, NULL));
}

static void
key_values_and_arrays(daos_handle_t container)
{
	daos_obj_id_t oid = {0};
	daos_handle_t kv, array, th;
	daos_array_iod_t iod;
	daos_range_t range = {0, 8};
	daos_size_t size = 16;
	d_sg_list_t sgl;
	d_iov_t iov;
	char text[16] = "";

	oid.lo = 5;
	OK(daos_obj_generate_oid(container, &oid, DAOS_OT_KV_HASHED, OC_S1, 0, 0));
	OK(daos_kv_open(container, oid, DAOS_OO_RW, &kv, NULL));
	OK(daos_tx_open(container, &th, 0, NULL));
	OK(daos_kv_put(kv, th, 0, "key", 6, "value", NULL));
	OK(daos_kv_get(kv, th, 0, "key", &size, text, NULL));
	TRUE(size == 6 && strcmp(text, "value") == 0);
	EXPECT(daos_kv_put(kv, th, DAOS_COND_KEY_INSERT, "key", 6, "other", NULL), -DER_EXIST);
	size = 16;
	OK(daos_kv_get(kv, none, 0, "key", &size, text, NULL));
	TRUE(size == 0);
	OK(daos_tx_commit(th, NULL));
	OK(daos_tx_restart(th, NULL) == -DER_NO_PERM ? 0 : -1);
	OK(daos_tx_close(th, NULL));
	size = 16;
	OK(daos_kv_get(kv, none, 0, "key", &size, text, NULL));
	TRUE(size == 6);
	OK(daos_tx_open(container, &th, 0, NULL));
	OK(daos_kv_remove(kv, th, DAOS_COND_PUNCH, "key", NULL));
	EXPECT(daos_kv_remove(kv, th, DAOS_COND_PUNCH, "key", NULL), -DER_NONEXIST);
	OK(daos_tx_commit(th, NULL));
	OK(daos_tx_close(th, NULL));
	size = 16;
	OK(daos_kv_get(kv, none, 0, "key", &size, text, NULL));
	TRUE(size == 0);
	OK(daos_kv_close(kv, NULL));

	oid.lo = 6;
	oid.hi = 0;
	OK(daos_array_generate_oid(container, &oid, true, OC_S1, 0, 0));
	OK(daos_tx_open(container, &th, 0, NULL));
	OK(daos_array_create(container, oid, th, 1, 1024, &array, NULL));
	iod.arr_nr = 1;
	iod.arr_rgs = &range;
	sgl.sg_nr = 1;
	sgl.sg_iovs = &iov;
	d_iov_set(&iov, "abcdefgh", 8);
	OK(daos_array_write(array, th, &iod, &sgl, NULL));
	OK(daos_array_get_size(array, none, &size, NULL));
	TRUE(size == 0);
	OK(daos_tx_commit(th, NULL));
	OK(daos_tx_close(th, NULL));
	OK(daos_array_get_size(array, none, &size, NULL));
	TRUE(size == 8);
	OK(daos_array_close(array, NULL));
}

enum { THREADS = 4, ROUNDS = 25 };

static daos_handle_t counted;

static void *
count(void *argument)
{
	daos_handle_t container = *(daos_handle_t *)argument, th;
	uint64_t number;
	char text[32];
	int round, rc;

	for (round = 0; round < ROUNDS; round++) {
		OK(daos_tx_open(container, &th, 0, NULL));
		for (;;) {
			daos_key_t dkey = key_of("d");
			daos_iod_t iod;
			d_sg_list_t sgl;
			d_iov_t iov;

			single(&iod, &sgl, &iov, "counter", text, sizeof(text));
			iod.iod_size = DAOS_REC_ANY;
			text[0] = 0;
			rc = daos_obj_fetch(counted, th, 0, &dkey, 1, &iod, &sgl, NULL, NULL);
			number = strtoull(text, NULL, 10) + 1;
			snprintf(text, sizeof(text), "%lu", (unsigned long)number);
			if (rc == 0)
				rc = put_in(counted, th, 0, "d", "counter", text);
			if (rc == 0)
				rc = daos_tx_commit(th, NULL);
			if (rc == 0)
				break;
			TRUE(rc == -DER_TX_RESTART);
			OK(daos_tx_restart(th, NULL));
		}
		OK(daos_tx_close(th, NULL));
	}
	return NULL;
}

/* Threads that add one to the same number, none of which is lost. */
static void
counters(daos_handle_t container, const char *wanted)
{
	pthread_t threads[THREADS];
	int number;

	counted = open_object(container, 7, DAOS_OT_MULTI_HASHED, OC_S1);
	for (number = 0; number < THREADS; number++)
		TRUE(pthread_create(&threads[number], NULL, count, &container) == 0);
	for (number = 0; number < THREADS; number++)
		TRUE(pthread_join(threads[number], NULL) == 0);
	is(counted, none, "d", "counter", wanted);
	OK(daos_obj_close(counted, NULL));
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container, object;
	int again = argc > 3;

	TRUE(argc >= 3);
	open_container(argv[1], argv[2], &pool, &container);
	if (!again) {
		all_or_nothing(container);
		conflicts(container);
		several_targets(container);
		arrays(container);
		key_values_and_arrays(container);
	} else {
		/* What was committed outlived the engine. */
		object = open_object(container, 1, DAOS_OT_MULTI_HASHED, OC_S1);
		is(object, none, "y", "a", "two");
		is(object, none, "gone", "b", "new");
		OK(daos_obj_close(object, NULL));
	}
	counters(container, again ? "200" : "100");
	close_container(pool, container);
	return 0;
}
