/* Objects: values, arrays with holes, conditions, punches, listings and queries.
 *
 * run: {pool} {container}
 */
#include "check.h"

static const daos_handle_t none = {0};

static int
put(daos_handle_t object, uint64_t flags, const char *dkey_text, const char *akey, const char *text)
{
	daos_key_t dkey = key_of(dkey_text);
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;

	single(&iod, &sgl, &iov, akey, (void *)(uintptr_t)text, strlen(text) + 1);
	return daos_obj_update(object, none, flags, &dkey, 1, &iod, &sgl, NULL);
}

/* The size of the value, which must fit. */
static size_t
get(daos_handle_t object, const char *dkey_text, const char *akey, char *text, size_t room)
{
	daos_key_t dkey = key_of(dkey_text);
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;

	single(&iod, &sgl, &iov, akey, text, room);
	iod.iod_size = DAOS_REC_ANY;
	OK(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, &sgl, NULL, NULL));
	TRUE(iod.iod_size == 0 || (sgl.sg_nr_out == 1 && iov.iov_len == iod.iod_size));
	return iod.iod_size;
}

static void
values(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 10, DAOS_OT_MULTI_HASHED, OC_S2);
	daos_key_t dkey = key_of("d"), akeys[1];
	daos_epoch_t first, second;
	char text[32];
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;

	OK(daos_obj_query_max_epoch(object, none, &first, NULL));
	TRUE(first == 0);
	TRUE(get(object, "d", "a", text, sizeof(text)) == 0);
	EXPECT(put(object, DAOS_COND_AKEY_UPDATE, "d", "a", "x"), -DER_NONEXIST);
	OK(put(object, DAOS_COND_AKEY_INSERT, "d", "a", "first"));
	EXPECT(put(object, DAOS_COND_AKEY_INSERT, "d", "a", "x"), -DER_EXIST);
	OK(daos_obj_query_max_epoch(object, none, &first, NULL));
	TRUE(first > 0);
	OK(put(object, 0, "d", "a", "and the second"));
	OK(daos_obj_query_max_epoch(object, none, &second, NULL));
	TRUE(second > first);
	TRUE(get(object, "d", "a", text, sizeof(text)) == 15);
	TRUE(strcmp(text, "and the second") == 0);

	/* Too little room: the size is told, and nothing is written behind the buffer. */
	memset(text, '#', sizeof(text));
	single(&iod, &sgl, &iov, "a", text, 4);
	EXPECT(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, &sgl, NULL, NULL), -DER_REC2BIG);
	TRUE(iod.iod_size == 15 && text[4] == '#');
	/* Sizes alone. */
	iod.iod_size = DAOS_REC_ANY;
	OK(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, NULL, NULL, NULL));
	TRUE(iod.iod_size == 15);

	akeys[0] = key_of("a");
	OK(daos_obj_punch_akeys(object, none, 0, &dkey, 1, akeys, NULL));
	TRUE(get(object, "d", "a", text, sizeof(text)) == 0);
	OK(put(object, 0, "d", "a", "again"));
	OK(daos_obj_punch_dkeys(object, none, 0, 1, &dkey, NULL));
	TRUE(get(object, "d", "a", text, sizeof(text)) == 0);
	OK(put(object, 0, "d", "a", "again"));
	OK(daos_obj_punch(object, none, 0, NULL));
	TRUE(get(object, "d", "a", text, sizeof(text)) == 0);
	OK(daos_obj_close(object, NULL));
}

static void
arrays(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 11, DAOS_OT_MULTI_HASHED, OC_S1);
	daos_key_t dkey = key_of("d"), akey = key_of("a");
	uint32_t written[8] = {1, 2, 3, 4, 5, 6, 7, 8}, got[16];
	daos_recx_t recxs[2] = {{0, 4}, {8, 4}}, found[4];
	daos_epoch_range_t eprs[4];
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	daos_iod_t iod;
	daos_iom_t iom;
	d_sg_list_t sgl;
	d_iov_t iovs[2];
	daos_size_t size;
	daos_recx_t overlapping[3] = {{0, 3}, {4, 1}, {3, 2}};
	uint32_t nr = 4;
	int i;

	single(&iod, &sgl, iovs, "a", written, sizeof(written));
	iod.iod_type = DAOS_IOD_ARRAY;
	iod.iod_size = sizeof(uint32_t);
	iod.iod_nr = 2;
	iod.iod_recxs = recxs;
	/* The records of both extents come from two buffers that are cut elsewhere. */
	d_iov_set(&iovs[0], written, 12);
	d_iov_set(&iovs[1], &written[3], 20);
	sgl.sg_nr = 2;
	OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
	/* Nobody says which of two records for one place counts. */
	iod.iod_recxs = overlapping;
	iod.iod_nr = 3;
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_INVAL);
	iod.iod_recxs = recxs;

	memset(got, 0xee, sizeof(got));
	recxs[0].rx_idx = 2;
	recxs[0].rx_nr = 10;
	iod.iod_nr = 1;
	d_iov_set(&iovs[0], got, 10 * sizeof(uint32_t));
	sgl.sg_nr = 1;
	memset(&iom, 0, sizeof(iom));
	iom.iom_flags = DAOS_IOMF_DETAIL;
	iom.iom_nr = 4;
	iom.iom_recxs = found;
	OK(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, &sgl, &iom, NULL));
	TRUE(iod.iod_size == sizeof(uint32_t));
	TRUE(got[0] == 3 && got[1] == 4);
	for (i = 2; i < 6; i++)
		TRUE(got[i] == 0xeeeeeeee);
	for (i = 6; i < 10; i++)
		TRUE(got[i] == (uint32_t)i - 1);
	TRUE(iom.iom_nr_out == 2 && iom.iom_size == 4 && iom.iom_type == DAOS_IOD_ARRAY);
	TRUE(found[0].rx_idx == 2 && found[0].rx_nr == 2 && found[1].rx_idx == 8 && found[1].rx_nr == 4);
	TRUE(iom.iom_recx_lo.rx_idx == 2 && iom.iom_recx_hi.rx_idx == 8);

	OK(daos_obj_list_recx(object, none, &dkey, &akey, &size, &nr, found, eprs, &anchor, true, NULL));
	TRUE(nr == 2 && size == 4 && daos_anchor_is_eof(&anchor));
	TRUE(found[0].rx_idx == 0 && found[0].rx_nr == 4 && found[1].rx_idx == 8 && found[1].rx_nr == 4);

	/* A record size of zero removes records. */
	recxs[0].rx_idx = 0;
	recxs[0].rx_nr = 12;
	iod.iod_size = 0;
	OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
	recxs[0].rx_nr = 10;
	memset(got, 0xee, sizeof(got));
	OK(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, &sgl, NULL, NULL));
	for (i = 0; i < 10; i++)
		TRUE(got[i] == 0xeeeeeeee);
	OK(daos_obj_close(object, NULL));
}

#define KEYS 300

static void
listing(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 12, DAOS_OT_MULTI_HASHED, OC_SX);
	bool seen[KEYS] = {false};
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	char name[16], text[100];
	int i, count = 0;

	for (i = 0; i < KEYS; i++) {
		snprintf(name, sizeof(name), "key %d", i);
		OK(put(object, 0, name, "a", name));
	}
	while (!daos_anchor_is_eof(&anchor)) {
		daos_key_desc_t kds[7];
		uint32_t j, nr = 7;
		d_iov_t iov;
		d_sg_list_t sgl = {1, 0, &iov};
		size_t position = 0;

		d_iov_set(&iov, text, sizeof(text));
		OK(daos_obj_list_dkey(object, none, &nr, kds, &sgl, &anchor, NULL));
		for (j = 0; j < nr; j++) {
			TRUE(kds[j].kd_key_len < sizeof(name) && position + kds[j].kd_key_len <= sizeof(text));
			snprintf(name, sizeof(name), "%.*s", (int)kds[j].kd_key_len, text + position);
			TRUE(sscanf(name, "key %d", &i) == 1 && i >= 0 && i < KEYS && !seen[i]);
			seen[i] = true;
			position += kds[j].kd_key_len;
			count++;
		}
		TRUE(position <= sizeof(text));
	}
	TRUE(count == KEYS);
	OK(daos_obj_close(object, NULL));
}

static void
queries(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 13, DAOS_OT_DKEY_UINT64, OC_SX);
	uint64_t numbers[3] = {7, 3, 1000000}, found = 0, record = 5;
	daos_recx_t recx = {40, 1};
	daos_key_t dkey, akey = key_of("a");
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;
	int i;

	d_iov_set(&dkey, &found, sizeof(found));
	EXPECT(daos_obj_query_key(object, none, DAOS_GET_MAX | DAOS_GET_DKEY, &dkey, NULL, NULL, NULL), -DER_NONEXIST);
	for (i = 0; i < 3; i++) {
		d_iov_set(&dkey, &numbers[i], sizeof(numbers[i]));
		single(&iod, &sgl, &iov, "a", &record, sizeof(record));
		iod.iod_type = DAOS_IOD_ARRAY;
		iod.iod_recxs = &recx;
		OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
	}
	d_iov_set(&dkey, &found, sizeof(found));
	OK(daos_obj_query_key(object, none, DAOS_GET_MAX | DAOS_GET_DKEY, &dkey, NULL, NULL, NULL));
	TRUE(found == 1000000);
	OK(daos_obj_query_key(object, none, DAOS_GET_MIN | DAOS_GET_DKEY, &dkey, NULL, NULL, NULL));
	TRUE(found == 3);
	recx.rx_idx = 0;
	OK(daos_obj_query_key(object, none, DAOS_GET_MAX | DAOS_GET_DKEY | DAOS_GET_RECX, &dkey, &akey, &recx, NULL));
	TRUE(found == 1000000 && recx.rx_idx + recx.rx_nr == 41);
	OK(daos_obj_close(object, NULL));
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container;

	if (argc < 3)
		return 2;
	open_container(argv[1], argv[2], &pool, &container);
	values(container);
	arrays(container);
	listing(container);
	queries(container);
	close_container(pool, container);
	puts("done");
	return 0;
}
