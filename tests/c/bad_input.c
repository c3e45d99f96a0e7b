/* Wrong arguments of every kind: each gives the documented number, and none ends the program.
 *
 * run: {pool} {container}
 */
#include "check.h"

/* A pointer that no type of more than one byte can be at. */
#define MISALIGNED(type) ((type *)(uintptr_t)0x1001)

static const char *too_long = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static void
before_init(void)
{
	daos_handle_t handle;

	EXPECT(daos_fini(), -DER_UNINIT);
	EXPECT(daos_reinit(), -DER_UNINIT);
	EXPECT(daos_pool_connect("pool", NULL, DAOS_PC_RW, &handle, NULL, NULL), -DER_UNINIT);
	EXPECT(daos_eq_create(&handle), -DER_UNINIT);
}

static void
pools(const char *label, daos_handle_t container)
{
	daos_handle_t pool, unknown = {0x1234567800000009ULL};
	daos_size_t count = 1;

	EXPECT(daos_pool_connect(NULL, NULL, DAOS_PC_RW, &pool, NULL, NULL), -DER_INVAL);
	EXPECT(daos_pool_connect("", NULL, DAOS_PC_RW, &pool, NULL, NULL), -DER_INVAL);
	EXPECT(daos_pool_connect("a b", NULL, DAOS_PC_RW, &pool, NULL, NULL), -DER_INVAL);
	EXPECT(daos_pool_connect(too_long, NULL, DAOS_PC_RW, &pool, NULL, NULL), -DER_INVAL);
	EXPECT(daos_pool_connect(label, too_long, DAOS_PC_RW, &pool, NULL, NULL), -DER_INVAL);
	EXPECT(daos_pool_connect(label, NULL, 0, &pool, NULL, NULL), -DER_INVAL);
	EXPECT(daos_pool_connect(label, NULL, 0xffff, &pool, NULL, NULL), -DER_INVAL);
	/* Flags that exclude each other. */
	EXPECT(daos_pool_connect(label, NULL, DAOS_PC_RO | DAOS_PC_RW, &pool, NULL, NULL), -DER_INVAL);
	EXPECT(daos_pool_connect(label, NULL, DAOS_PC_RW | DAOS_PC_EX, &pool, NULL, NULL), -DER_INVAL);
	EXPECT(daos_pool_connect(label, NULL, DAOS_PC_RW, NULL, NULL, NULL), -DER_INVAL);
	EXPECT(daos_pool_connect(label, NULL, DAOS_PC_RW, MISALIGNED(daos_handle_t), NULL, NULL), -DER_INVAL);
	EXPECT(daos_pool_connect(label, NULL, DAOS_PC_RW, &pool, MISALIGNED(daos_pool_info_t), NULL), -DER_INVAL);
	EXPECT(daos_pool_connect("no-such-pool", NULL, DAOS_PC_RW, &pool, NULL, NULL), -DER_NONEXIST);

	EXPECT(daos_pool_disconnect(DAOS_HDL_INVAL, NULL), -DER_NO_HDL);
	EXPECT(daos_pool_disconnect(unknown, NULL), -DER_NO_HDL);
	EXPECT(daos_pool_disconnect(container, NULL), -DER_NO_HDL);
	EXPECT(daos_pool_query(container, NULL, NULL, NULL, NULL), -DER_NO_HDL);

	OK(daos_pool_connect(label, NULL, DAOS_PC_RW, &pool, NULL, NULL));
	EXPECT(daos_pool_list_cont(pool, NULL, NULL, NULL), -DER_INVAL);
	EXPECT(daos_pool_list_cont(pool, MISALIGNED(daos_size_t), NULL, NULL), -DER_INVAL);
	count = 1ULL << 63;
	EXPECT(daos_pool_list_cont(pool, &count, (struct daos_pool_cont_info *)&count, NULL), -DER_INVAL);
	EXPECT(daos_pool_local2global(pool, NULL), -DER_INVAL);
	OK(daos_pool_disconnect(pool, NULL));
	EXPECT(daos_pool_disconnect(pool, NULL), -DER_NO_HDL);
	EXPECT(daos_pool_list_cont(pool, &count, NULL, NULL), -DER_NO_HDL);
}

static void
containers(daos_handle_t pool)
{
	daos_handle_t container;
	daos_prop_t *prop;
	uint64_t oid;

	EXPECT(daos_cont_create_with_label(pool, NULL, NULL, NULL, NULL), -DER_INVAL);
	EXPECT(daos_cont_create_with_label(pool, "", NULL, NULL, NULL), -DER_INVAL);
	EXPECT(daos_cont_create_with_label(pool, too_long, NULL, NULL, NULL), -DER_INVAL);
	EXPECT(daos_cont_create_with_label(pool, "a/b", NULL, NULL, NULL), -DER_INVAL);
	EXPECT(daos_cont_create_with_label(DAOS_HDL_INVAL, "a", NULL, NULL, NULL), -DER_NO_HDL);
	EXPECT(daos_cont_open(pool, "no-such-container", DAOS_COO_RW, &container, NULL, NULL), -DER_NONEXIST);
	EXPECT(daos_cont_open(pool, "a", 0, &container, NULL, NULL), -DER_INVAL);
	EXPECT(daos_cont_open(pool, "a", DAOS_COO_RO | DAOS_COO_RW, &container, NULL, NULL), -DER_INVAL);
	EXPECT(daos_cont_open(pool, "a", DAOS_COO_RO | DAOS_COO_EX, &container, NULL, NULL), -DER_INVAL);
	EXPECT(daos_cont_open(pool, "a", DAOS_COO_RW | DAOS_COO_EVICT | DAOS_COO_EVICT_ALL, &container, NULL, NULL), -DER_INVAL);
	EXPECT(daos_cont_open(pool, "a", DAOS_COO_RW, NULL, NULL, NULL), -DER_INVAL);
	EXPECT(daos_cont_open(pool, NULL, DAOS_COO_RW, &container, NULL, NULL), -DER_INVAL);
	EXPECT(daos_cont_destroy(pool, "no-such-container", 0, NULL), -DER_NONEXIST);
	EXPECT(daos_cont_close(pool, NULL), -DER_NO_HDL);
	EXPECT(daos_cont_alloc_oids(pool, 1, &oid, NULL), -DER_NO_HDL);

	prop = daos_prop_alloc(1);
	TRUE(prop != NULL);
	prop->dpp_entries[0].dpe_type = 9999;
	EXPECT(daos_cont_create(pool, NULL, prop, NULL), -DER_INVAL);
	prop->dpp_entries[0].dpe_type = DAOS_PROP_CO_LABEL;
	EXPECT(daos_cont_create(pool, NULL, prop, NULL), -DER_INVAL);
	EXPECT(daos_prop_set_str(prop, DAOS_PROP_CO_OWNER, "x", 1), -DER_NONEXIST);
	EXPECT(daos_prop_set_str(prop, DAOS_PROP_CO_LABEL, too_long, strlen(too_long)), -DER_INVAL);
	prop->dpp_nr = 0xffffffff;
	EXPECT(daos_cont_create(pool, NULL, prop, NULL), -DER_INVAL);
	prop->dpp_nr = 1;
	daos_prop_free(prop);
	daos_prop_free(NULL);
	TRUE(daos_prop_alloc(DAOS_PROP_ENTRIES_MAX_NR + 1) == NULL);
}

static void
object_ids(daos_handle_t container)
{
	daos_obj_id_t oid = {0, 0};
	daos_handle_t object;

	EXPECT(daos_obj_generate_oid(DAOS_HDL_INVAL, &oid, DAOS_OT_MULTI_HASHED, OC_S1, 0, 0), -DER_NO_HDL);
	EXPECT(daos_obj_generate_oid(container, NULL, DAOS_OT_MULTI_HASHED, OC_S1, 0, 0), -DER_INVAL);
	EXPECT(daos_obj_generate_oid(container, &oid, (enum daos_otype_t)99, OC_S1, 0, 0), -DER_INVAL);
	EXPECT(daos_obj_generate_oid(container, &oid, DAOS_OT_MULTI_HASHED, 0xfeedbeef, 0, 0), -DER_INVAL);
	OK(daos_obj_generate_oid(container, &oid, DAOS_OT_MULTI_HASHED, OC_S1, 0, 0));
	EXPECT(daos_obj_open(container, oid, 0, &object, NULL), -DER_INVAL);
	EXPECT(daos_obj_open(container, oid, DAOS_OO_RW, NULL, NULL), -DER_INVAL);
	EXPECT(daos_obj_open(DAOS_HDL_INVAL, oid, DAOS_OO_RW, &object, NULL), -DER_NO_HDL);
	EXPECT(daos_kv_open(container, oid, DAOS_OO_RW, &object, NULL), -DER_INVAL);
}

static void
descriptors(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 1, DAOS_OT_MULTI_HASHED, OC_S1);
	daos_handle_t none = DAOS_TX_NONE, transaction = {77};
	daos_key_t dkey = key_of("d"), empty = key_of(""), null = {NULL, 8, 8}, longer;
	daos_recx_t recx = {0, 1};
	char value[8] = "1234567";
	static char big[65537];
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;

	single(&iod, &sgl, &iov, "a", value, sizeof(value));
	EXPECT(daos_obj_update(DAOS_HDL_INVAL, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_NO_HDL);
	EXPECT(daos_obj_update(container, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_NO_HDL);
	EXPECT(daos_obj_update(object, transaction, 0, &dkey, 1, &iod, &sgl, NULL), -DER_NO_HDL);
	EXPECT(daos_obj_update(object, none, 1ULL << 40, &dkey, 1, &iod, &sgl, NULL), -DER_INVAL);
	EXPECT(daos_obj_update(object, none, 0, NULL, 1, &iod, &sgl, NULL), -DER_INVAL);
	EXPECT(daos_obj_update(object, none, 0, MISALIGNED(daos_key_t), 1, &iod, &sgl, NULL), -DER_INVAL);
	EXPECT(daos_obj_update(object, none, 0, &empty, 1, &iod, &sgl, NULL), -DER_INVAL);
	EXPECT(daos_obj_update(object, none, 0, &null, 1, &iod, &sgl, NULL), -DER_INVAL);
	d_iov_set(&longer, big, sizeof(big));
	EXPECT(daos_obj_update(object, none, 0, &longer, 1, &iod, &sgl, NULL), -DER_KEY2BIG);
	longer.iov_len = longer.iov_buf_len = (size_t)1 << 63;
	EXPECT(daos_obj_update(object, none, 0, &longer, 1, &iod, &sgl, NULL), -DER_KEY2BIG);
	EXPECT(daos_obj_update(object, none, 0, &dkey, 0, &iod, &sgl, NULL), -DER_INVAL);
	EXPECT(daos_obj_update(object, none, 0, &dkey, 0xffffffff, &iod, &sgl, NULL), -DER_INVAL);
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, NULL, &sgl, NULL), -DER_INVAL);
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, NULL, NULL), -DER_INVAL);
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, MISALIGNED(d_sg_list_t), NULL), -DER_INVAL);

	/* Descriptors of the wrong shape. */
	iod.iod_nr = 0;
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_INVAL);
	iod.iod_nr = 2;
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_INVAL);
	EXPECT(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, &sgl, NULL, NULL), -DER_INVAL);
	iod.iod_nr = 1;
	iod.iod_type = (daos_iod_type_t)7;
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_INVAL);
	EXPECT(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, &sgl, NULL, NULL), -DER_INVAL);
	iod.iod_type = DAOS_IOD_ARRAY;
	iod.iod_recxs = NULL;
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_INVAL);
	iod.iod_recxs = &recx;
	iod.iod_nr = 0;
	EXPECT(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, &sgl, NULL, NULL), -DER_INVAL);
	iod.iod_nr = 1;
	recx.rx_nr = 0;
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_INVAL);
	EXPECT(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, &sgl, NULL, NULL), -DER_INVAL);
	recx.rx_nr = 1ULL << 63;
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_REC2BIG);
	recx.rx_idx = 1ULL << 63;
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_INVAL);
	recx.rx_idx = 0;
	recx.rx_nr = 1;
	iod.iod_size = 1ULL << 63;
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_REC2BIG);

	/* Buffers that do not match. */
	iod.iod_size = sizeof(value) + 1;
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_REC2BIG);
	iod.iod_size = sizeof(value);
	sgl.sg_nr = 0;
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_REC2BIG);
	sgl.sg_nr = 0xffffffff;
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_INVAL);
	sgl.sg_nr = 1;
	sgl.sg_iovs = NULL;
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_INVAL);
	sgl.sg_iovs = &iov;
	iov.iov_buf = NULL;
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_INVAL);
	iov.iov_buf = value;
	iov.iov_len = sizeof(value) + 1;
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_INVAL);
	iov.iov_len = iov.iov_buf_len = (size_t)1 << 63;
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_INVAL);

	/* Nothing of all this left anything behind. */
	single(&iod, &sgl, &iov, "a", value, sizeof(value));
	OK(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, &sgl, NULL, NULL));
	TRUE(iod.iod_size == 0);
	OK(daos_obj_close(object, NULL));
	EXPECT(daos_obj_close(object, NULL), -DER_NO_HDL);
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_NO_HDL);
}

static void
listings(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 2, DAOS_OT_MULTI_HASHED, OC_S1);
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	daos_key_desc_t kds[2];
	char text[64];
	d_iov_t iov;
	d_sg_list_t sgl = {1, 0, &iov};
	uint32_t nr = 0;

	d_iov_set(&iov, text, sizeof(text));
	EXPECT(daos_obj_list_dkey(object, DAOS_TX_NONE, &nr, kds, &sgl, &anchor, NULL), -DER_INVAL);
	nr = 2;
	EXPECT(daos_obj_list_dkey(object, DAOS_TX_NONE, NULL, kds, &sgl, &anchor, NULL), -DER_INVAL);
	EXPECT(daos_obj_list_dkey(object, DAOS_TX_NONE, &nr, NULL, &sgl, &anchor, NULL), -DER_INVAL);
	EXPECT(daos_obj_list_dkey(object, DAOS_TX_NONE, &nr, kds, NULL, &anchor, NULL), -DER_INVAL);
	EXPECT(daos_obj_list_dkey(object, DAOS_TX_NONE, &nr, kds, &sgl, NULL, NULL), -DER_INVAL);
	memset(&anchor, 0xff, sizeof(anchor));
	EXPECT(daos_obj_list_dkey(object, DAOS_TX_NONE, &nr, kds, &sgl, &anchor, NULL), -DER_INVAL);
	memset(&anchor, 0, sizeof(anchor));
	nr = 2;
	OK(daos_obj_list_dkey(object, DAOS_TX_NONE, &nr, kds, &sgl, &anchor, NULL));
	TRUE(nr == 0 && daos_anchor_is_eof(&anchor));
	EXPECT(daos_obj_query_key(object, DAOS_TX_NONE, 0, NULL, NULL, NULL, NULL), -DER_INVAL);
	OK(daos_obj_close(object, NULL));
}

static void
events(daos_handle_t pool)
{
	daos_event_t event, *polled[1];
	daos_handle_t queue;
	bool flag;

	memset(&event, 0xa5, sizeof(event));
	EXPECT(daos_event_test(&event, 0, &flag), -DER_INVAL);
	EXPECT(daos_event_fini(&event), -DER_INVAL);
	EXPECT(daos_event_init(NULL, DAOS_HDL_INVAL, NULL), -DER_INVAL);
	EXPECT(daos_event_init(&event, pool, NULL), -DER_NO_HDL);
	EXPECT(daos_pool_query(pool, NULL, NULL, NULL, &event), -DER_INVAL);
	EXPECT(daos_eq_create(NULL), -DER_INVAL);
	OK(daos_eq_create(&queue));
	EXPECT(daos_eq_poll(queue, 0, 0, 0, polled), -DER_INVAL);
	EXPECT(daos_eq_poll(queue, 0, 0, 1, NULL), -DER_INVAL);
	EXPECT(daos_eq_poll(pool, 0, 0, 1, polled), -DER_NO_HDL);
	TRUE(daos_eq_poll(queue, 1, DAOS_EQ_WAIT, 1, polled) == 0);
	OK(daos_event_init(&event, queue, NULL));
	EXPECT(daos_event_parent_barrier(&event), -DER_INVAL);
	EXPECT(daos_event_register_comp_cb(&event, NULL, NULL), -DER_INVAL);
	OK(daos_event_fini(&event));
	/* It can be finalised again, and is one of no queue now. */
	OK(daos_event_fini(&event));
	OK(daos_pool_query(pool, NULL, NULL, NULL, &event));
	OK(daos_event_test(&event, DAOS_EQ_WAIT, &flag));
	TRUE(flag && event.ev_error == 0);
	TRUE(daos_eq_query(queue, DAOS_EQR_ALL, 0, NULL) == 0);
	OK(daos_eq_destroy(queue, 0));
	EXPECT(daos_eq_destroy(queue, 0), -DER_NO_HDL);
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container;

	if (argc < 3)
		return 2;
	before_init();
	open_container(argv[1], argv[2], &pool, &container);
	pools(argv[1], container);
	containers(pool);
	object_ids(container);
	descriptors(container);
	listings(container);
	events(pool);
	close_container(pool, container);
	EXPECT(daos_cont_close(container, NULL), -DER_NO_HDL);
	EXPECT(daos_fini(), -DER_UNINIT);
	puts("done");
	return 0;
}
