/* Objects: where they are, listings in parts and from a key on, verification, classes that users register, hints.
 *
 * run: {pool} {container}
 * rerun: {pool} {container} again
 */
#include "check.h"

static const daos_handle_t none = {0};

enum { KEYS = 200, PARTS_MAX = 64 };

/* Lists from an anchor on, counts what comes, and gives the first key. */
static uint64_t
list_from(daos_handle_t object, daos_anchor_t *anchor, int *seen)
{
	uint64_t numbers[7], first = UINT64_MAX;
	daos_key_desc_t kds[7];
	d_sg_list_t sgl = {0};
	d_iov_t iov;
	uint32_t nr, index;

	sgl.sg_nr = 1;
	sgl.sg_iovs = &iov;
	while (!daos_anchor_is_eof(anchor)) {
		nr = 7;
		d_iov_set(&iov, numbers, sizeof(numbers));
		OK(daos_obj_list_dkey(object, none, &nr, kds, &sgl, anchor, NULL));
		for (index = 0; index < nr; index++) {
			TRUE(kds[index].kd_key_len == 8 && numbers[index] < KEYS);
			seen[numbers[index]]++;
			if (first == UINT64_MAX)
				first = numbers[index];
		}
	}
	return first;
}

static void
parts(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 1, DAOS_OT_DKEY_UINT64, OC_SX);
	daos_anchor_t anchors[PARTS_MAX], anchor;
	int seen[KEYS], other[KEYS], number;
	uint32_t nr = 0, index;

	for (number = 0; number < KEYS; number++)
		OK(put_at(object, number, &number, sizeof(number)));
	OK(daos_obj_anchor_split(object, &nr, NULL));
	TRUE(nr >= 1 && nr <= PARTS_MAX);
	memset(seen, 0, sizeof(seen));
	OK(daos_obj_anchor_split(object, &nr, anchors));
	for (index = 0; index < nr; index++)
		list_from(object, &anchors[index], seen);
	memset(other, 0, sizeof(other));
	for (index = 0; index < nr; index++) {
		memset(&anchor, 0xff, sizeof(anchor));
		OK(daos_obj_anchor_set(object, index, &anchor));
		list_from(object, &anchor, other);
	}
	for (number = 0; number < KEYS; number++)
		TRUE(seen[number] == 1 && other[number] == 1);
	/* One part is the whole. */
	index = 1;
	memset(seen, 0, sizeof(seen));
	OK(daos_obj_anchor_split(object, &index, anchors));
	list_from(object, &anchors[0], seen);
	for (number = 0; number < KEYS; number++)
		TRUE(seen[number] == 1);
	EXPECT(daos_obj_anchor_set(object, 1, &anchor), -DER_INVAL);
	nr++;
	EXPECT(daos_obj_anchor_split(object, &nr, anchors), -DER_INVAL);
	EXPECT(daos_obj_anchor_split(object, NULL, anchors), -DER_INVAL);
	EXPECT(daos_obj_anchor_split(none, &nr, anchors), -DER_NO_HDL);
	OK(daos_obj_close(object, NULL));
}

static void
keys(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 2, DAOS_OT_MULTI_UINT64, OC_S1);
	uint64_t number, first;
	daos_key_t dkey, akey;
	daos_anchor_t anchor;
	int seen[KEYS], index;

	for (number = 0; number < KEYS; number += 2) {
		daos_iod_t iod;
		d_sg_list_t sgl;
		d_iov_t iov;

		d_iov_set(&dkey, &number, sizeof(number));
		single(&iod, &sgl, &iov, "", &number, sizeof(number));
		iod.iod_name = dkey;
		OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
	}
	/* One that is there, and one that is not: the next one comes. */
	for (number = 50; number <= 51; number++) {
		memset(seen, 0, sizeof(seen));
		d_iov_set(&dkey, &number, sizeof(number));
		OK(daos_obj_key2anchor(object, none, &dkey, NULL, &anchor, NULL));
		first = list_from(object, &anchor, seen);
		TRUE(first == (number + 1) / 2 * 2);
		for (index = 0; index < KEYS; index++)
			TRUE(seen[index] == (index % 2 == 0 && index >= (int)number));
	}
	/* The same for akeys. */
	number = 50;
	d_iov_set(&dkey, &number, sizeof(number));
	first = 51;
	d_iov_set(&akey, &first, sizeof(first));
	OK(daos_obj_key2anchor(object, none, &dkey, &akey, &anchor, NULL));
	TRUE(!daos_anchor_is_eof(&anchor));
	EXPECT(daos_obj_key2anchor(object, none, NULL, NULL, &anchor, NULL), -DER_INVAL);
	EXPECT(daos_obj_key2anchor(object, none, &dkey, NULL, NULL, NULL), -DER_INVAL);
	OK(daos_obj_close(object, NULL));
}

static void
where(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 1, DAOS_OT_DKEY_UINT64, OC_SX);
	struct daos_oclass_attr attributes;
	struct daos_obj_attr attr;
	d_rank_t ranks[8];
	d_rank_list_t list;
	daos_obj_id_t oid = {0};

	memset(&attr, 0, sizeof(attr));
	attr.oa_oa = &attributes;
	list.rl_ranks = ranks;
	list.rl_nr = 8;
	OK(daos_obj_query(object, &attr, &list, NULL));
	TRUE(list.rl_nr >= 1 && attr.oa_rank == ranks[0]);
	TRUE(attributes.ca_resil == DAOS_RES_REPL && attributes.u.rp.r_num == 1 && attributes.ca_grp_nr == 0xffff);
	OK(daos_obj_query(object, NULL, NULL, NULL));
	EXPECT(daos_obj_query(none, &attr, &list, NULL), -DER_NO_HDL);
	OK(daos_obj_close(object, NULL));

	oid.lo = 1;
	OK(daos_obj_generate_oid(container, &oid, DAOS_OT_DKEY_UINT64, OC_SX, 0, 0));
	OK(daos_obj_verify(container, oid, DAOS_EPOCH_MAX));
	oid.lo = 4711;
	OK(daos_obj_verify(container, oid, DAOS_EPOCH_MAX));
	EXPECT(daos_obj_verify(container, oid, 0), -DER_INVAL);
	EXPECT(daos_obj_verify(none, oid, DAOS_EPOCH_MAX), -DER_NO_HDL);
}

static void
verify_values(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 3, DAOS_OT_MULTI_HASHED, OC_S2);
	daos_key_t dkey = key_of("d");
	static char large[3 << 20];
	daos_recx_t recxs[2] = {{0, 1 << 20}, {5 << 20, 2 << 20}};
	daos_iod_t iods[2];
	d_sg_list_t sgls[2];
	d_iov_t iovs[2];
	daos_obj_id_t oid = {0};

	memset(large, 7, sizeof(large));
	single(&iods[0], &sgls[0], &iovs[0], "single", large, 100000);
	single(&iods[1], &sgls[1], &iovs[1], "array", large, sizeof(large));
	iods[1].iod_type = DAOS_IOD_ARRAY;
	iods[1].iod_size = 1;
	iods[1].iod_nr = 2;
	iods[1].iod_recxs = recxs;
	OK(daos_obj_update(object, none, 0, &dkey, 2, iods, sgls, NULL));
	OK(daos_obj_close(object, NULL));
	oid.lo = 3;
	OK(daos_obj_generate_oid(container, &oid, DAOS_OT_MULTI_HASHED, OC_S2, 0, 0));
	OK(daos_obj_verify(container, oid, DAOS_EPOCH_MAX));
}

static void
classes(daos_handle_t container, int again)
{
	const daos_oclass_id_t mine = 0x40000001, copies = 0x40000002;
	struct daos_oclass_attr attr, known, attrs[10];
	daos_oclass_id_t cids[10];
	struct daos_oclass_list list;
	daos_obj_id_t oid = {0};
	daos_anchor_t anchor = {0};
	daos_handle_t object;
	int total = 0, found = 0;
	uint32_t index;

	memset(&attr, 0, sizeof(attr));
	attr.ca_schema = DAOS_OS_STRIPED;
	attr.ca_resil = DAOS_RES_REPL;
	attr.ca_grp_nr = 3;
	attr.u.rp.r_num = 1;
	oid.lo = 5;
	if (!again) {
		EXPECT(daos_obj_query_class(container, mine, &known, NULL), -DER_NONEXIST);
		EXPECT(daos_obj_generate_oid(container, &oid, DAOS_OT_DKEY_UINT64, mine, 0, 0), -DER_INVAL);
	}
	OK(daos_obj_register_class(container, mine, &attr, NULL));
	OK(daos_obj_register_class(container, mine, &attr, NULL));
	attr.ca_grp_nr = 4;
	EXPECT(daos_obj_register_class(container, mine, &attr, NULL), -DER_EXIST);
	EXPECT(daos_obj_register_class(container, OC_S1, &attr, NULL), -DER_INVAL);
	EXPECT(daos_obj_register_class(container, 0x40010001, &attr, NULL), -DER_INVAL);
	EXPECT(daos_obj_register_class(container, mine, NULL, NULL), -DER_INVAL);
	attr.u.rp.r_num = 2;
	OK(daos_obj_register_class(container, copies, &attr, NULL));
	OK(daos_obj_query_class(container, mine, &known, NULL));
	TRUE(known.ca_grp_nr == 3 && known.u.rp.r_num == 1 && known.ca_schema == DAOS_OS_STRIPED);
	OK(daos_obj_query_class(container, OC_EC_8P2G1, &known, NULL));
	TRUE(known.ca_resil == DAOS_RES_EC && known.u.ec.e_k == 8 && known.u.ec.e_p == 2 && known.ca_grp_nr == 1);

	memset(&list, 0, sizeof(list));
	list.cl_nr = 10;
	list.cl_cids = cids;
	list.cl_cattrs = attrs;
	while (!daos_anchor_is_eof(&anchor)) {
		OK(daos_obj_list_class(container, &list, &anchor, NULL));
		TRUE(list.cl_nr_out <= 10);
		for (index = 0; index < list.cl_nr_out; index++) {
			total++;
			if (cids[index] == mine && attrs[index].ca_grp_nr == 3)
				found++;
			if (cids[index] == copies && attrs[index].u.rp.r_num == 2)
				found++;
		}
	}
	TRUE(found == 2 && total == daos_oclass_nr(0) + 2);

	OK(daos_obj_generate_oid(container, &oid, DAOS_OT_DKEY_UINT64, mine, 0, 0));
	TRUE(daos_obj_id2class(oid) == mine);
	OK(daos_obj_open(container, oid, DAOS_OO_RW, &object, NULL));
	for (index = 0; index < KEYS; index++)
		OK(put_at(object, index, &index, sizeof(index)));
	TRUE(total > 0);
	index = 0;
	OK(daos_obj_anchor_split(object, &index, NULL));
	TRUE(index >= 1 && index <= 3);
	OK(daos_obj_close(object, NULL));
	OK(daos_obj_verify(container, oid, DAOS_EPOCH_MAX));
	oid.lo = 6;
	OK(daos_obj_generate_oid(container, &oid, DAOS_OT_DKEY_UINT64, copies, 0, 0));
	EXPECT(daos_obj_open(container, oid, DAOS_OO_RW, &object, NULL), -DER_NOTSUPPORTED);
}

static void
chunks(daos_handle_t container)
{
	daos_obj_id_t oid = {0};
	daos_handle_t array;
	daos_size_t cell, chunk;

	oid.lo = 9;
	OK(daos_array_generate_oid(container, &oid, false, OC_S1, 0, 0));
	OK(daos_array_open_with_attr(container, oid, none, DAOS_OO_RW, 1, 4096, &array, NULL));
	OK(daos_array_update_chunk_size(array, 1 << 20));
	OK(daos_array_get_attr(array, &chunk, &cell));
	TRUE(chunk == 1 << 20 && cell == 1);
	EXPECT(daos_array_update_chunk_size(array, 0), -DER_INVAL);
	OK(daos_array_close(array, NULL));
	EXPECT(daos_array_update_chunk_size(array, 7), -DER_NO_HDL);
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container;
	int again = argc > 3;

	TRUE(argc >= 3);
	open_container(argv[1], argv[2], &pool, &container);
	parts(container);
	keys(container);
	where(container);
	verify_values(container);
	classes(container, again);
	chunks(container);
	close_container(pool, container);
	return 0;
}
