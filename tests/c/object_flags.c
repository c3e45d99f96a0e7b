/* Objects: conditions of single akeys, updates that also remove, maps of what was found, keys that do not fit, hints.
 *
 * run: {pool} {container}
 */
#include "check.h"

static const daos_handle_t none = {0};

enum { AKEYS = 3 };

static char values[AKEYS][8] = {"one", "two", "three"};
static const char *names[AKEYS] = {"a", "b", "c"};

struct call {
	daos_iod_t iods[AKEYS];
	d_sg_list_t sgls[AKEYS];
	d_iov_t iovs[AKEYS];
};

static void
describe(struct call *call, char (*bytes)[8])
{
	int index;

	for (index = 0; index < AKEYS; index++)
		single(&call->iods[index], &call->sgls[index], &call->iovs[index], names[index], bytes[index], 8);
}

/* Conditions of what an update removes: the first and the third akey are there, the second is not. */
static void
removals(daos_handle_t object, daos_handle_t th)
{
	daos_key_t dkey = key_of("d"), other = key_of("no such");
	char got[AKEYS][8];
	struct call call;

	describe(&call, values);
	call.iods[1].iod_size = 0;
	call.iods[1].iod_flags = DAOS_COND_AKEY_UPDATE;
	EXPECT(daos_obj_update(object, th, DAOS_COND_PER_AKEY, &dkey, 3, call.iods, call.sgls, NULL), -DER_NONEXIST);
	/* What comes first in the call is not what comes first in the conditions. */
	call.iods[0].iod_size = 0;
	call.iods[0].iod_flags = DAOS_COND_AKEY_UPDATE;
	call.iods[1].iod_size = 8;
	call.iods[1].iod_flags = DAOS_COND_AKEY_INSERT;
	call.iods[2].iod_flags = DAOS_COND_AKEY_INSERT;
	EXPECT(daos_obj_update(object, th, DAOS_COND_PER_AKEY, &dkey, 3, call.iods, call.sgls, NULL), -DER_EXIST);
	call.iods[2].iod_flags = 0;
	OK(daos_obj_update(object, th, DAOS_COND_PER_AKEY, &dkey, 3, call.iods, call.sgls, NULL));
	describe(&call, got);
	OK(daos_obj_fetch(object, th, 0, &dkey, 3, call.iods, call.sgls, NULL, NULL));
	TRUE(call.iods[0].iod_size == 0 && call.iods[1].iod_size == 8 && call.iods[2].iod_size == 8);
	/* Nothing but removals has conditions, too. */
	describe(&call, values);
	call.iods[0].iod_size = 0;
	EXPECT(daos_obj_update(object, th, DAOS_COND_AKEY_UPDATE, &dkey, 1, call.iods, NULL, NULL), -DER_NONEXIST);
	EXPECT(daos_obj_update(object, th, DAOS_COND_DKEY_UPDATE, &other, 1, call.iods, NULL, NULL), -DER_NONEXIST);
	OK(daos_obj_update(object, th, 0, &dkey, 1, call.iods, NULL, NULL));
	call.iods[1].iod_size = 0;
	OK(daos_obj_update(object, th, DAOS_COND_AKEY_UPDATE, &dkey, 1, &call.iods[1], NULL, NULL));
	EXPECT(daos_obj_update(object, th, DAOS_COND_AKEY_UPDATE, &dkey, 1, &call.iods[1], NULL, NULL), -DER_NONEXIST);
}

static void
conditions(daos_handle_t container, daos_handle_t th)
{
	daos_handle_t object = open_object(container, th.cookie == 0 ? 1 : 2, DAOS_OT_MULTI_HASHED, OC_S1);
	daos_key_t dkey = key_of("d");
	char got[AKEYS][8];
	struct call call;

	describe(&call, values);
	OK(daos_obj_update(object, th, 0, &dkey, 1, call.iods, call.sgls, NULL));
	/* "a" is there, the others are not. */
	call.iods[0].iod_flags = DAOS_COND_AKEY_UPDATE;
	call.iods[1].iod_flags = DAOS_COND_AKEY_INSERT;
	call.iods[2].iod_flags = DAOS_COND_AKEY_UPDATE;
	EXPECT(daos_obj_update(object, th, DAOS_COND_PER_AKEY, &dkey, 3, call.iods, call.sgls, NULL), -DER_NONEXIST);
	call.iods[2].iod_flags = 0;
	OK(daos_obj_update(object, th, DAOS_COND_PER_AKEY, &dkey, 3, call.iods, call.sgls, NULL));
	EXPECT(daos_obj_update(object, th, DAOS_COND_PER_AKEY, &dkey, 3, call.iods, call.sgls, NULL), -DER_EXIST);
	call.iods[1].iod_flags = DAOS_COND_DKEY_INSERT;
	EXPECT(daos_obj_update(object, th, DAOS_COND_PER_AKEY, &dkey, 3, call.iods, call.sgls, NULL), -DER_INVAL);
	call.iods[1].iod_flags = 0;
	EXPECT(daos_obj_update(object, th, DAOS_COND_PER_AKEY | DAOS_COND_AKEY_INSERT, &dkey, 3, call.iods, call.sgls, NULL),
	       -DER_INVAL);
	EXPECT(daos_obj_update(object, th, 1 << 20, &dkey, 3, call.iods, call.sgls, NULL), -DER_INVAL);

	describe(&call, got);
	call.iods[0].iod_name = key_of("x");
	OK(daos_obj_fetch(object, th, DAOS_COND_DKEY_FETCH, &dkey, 3, call.iods, call.sgls, NULL, NULL));
	TRUE(call.iods[0].iod_size == 0 && call.iods[1].iod_size == 8 && strcmp(got[1], "two") == 0);
	call.iods[1].iod_flags = DAOS_COND_AKEY_FETCH;
	OK(daos_obj_fetch(object, th, DAOS_COND_PER_AKEY, &dkey, 3, call.iods, call.sgls, NULL, NULL));
	call.iods[0].iod_flags = DAOS_COND_AKEY_FETCH;
	EXPECT(daos_obj_fetch(object, th, DAOS_COND_PER_AKEY, &dkey, 3, call.iods, call.sgls, NULL, NULL), -DER_NONEXIST);

	/* One is removed, the others are written: all of it or none. */
	describe(&call, values);
	call.iods[1].iod_size = 0;
	EXPECT(daos_obj_update(object, th, DAOS_COND_DKEY_INSERT, &dkey, 3, call.iods, call.sgls, NULL), -DER_EXIST);
	OK(daos_obj_update(object, th, DAOS_COND_DKEY_UPDATE, &dkey, 3, call.iods, call.sgls, NULL));
	describe(&call, got);
	OK(daos_obj_fetch(object, th, 0, &dkey, 3, call.iods, call.sgls, NULL, NULL));
	TRUE(call.iods[0].iod_size == 8 && call.iods[1].iod_size == 0 && call.iods[2].iod_size == 8);
	removals(object, th);
	OK(daos_obj_close(object, NULL));
}

static void
maps(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 3, DAOS_OT_MULTI_HASHED, OC_S1);
	daos_key_t dkey = key_of("d");
	char bytes[40];
	daos_recx_t recxs[3] = {{0, 4}, {10, 4}, {20, 4}}, found[2] = {{99, 99}, {99, 99}}, all = {0, 40};
	daos_iom_t iom;
	struct call call;

	memset(bytes, 'm', sizeof(bytes));
	single(&call.iods[0], &call.sgls[0], &call.iovs[0], "array", bytes, 12);
	call.iods[0].iod_type = DAOS_IOD_ARRAY;
	call.iods[0].iod_size = 1;
	call.iods[0].iod_nr = 3;
	call.iods[0].iod_recxs = recxs;
	OK(daos_obj_update(object, none, 0, &dkey, 1, call.iods, call.sgls, NULL));
	call.iods[0].iod_nr = 1;
	call.iods[0].iod_recxs = &all;
	d_iov_set(&call.iovs[0], bytes, sizeof(bytes));
	/* Without details: the first and the last. */
	memset(&iom, 0, sizeof(iom));
	OK(daos_obj_fetch(object, none, 0, &dkey, 1, call.iods, call.sgls, &iom, NULL));
	TRUE(iom.iom_nr_out == 0 && iom.iom_recx_lo.rx_idx == 0 && iom.iom_recx_hi.rx_idx == 20 && iom.iom_size == 1);
	TRUE(call.iovs[0].iov_len == 24);
	/* Too little room: how many there are. */
	iom.iom_flags = DAOS_IOMF_DETAIL;
	iom.iom_nr = 2;
	iom.iom_recxs = found;
	OK(daos_obj_fetch(object, none, 0, &dkey, 1, call.iods, call.sgls, &iom, NULL));
	TRUE(iom.iom_nr_out == 3 && iom.iom_nr == 2 && found[0].rx_idx == 0 && found[1].rx_idx == 10);
	/* No room at all: the library makes some. */
	iom.iom_nr = 0;
	iom.iom_recxs = NULL;
	OK(daos_obj_fetch(object, none, 0, &dkey, 1, call.iods, call.sgls, &iom, NULL));
	TRUE(iom.iom_nr_out == 3 && iom.iom_nr == 3 && iom.iom_recxs[2].rx_idx == 20 && iom.iom_recxs[2].rx_nr == 4);
	free(iom.iom_recxs);
	/* An empty array gives none. */
	dkey = key_of("e");
	iom.iom_recxs = NULL;
	OK(daos_obj_fetch(object, none, 0, &dkey, 1, call.iods, call.sgls, &iom, NULL));
	TRUE(iom.iom_nr_out == 0 && iom.iom_recxs == NULL && call.iods[0].iod_size == 0);
	OK(daos_obj_close(object, NULL));
}

static void
long_keys(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 4, DAOS_OT_MULTI_HASHED, OC_S1);
	char name[300], room[400];
	daos_anchor_t anchor = {0};
	daos_key_desc_t kds[2];
	d_sg_list_t sgl = {0};
	d_iov_t iov;
	struct call call;
	daos_key_t dkey;
	uint32_t nr = 2;

	memset(name, 'k', sizeof(name));
	d_iov_set(&dkey, name, sizeof(name));
	describe(&call, values);
	call.iods[0].iod_name = dkey;
	OK(daos_obj_update(object, none, 0, &dkey, 1, call.iods, call.sgls, NULL));
	sgl.sg_nr = 1;
	sgl.sg_iovs = &iov;
	d_iov_set(&iov, room, 16);
	EXPECT(daos_obj_list_dkey(object, none, &nr, kds, &sgl, &anchor, NULL), -DER_KEY2BIG);
	TRUE(kds[0].kd_key_len == sizeof(name));
	d_iov_set(&iov, room, kds[0].kd_key_len);
	OK(daos_obj_list_dkey(object, none, &nr, kds, &sgl, &anchor, NULL));
	TRUE(nr == 1 && kds[0].kd_key_len == sizeof(name) && room[299] == 'k');
	memset(&anchor, 0, sizeof(anchor));
	d_iov_set(&iov, room, 16);
	nr = 2;
	kds[0].kd_key_len = 0;
	EXPECT(daos_obj_list_akey(object, none, &dkey, &nr, kds, &sgl, &anchor, NULL), -DER_KEY2BIG);
	TRUE(kds[0].kd_key_len == sizeof(name));
	OK(daos_obj_close(object, NULL));
}

/* Whatever the hints are, an object of the class that is chosen can be used. */
static void
hints(daos_handle_t container)
{
	static const uint16_t all[] = {0, DAOS_OCH_SHD_DEF, DAOS_OCH_SHD_TINY, DAOS_OCH_SHD_REG, DAOS_OCH_SHD_HI,
				       DAOS_OCH_SHD_EXT, DAOS_OCH_SHD_MAX, DAOS_OCH_RDD_DEF, DAOS_OCH_RDD_NO,
				       DAOS_OCH_RDD_RP, DAOS_OCH_RDD_EC};
	static const enum daos_otype_t types[] = {DAOS_OT_MULTI_HASHED, DAOS_OT_KV_HASHED, DAOS_OT_ARRAY_BYTE};
	char name[MAX_OBJ_CLASS_NAME_LEN];
	daos_handle_t object;
	unsigned int hint, type;

	for (hint = 0; hint < sizeof(all) / sizeof(all[0]); hint++)
		for (type = 0; type < sizeof(types) / sizeof(types[0]); type++) {
			daos_obj_id_t oid = {.lo = 100 + hint};

			OK(daos_obj_generate_oid(container, &oid, types[type], OC_UNKNOWN, all[hint], 0));
			TRUE(daos_oclass_id2name(daos_obj_id2class(oid), name) == 0);
			TRUE(daos_oclass_name2id(name) == (int)daos_obj_id2class(oid));
			TRUE(daos_obj_id2type(oid) == types[type] && oid.lo == 100 + hint);
			OK(daos_obj_open(container, oid, DAOS_OO_RW | DAOS_OO_IO_SEQ, &object, NULL));
			OK(daos_obj_close(object, NULL));
		}
}

/* The class with copies everywhere is that with as many as there are fault domains: one. */
static void
copies_everywhere(daos_handle_t container)
{
	daos_obj_id_t oid = {.lo = 300};
	char name[MAX_OBJ_CLASS_NAME_LEN];
	daos_key_t dkey = key_of("dkey");
	daos_handle_t object;
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;
	uint64_t value = 7, found = 0;

	TRUE(daos_oclass_name2id("RP_XSF") == OC_RP_XSF);
	TRUE(daos_oclass_id2name(OC_RP_XSF, name) == 0 && strcmp(name, "RP_XSF") == 0);
	OK(daos_obj_generate_oid(container, &oid, DAOS_OT_MULTI_HASHED, OC_RP_XSF, 0, 0));
	TRUE(daos_obj_id2class(oid) == OC_S1 && oid.lo == 300);
	OK(daos_obj_open(container, oid, DAOS_OO_RW, &object, NULL));
	single(&iod, &sgl, &iov, "akey", &value, sizeof(value));
	OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
	single(&iod, &sgl, &iov, "akey", &found, sizeof(found));
	OK(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, &sgl, NULL, NULL));
	TRUE(found == 7);
	OK(daos_obj_close(object, NULL));
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container, th;

	TRUE(argc == 3);
	open_container(argv[1], argv[2], &pool, &container);
	conditions(container, none);
	OK(daos_tx_open(container, &th, 0, NULL));
	conditions(container, th);
	OK(daos_tx_commit(th, NULL));
	OK(daos_tx_close(th, NULL));
	maps(container);
	long_keys(container);
	hints(container);
	copies_everywhere(container);
	close_container(pool, container);
	return 0;
}
