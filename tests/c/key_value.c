/* Key-value objects and arrays of cells.
 *
 * run: {pool} {container}
 */
#include "check.h"

static const daos_handle_t none = {0};

static void
key_values(daos_handle_t container)
{
	daos_obj_id_t oid = {20, 0};
	daos_handle_t kv;
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	daos_key_desc_t kds[8];
	daos_size_t size = 0;
	char text[64];
	d_iov_t iov;
	d_sg_list_t sgl = {1, 0, &iov};
	uint32_t nr, count = 0;

	OK(daos_obj_generate_oid(container, &oid, DAOS_OT_KV_HASHED, 0, 0, 0));
	TRUE(daos_is_kv(oid) && daos_obj_id2class(oid) == OC_S1);
	OK(daos_kv_open(container, oid, DAOS_OO_RW, &kv, NULL));
	OK(daos_kv_get(kv, none, 0, "one", &size, NULL, NULL));
	TRUE(size == 0);
	EXPECT(daos_kv_get(kv, none, DAOS_COND_KEY_GET, "one", &size, NULL, NULL), -DER_NONEXIST);
	EXPECT(daos_kv_put(kv, none, 0, "", 1, "x", NULL), -DER_INVAL);
	EXPECT(daos_kv_put(kv, none, 0, NULL, 1, "x", NULL), -DER_INVAL);
	EXPECT(daos_kv_put(kv, none, 0, "one", 1, NULL, NULL), -DER_INVAL);
	EXPECT(daos_kv_put(kv, none, 0, "one", 0, "x", NULL), -DER_INVAL);
	EXPECT(daos_kv_put(kv, none, 0, "one", 1ULL << 63, "x", NULL), -DER_INVAL);
	OK(daos_kv_put(kv, none, DAOS_COND_KEY_INSERT, "one", 4, "ONE", NULL));
	EXPECT(daos_kv_put(kv, none, DAOS_COND_KEY_INSERT, "one", 4, "ONE", NULL), -DER_EXIST);
	EXPECT(daos_kv_put(kv, none, DAOS_COND_KEY_UPDATE, "two", 4, "TWO", NULL), -DER_NONEXIST);
	OK(daos_kv_put(kv, none, 0, "two", 4, "TWO", NULL));

	size = sizeof(text);
	OK(daos_kv_get(kv, none, 0, "one", &size, text, NULL));
	TRUE(size == 4 && strcmp(text, "ONE") == 0);
	size = 2;
	EXPECT(daos_kv_get(kv, none, 0, "one", &size, text, NULL), -DER_REC2BIG);
	TRUE(size == 4);

	while (!daos_anchor_is_eof(&anchor)) {
		nr = 8;
		d_iov_set(&iov, text, sizeof(text));
		OK(daos_kv_list(kv, none, &nr, kds, &sgl, &anchor, NULL));
		count += nr;
	}
	TRUE(count == 2);
	OK(daos_kv_remove(kv, none, 0, "one", NULL));
	EXPECT(daos_kv_remove(kv, none, DAOS_COND_KEY_REMOVE, "one", NULL), -DER_NONEXIST);
	OK(daos_kv_destroy(kv, none, NULL));
	size = 0;
	OK(daos_kv_get(kv, none, 0, "two", &size, NULL, NULL));
	TRUE(size == 0);
	OK(daos_kv_close(kv, NULL));
	EXPECT(daos_kv_close(kv, NULL), -DER_NO_HDL);
	EXPECT(daos_kv_put(kv, none, 0, "one", 4, "ONE", NULL), -DER_NO_HDL);
}

#define CELLS 1000

static void
arrays(daos_handle_t container)
{
	daos_obj_id_t oid = {21, 0};
	daos_handle_t array;
	uint64_t written[CELLS], got[CELLS];
	daos_range_t range = {5, CELLS};
	daos_array_iod_t iod;
	daos_size_t size, cell, chunk;
	daos_array_stbuf_t stat;
	d_iov_t iov;
	d_sg_list_t sgl = {1, 0, &iov};
	int i;

	for (i = 0; i < CELLS; i++)
		written[i] = (uint64_t)i * i;
	OK(daos_array_generate_oid(container, &oid, false, OC_SX, 0, 0));
	TRUE(daos_is_array(oid));
	OK(daos_array_open_with_attr(container, oid, none, DAOS_OO_RW, sizeof(uint64_t), 64, &array, NULL));
	OK(daos_array_get_attr(array, &chunk, &cell));
	TRUE(cell == sizeof(uint64_t) && chunk == 64);
	OK(daos_array_get_size(array, none, &size, NULL));
	TRUE(size == 0);
	memset(&iod, 0, sizeof(iod));
	iod.arr_nr = 1;
	iod.arr_rgs = &range;
	d_iov_set(&iov, written, sizeof(written));
	OK(daos_array_write(array, none, &iod, &sgl, NULL));
	OK(daos_array_get_size(array, none, &size, NULL));
	TRUE(size == CELLS + 5);
	OK(daos_array_stat(array, none, &stat, NULL));
	TRUE(stat.st_size == CELLS + 5 && stat.st_max_epoch > 0);
	d_iov_set(&iov, got, sizeof(got));
	OK(daos_array_read(array, none, &iod, &sgl, NULL));
	TRUE(memcmp(written, got, sizeof(got)) == 0 && iod.arr_nr_short_read == 0);
	range.rg_len = CELLS + 1;
	EXPECT(daos_array_read(array, none, &iod, &sgl, NULL), -DER_IO_INVAL);
	EXPECT(daos_array_write(array, none, &iod, &sgl, NULL), -DER_IO_INVAL);
	range.rg_idx = ~0ULL;
	EXPECT(daos_array_read(array, none, &iod, &sgl, NULL), -DER_IO_INVAL);
	OK(daos_array_set_size(array, none, 100, NULL));
	OK(daos_array_get_size(array, none, &size, NULL));
	TRUE(size == 100);
	OK(daos_array_destroy(array, none, NULL));
	OK(daos_array_get_size(array, none, &size, NULL));
	TRUE(size == 0);
	OK(daos_array_close(array, NULL));
	EXPECT(daos_array_close(array, NULL), -DER_NO_HDL);

	/* One that keeps its cell and chunk size. */
	oid.lo = 22;
	oid.hi = 0;
	OK(daos_array_generate_oid(container, &oid, true, OC_SX, 0, 0));
	EXPECT(daos_array_open(container, oid, none, DAOS_OO_RW, &cell, &chunk, &array, NULL), -DER_NONEXIST);
	OK(daos_array_create(container, oid, none, 4, 1024, &array, NULL));
	OK(daos_array_close(array, NULL));
	OK(daos_array_open(container, oid, none, DAOS_OO_RO, &cell, &chunk, &array, NULL));
	TRUE(cell == 4 && chunk == 1024);
	OK(daos_array_close(array, NULL));
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container;

	if (argc < 3)
		return 2;
	open_container(argv[1], argv[2], &pool, &container);
	key_values(container);
	arrays(container);
	close_container(pool, container);
	puts("done");
	return 0;
}
