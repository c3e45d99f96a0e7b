/* Keys at the limits of their lengths, and of the wrong length for their type.
 *
 * run: {pool} {container}
 */
#include "check.h"

static const daos_handle_t none = {0};

enum { LONGEST = 65536, LENGTHS = 22 };

/* Around what fits a key itself, a word, a page and a message. */
static const size_t lengths[LENGTHS] = {1,   2,	  3,	7,    8,    9,	  15,	17,   21,    22,    23,
					24,  63,  65,	255,  256,  257,  4095, 4097, 40000, 65535, LONGEST};

static char bytes[LONGEST + 1], room[LONGEST + 1];

static daos_key_t
key_with(size_t length)
{
	daos_key_t key;

	d_iov_set(&key, bytes, length);
	return key;
}

static void
describe(daos_iod_t *iod, d_sg_list_t *sgl, d_iov_t *iov, daos_key_t akey, uint64_t *value)
{
	single(iod, sgl, iov, "", value, sizeof(*value));
	iod->iod_name = akey;
}

static int
put(daos_handle_t object, daos_key_t dkey, daos_key_t akey, uint64_t value)
{
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;

	describe(&iod, &sgl, &iov, akey, &value);
	return daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL);
}

static int
get(daos_handle_t object, daos_key_t dkey, daos_key_t akey, uint64_t *value)
{
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;

	*value = 0;
	describe(&iod, &sgl, &iov, akey, value);
	return daos_obj_fetch(object, none, 0, &dkey, 1, &iod, &sgl, NULL, NULL);
}

/* Lists dkeys, or akeys of a dkey; how many bytes all have, each of which must be as it was made. */
static size_t
list(daos_handle_t object, daos_key_t *dkey, int *count)
{
	daos_anchor_t anchor = {0};
	daos_key_desc_t kds;
	d_sg_list_t sgl = {.sg_nr = 1};
	d_iov_t iov;
	size_t total = 0;

	sgl.sg_iovs = &iov;
	*count = 0;
	while (!daos_anchor_is_eof(&anchor)) {
		uint32_t nr = 1;

		d_iov_set(&iov, room, sizeof(room));
		if (dkey == NULL)
			OK(daos_obj_list_dkey(object, none, &nr, &kds, &sgl, &anchor, NULL));
		else
			OK(daos_obj_list_akey(object, none, dkey, &nr, &kds, &sgl, &anchor, NULL));
		if (nr == 0)
			continue;
		TRUE(nr == 1 && memcmp(room, bytes, kds.kd_key_len) == 0);
		total += kds.kd_key_len;
		(*count)++;
	}
	return total;
}

static void
all_lengths(daos_handle_t container, enum daos_otype_t type)
{
	daos_handle_t object = open_object(container, 1 + type, type, OC_S1);
	daos_key_t first = key_with(5);
	size_t index, sum = 0;
	uint64_t value;
	int count;

	for (index = 0; index < LENGTHS; index++) {
		OK(put(object, key_with(lengths[index]), first, 100 + index));
		OK(put(object, first, key_with(lengths[index]), 200 + index));
		sum += lengths[index];
	}
	for (index = 0; index < LENGTHS; index++) {
		OK(get(object, key_with(lengths[index]), first, &value));
		TRUE(value == 100 + index);
		OK(get(object, first, key_with(lengths[index]), &value));
		TRUE(value == 200 + index);
	}
	TRUE(list(object, NULL, &count) == sum + 5 && count == LENGTHS + 1);
	TRUE(list(object, &first, &count) == sum && count == LENGTHS);
	for (index = 0; index < LENGTHS; index++) {
		daos_key_t key = key_with(lengths[index]);

		OK(daos_obj_punch_dkeys(object, none, 0, 1, &key, NULL));
		OK(daos_obj_punch_akeys(object, none, 0, &first, 1, &key, NULL));
		OK(get(object, first, key, &value));
		TRUE(value == 0);
	}
	/* The last akey takes its dkey with it. */
	list(object, NULL, &count);
	TRUE(count == 0);
	OK(daos_obj_close(object, NULL));
}

/* Every call that takes a key must answer the same. */
static void
refused(daos_handle_t object, daos_key_t dkey, daos_key_t akey, int is_dkey, int number)
{
	daos_key_t wrong = is_dkey ? dkey : akey;
	daos_anchor_t anchor = {0};
	daos_key_desc_t kds;
	daos_recx_t recx = {0};
	daos_size_t size = 8;
	d_sg_list_t sgl = {.sg_nr = 1};
	d_iov_t iov;
	uint64_t value;
	uint32_t nr = 1;

	d_iov_set(&iov, room, sizeof(room));
	sgl.sg_iovs = &iov;
	EXPECT(put(object, dkey, akey, 1), number);
	EXPECT(get(object, dkey, akey, &value), number);
	if (is_dkey) {
		EXPECT(daos_obj_punch_dkeys(object, none, 0, 1, &wrong, NULL), number);
		EXPECT(daos_obj_list_akey(object, none, &wrong, &nr, &kds, &sgl, &anchor, NULL), number);
	}
	EXPECT(daos_obj_punch_akeys(object, none, 0, &dkey, 1, &akey, NULL), number);
	EXPECT(daos_obj_list_recx(object, none, &dkey, &akey, &size, &nr, &recx, NULL, &anchor, true, NULL), number);
}

static void
wrong_lengths(daos_handle_t container)
{
	static const size_t not_eight[] = {1, 4, 7, 9, 16, 4096};
	daos_handle_t plain = open_object(container, 100, DAOS_OT_MULTI_HASHED, OC_S1);
	daos_handle_t dkeys = open_object(container, 101, DAOS_OT_DKEY_UINT64, OC_S1);
	daos_handle_t akeys = open_object(container, 102, DAOS_OT_AKEY_UINT64, OC_S1);
	daos_handle_t numbers = open_object(container, 103, DAOS_OT_MULTI_UINT64, OC_S1);
	daos_key_t null = {0}, good = key_with(8), longer;
	size_t index, length;
	int count;

	for (index = 0; index < sizeof(not_eight) / sizeof(not_eight[0]); index++) {
		daos_key_t key = key_with(not_eight[index]);

		refused(dkeys, key, good, 1, -DER_INVAL);
		refused(akeys, good, key, 0, -DER_INVAL);
		refused(numbers, key, good, 1, -DER_INVAL);
		refused(numbers, good, key, 0, -DER_INVAL);
		OK(put(dkeys, good, key, 1));
		OK(put(akeys, key, good, 1));
	}
	refused(plain, key_with(0), good, 1, -DER_INVAL);
	refused(plain, good, key_with(0), 0, -DER_INVAL);
	null.iov_len = null.iov_buf_len = 8;
	refused(plain, null, good, 1, -DER_INVAL);
	refused(plain, good, null, 0, -DER_INVAL);
	for (length = LONGEST + 1; length != 0; length <<= 1) {
		longer = key_with(length);
		refused(plain, longer, good, 1, -DER_KEY2BIG);
		refused(plain, good, longer, 0, -DER_KEY2BIG);
	}
	/* Nothing of all this left anything behind. */
	list(plain, NULL, &count);
	TRUE(count == 0);
	OK(daos_obj_close(plain, NULL));
	OK(daos_obj_close(dkeys, NULL));
	OK(daos_obj_close(akeys, NULL));
	OK(daos_obj_close(numbers, NULL));
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container;
	size_t index;

	TRUE(argc == 3);
	for (index = 0; index < sizeof(bytes); index++)
		bytes[index] = (char)(index * 7 + index / 251);
	open_container(argv[1], argv[2], &pool, &container);
	all_lengths(container, DAOS_OT_MULTI_HASHED);
	all_lengths(container, DAOS_OT_MULTI_LEXICAL);
	all_lengths(container, DAOS_OT_DKEY_LEXICAL);
	wrong_lengths(container);
	close_container(pool, container);
	return 0;
}
