/* Snapshots: made, named, listed, read by every function that reads, gone back to, waited for, destroyed.
 *
 * run: {pool} {container}
 */
#include "check.h"

static const daos_handle_t none = {0};

static void
put(daos_handle_t object, const char *dkey_text, const char *value)
{
	daos_key_t dkey = key_of(dkey_text);
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;

	single(&iod, &sgl, &iov, "a", (void *)(uintptr_t)value, strlen(value) + 1);
	OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
}

/* Whether a dkey has this value; NULL for none. */
static int
has(daos_handle_t object, daos_handle_t th, const char *dkey_text, const char *value)
{
	daos_key_t dkey = key_of(dkey_text);
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;
	char found[64];

	single(&iod, &sgl, &iov, "a", found, sizeof(found));
	OK(daos_obj_fetch(object, th, 0, &dkey, 1, &iod, &sgl, NULL, NULL));
	if (value == NULL)
		return iod.iod_size == 0;
	return iod.iod_size == strlen(value) + 1 && strcmp(found, value) == 0;
}

static uint32_t
count_dkeys(daos_handle_t object, daos_handle_t th)
{
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	daos_key_desc_t kds[8];
	char text[256];
	d_iov_t iov;
	d_sg_list_t sgl = {1, 0, &iov};
	uint32_t nr, count = 0;

	while (!daos_anchor_is_eof(&anchor)) {
		nr = 8;
		d_iov_set(&iov, text, sizeof(text));
		OK(daos_obj_list_dkey(object, th, &nr, kds, &sgl, &anchor, NULL));
		count += nr;
	}
	return count;
}

/* Returns the epoch of the snapshot that stays. */
static daos_epoch_t
objects(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 100, DAOS_OT_MULTI_HASHED, OC_SX), th, other;
	daos_epoch_t first, second, seen;
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;
	daos_key_t dkey = key_of("one");
	char text[8] = "x";
	daos_epoch_range_t range;

	put(object, "one", "old");
	put(object, "two", "old");
	OK(daos_cont_create_snap(container, &first, (char *)(uintptr_t)"first", NULL));
	put(object, "one", "new");
	put(object, "three", "new");
	OK(daos_obj_punch_dkeys(object, none, 0, 1, (daos_key_t[]){key_of("two")}, NULL));
	OK(daos_cont_create_snap(container, &second, NULL, NULL));
	TRUE(second > first);
	EXPECT(daos_cont_create_snap(container, &seen, (char *)(uintptr_t)"first", NULL), -DER_EXIST);

	EXPECT(daos_tx_open_snap(container, first + 1, &th, NULL), -DER_NONEXIST);
	EXPECT(daos_tx_open_snap(container, first, NULL, NULL), -DER_INVAL);
	OK(daos_tx_open_snap(container, first, &th, NULL));
	OK(daos_tx_hdl2epoch(th, &seen));
	TRUE(seen == first);
	TRUE(has(object, th, "one", "old") && has(object, th, "two", "old") && has(object, th, "three", NULL));
	TRUE(has(object, none, "one", "new") && has(object, none, "two", NULL) && has(object, none, "three", "new"));
	TRUE(count_dkeys(object, th) == 2 && count_dkeys(object, none) == 2);
	OK(daos_tx_open_snap(container, second, &other, NULL));
	TRUE(has(object, other, "one", "new") && has(object, other, "two", NULL));
	OK(daos_tx_close(other, NULL));
	EXPECT(daos_tx_close(other, NULL), -DER_NO_HDL);
	EXPECT(daos_tx_hdl2epoch(other, &seen), -DER_NO_HDL);

	/* Nothing is changed by the handle of a snapshot. */
	single(&iod, &sgl, &iov, "a", text, sizeof(text));
	EXPECT(daos_obj_update(object, th, 0, &dkey, 1, &iod, &sgl, NULL), -DER_NO_PERM);
	EXPECT(daos_obj_punch(object, th, 0, NULL), -DER_NO_PERM);
	EXPECT(daos_obj_punch_dkeys(object, th, 0, 1, &dkey, NULL), -DER_NO_PERM);
	EXPECT(daos_obj_fetch(object, other, 0, &dkey, 1, &iod, &sgl, NULL, NULL), -DER_NO_HDL);

	/* What the snapshot shows stays when all else is freed, and goes with it. */
	OK(daos_cont_aggregate(container, 0, NULL));
	TRUE(has(object, th, "one", "old") && has(object, th, "two", "old"));
	TRUE(has(object, none, "one", "new") && has(object, none, "two", NULL));
	range.epr_lo = range.epr_hi = first;
	OK(daos_cont_destroy_snap(container, range, NULL));
	EXPECT(daos_cont_destroy_snap(container, range, NULL), -DER_NONEXIST);
	OK(daos_cont_aggregate(container, 0, NULL));
	single(&iod, &sgl, &iov, "a", text, sizeof(text));
	EXPECT(daos_obj_fetch(object, th, 0, &dkey, 1, &iod, &sgl, NULL, NULL), -DER_EP_OLD);
	OK(daos_tx_close(th, NULL));
	OK(daos_obj_close(object, NULL));
	return second;
}

static void
key_values_and_arrays(daos_handle_t container)
{
	daos_obj_id_t kv_id = {200, 0}, array_id = {201, 0};
	daos_handle_t kv, array, th;
	daos_epoch_t epoch;
	daos_size_t size, cell, chunk;
	daos_range_t range = {.rg_len = 8, .rg_idx = 0};
	daos_array_iod_t iod = {.arr_nr = 1, .arr_rgs = &range};
	daos_array_stbuf_t status;
	char text[16], bytes[8] = "1234567";
	d_iov_t iov;
	d_sg_list_t sgl = {1, 0, &iov};

	OK(daos_obj_generate_oid(container, &kv_id, DAOS_OT_KV_HASHED, 0, 0, 0));
	OK(daos_kv_open(container, kv_id, DAOS_OO_RW, &kv, NULL));
	OK(daos_kv_put(kv, none, 0, "key", 4, "old", NULL));
	OK(daos_array_generate_oid(container, &array_id, true, 0, 0, 0));
	OK(daos_array_create(container, array_id, none, 1, 4, &array, NULL));
	d_iov_set(&iov, bytes, 8);
	OK(daos_array_write(array, none, &iod, &sgl, NULL));
	OK(daos_cont_create_snap(container, &epoch, NULL, NULL));
	OK(daos_kv_put(kv, none, 0, "key", 4, "new", NULL));
	OK(daos_array_set_size(array, none, 2, NULL));
	OK(daos_tx_open_snap(container, epoch, &th, NULL));
	size = sizeof(text);
	OK(daos_kv_get(kv, th, 0, "key", &size, text, NULL));
	TRUE(size == 4 && strcmp(text, "old") == 0);
	EXPECT(daos_kv_put(kv, th, 0, "key", 4, "no", NULL), -DER_NO_PERM);
	EXPECT(daos_kv_remove(kv, th, 0, "key", NULL), -DER_NO_PERM);
	OK(daos_array_get_size(array, th, &size, NULL));
	TRUE(size == 8);
	OK(daos_array_stat(array, th, &status, NULL));
	TRUE(status.st_size == 8);
	memset(text, 0, sizeof(text));
	d_iov_set(&iov, text, 8);
	OK(daos_array_read(array, th, &iod, &sgl, NULL));
	TRUE(memcmp(text, bytes, 8) == 0);
	OK(daos_array_get_size(array, none, &size, NULL));
	TRUE(size == 2);
	EXPECT(daos_array_write(array, th, &iod, &sgl, NULL), -DER_NO_PERM);
	/* An array that is gone is there in the snapshot. */
	OK(daos_array_destroy(array, none, NULL));
	OK(daos_array_close(array, NULL));
	EXPECT(daos_array_open(container, array_id, none, DAOS_OO_RO, &cell, &chunk, &array, NULL), -DER_NONEXIST);
	OK(daos_array_open(container, array_id, th, DAOS_OO_RO, &cell, &chunk, &array, NULL));
	TRUE(cell == 1 && chunk == 4);
	OK(daos_array_close(array, NULL));
	OK(daos_tx_close(th, NULL));
	OK(daos_kv_close(kv, NULL));
}

static void
listing(daos_handle_t container)
{
	daos_anchor_t anchor;
	daos_cont_info_t info;
	daos_epoch_t epochs[4], last = 0;
	char names[4][DAOS_SNAPSHOT_MAX_LEN], *places[4] = {names[0], names[1], names[2], names[3]};
	int nr = 0, count = 0, named = 0, all;
	daos_epoch_range_t range;

	memset(&anchor, 0, sizeof(anchor));
	OK(daos_cont_create_snap(container, &epochs[0], (char *)(uintptr_t)"listed", NULL));
	OK(daos_cont_create_snap_opt(container, &epochs[1], NULL, DAOS_SNAP_OPT_CR | DAOS_SNAP_OPT_OIT, NULL));
	OK(daos_cont_snap_oit_create(container, epochs[0], NULL, NULL));
	OK(daos_cont_list_snap(container, &nr, NULL, NULL, &anchor, NULL));
	all = nr;
	TRUE(all >= 3 && daos_anchor_is_eof(&anchor));
	memset(&anchor, 0, sizeof(anchor));
	while (!daos_anchor_is_eof(&anchor)) {
		nr = 2;
		OK(daos_cont_list_snap(container, &nr, epochs, places, &anchor, NULL));
		/* How many there are from here on, two of which are given. */
		TRUE(nr == all - count);
		if (nr > 2)
			nr = 2;
		for (int i = 0; i < nr; i++) {
			TRUE(epochs[i] > last);
			last = epochs[i];
			named += strcmp(names[i], "listed") == 0;
		}
		count += nr;
	}
	TRUE(count == all && named == 1);
	OK(daos_cont_query(container, &info, NULL, NULL));
	TRUE(info.ci_nsnapshots == (uint32_t)all && info.ci_lsnapshot == last);
	EXPECT(daos_cont_list_snap(container, NULL, epochs, NULL, &anchor, NULL), -DER_INVAL);
	EXPECT(daos_cont_list_snap(none, &nr, epochs, NULL, &anchor, NULL), -DER_NO_HDL);
	range.epr_lo = 2;
	range.epr_hi = 1;
	EXPECT(daos_cont_destroy_snap(container, range, NULL), -DER_INVAL);
	range.epr_lo = 0;
	range.epr_hi = DAOS_EPOCH_MAX;
	OK(daos_cont_destroy_snap(container, range, NULL));
	OK(daos_cont_query(container, &info, NULL, NULL));
	TRUE(info.ci_nsnapshots == 0 && info.ci_lsnapshot == 0);
}

static void
rollback(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 300, DAOS_OT_MULTI_HASHED, OC_SX);
	daos_handle_t made = open_object(container, 301, DAOS_OT_MULTI_HASHED, OC_S1);
	daos_epoch_t first, second;
	daos_epoch_range_t range;

	put(object, "one", "old");
	put(object, "two", "old");
	OK(daos_cont_create_snap(container, &first, NULL, NULL));
	put(object, "one", "new");
	put(made, "one", "new");
	OK(daos_obj_punch(object, none, 0, NULL));
	put(object, "three", "new");
	EXPECT(daos_cont_rollback(container, 0, NULL), -DER_INVAL);
	EXPECT(daos_cont_rollback(container, first + 1, NULL), -DER_NONEXIST);
	OK(daos_cont_create_snap(container, &second, NULL, NULL));
	EXPECT(daos_cont_rollback(container, first, NULL), -DER_BUSY);
	range.epr_lo = range.epr_hi = second;
	OK(daos_cont_destroy_snap(container, range, NULL));
	/* Also what was aggregated since is taken back. */
	OK(daos_cont_aggregate(container, 0, NULL));
	OK(daos_cont_rollback(container, first, NULL));
	TRUE(has(object, none, "one", "old") && has(object, none, "two", "old") && has(object, none, "three", NULL));
	TRUE(has(made, none, "one", NULL) && count_dkeys(made, none) == 0 && count_dkeys(object, none) == 2);
	/* Open handles go on. */
	put(object, "one", "newest");
	TRUE(has(object, none, "one", "newest"));
	OK(daos_cont_rollback(container, first, NULL));
	TRUE(has(object, none, "one", "old"));
	OK(daos_obj_close(object, NULL));
	OK(daos_obj_close(made, NULL));
}

static void
subscription(daos_handle_t container)
{
	daos_epoch_t made, seen = 0, next;
	daos_handle_t queue;
	daos_event_t event, *ended = NULL;
	daos_epoch_range_t range = {0, DAOS_EPOCH_MAX};

	OK(daos_cont_destroy_snap(container, range, NULL));
	OK(daos_eq_create(&queue));
	OK(daos_event_init(&event, queue, NULL));
	OK(daos_cont_subscribe(container, &seen, &event));
	TRUE(daos_eq_poll(queue, 0, DAOS_EQ_NOWAIT, 1, &ended) == 0);
	OK(daos_cont_create_snap(container, &made, NULL, NULL));
	TRUE(daos_eq_poll(queue, 0, DAOS_EQ_WAIT, 1, &ended) == 1 && ended == &event && event.ev_error == 0);
	TRUE(seen == made);
	/* Those that are there are told one after the other. */
	OK(daos_cont_create_snap(container, &made, NULL, NULL));
	next = seen + 1;
	OK(daos_cont_subscribe(container, &next, NULL));
	TRUE(next == made);
	next = 0;
	OK(daos_cont_subscribe(container, &next, NULL));
	TRUE(next == seen);
	EXPECT(daos_cont_subscribe(container, NULL, NULL), -DER_INVAL);
	OK(daos_event_fini(&event));
	OK(daos_eq_destroy(queue, 0));
}

static void
read_only(daos_handle_t pool, const char *label, daos_epoch_t epoch)
{
	daos_handle_t container, th;
	daos_epoch_range_t range = {epoch, epoch};

	OK(daos_cont_open(pool, label, DAOS_COO_RO, &container, NULL, NULL));
	EXPECT(daos_cont_create_snap(container, &epoch, NULL, NULL), -DER_NO_PERM);
	EXPECT(daos_cont_destroy_snap(container, range, NULL), -DER_NO_PERM);
	EXPECT(daos_cont_rollback(container, epoch, NULL), -DER_NO_PERM);
	EXPECT(daos_cont_aggregate(container, 0, NULL), -DER_NO_PERM);
	OK(daos_tx_open_snap(container, epoch, &th, NULL));
	OK(daos_tx_close(th, NULL));
	OK(daos_cont_close(container, NULL));
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container;
	daos_epoch_t epoch;

	if (argc < 3)
		return 2;
	open_container(argv[1], argv[2], &pool, &container);
	epoch = objects(container);
	read_only(pool, argv[2], epoch);
	key_values_and_arrays(container);
	listing(container);
	rollback(container);
	subscription(container);
	close_container(pool, container);
	puts("done");
	return 0;
}
