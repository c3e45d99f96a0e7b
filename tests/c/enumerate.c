/* Listings of thousands of keys, with little and with much room, while keys come and go; long keys; extents.
 *
 * run: {pool} {container}
 */
#include "check.h"

#define KEYS 4000

static const daos_handle_t none = {0};
static unsigned char seen[KEYS];

static void
name_of(char *name, size_t size, int number)
{
	snprintf(name, size, "%s%d", number % 3 == 0 ? "a rather longer name of a key, number " : "key ", number);
}

static int
number_of(const char *name, size_t length)
{
	char text[64], expected[64];
	const char *digits;
	int number;

	TRUE(length < sizeof(text));
	memcpy(text, name, length);
	text[length] = '\0';
	digits = strrchr(text, ' ');
	TRUE(digits != NULL && sscanf(digits, "%d", &number) == 1 && number >= 0 && number < KEYS);
	name_of(expected, sizeof(expected), number);
	TRUE(strcmp(text, expected) == 0);
	return number;
}

static void
put(daos_handle_t object, const char *dkey_text, const char *akey)
{
	daos_key_t dkey = key_of(dkey_text);
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;
	int value = 1;

	single(&iod, &sgl, &iov, akey, &value, sizeof(value));
	OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
}

/* Lists dkeys, or akeys of a dkey, `step` at most and `room` bytes at most at a time, and counts how often each came. */
static int
list(daos_handle_t object, daos_key_t *dkey, uint32_t step, size_t room, daos_event_t *event)
{
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	daos_key_desc_t *kds = calloc(step, sizeof(*kds));
	char *text = malloc(room);
	int count = 0;

	TRUE(kds != NULL && text != NULL);
	memset(seen, 0, sizeof(seen));
	while (!daos_anchor_is_eof(&anchor)) {
		uint32_t i, nr = step;
		d_iov_t iov;
		d_sg_list_t sgl = {1, 0, &iov};
		size_t position = 0;
		bool flag;

		d_iov_set(&iov, text, room);
		if (dkey == NULL)
			OK(daos_obj_list_dkey(object, none, &nr, kds, &sgl, &anchor, event));
		else
			OK(daos_obj_list_akey(object, none, dkey, &nr, kds, &sgl, &anchor, event));
		if (event != NULL) {
			OK(daos_event_test(event, DAOS_EQ_WAIT, &flag));
			TRUE(flag && event->ev_error == 0);
		}
		TRUE(nr <= step);
		for (i = 0; i < nr; i++) {
			TRUE(position + kds[i].kd_key_len <= room);
			if (++seen[number_of(text + position, kds[i].kd_key_len)] > 1)
				fprintf(stderr, "\"%.*s\" is listed again, %u of %u\n", (int)kds[i].kd_key_len,
					text + position, i + 1, nr);
			position += kds[i].kd_key_len;
			count++;
		}
	}
	free(kds);
	free(text);
	return count;
}

static void
thousands(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 50, DAOS_OT_MULTI_HASHED, OC_SX);
	daos_key_t dkey = key_of("one dkey");
	daos_event_t event;
	char name[64];
	int i;

	TRUE(list(object, NULL, 10, 4096, NULL) == 0);
	for (i = 0; i < KEYS; i++) {
		name_of(name, sizeof(name), i);
		put(object, name, "a");
	}
	TRUE(list(object, NULL, 1000, 1 << 16, NULL) == KEYS);
	for (i = 0; i < KEYS; i++)
		TRUE(seen[i] == 1);
	/* Room for one key or two at a time, and for all of them at once. */
	TRUE(list(object, NULL, 7, 64, NULL) == KEYS);
	for (i = 0; i < KEYS; i++)
		TRUE(seen[i] == 1);
	TRUE(list(object, NULL, 2 * KEYS, 1 << 20, NULL) == KEYS);
	OK(daos_event_init(&event, DAOS_HDL_INVAL, NULL));
	TRUE(list(object, NULL, 100, 8192, &event) == KEYS);
	OK(daos_event_fini(&event));
	OK(daos_obj_close(object, NULL));

	object = open_object(container, 51, DAOS_OT_MULTI_LEXICAL, OC_S1);
	for (i = 0; i < 500; i++) {
		name_of(name, sizeof(name), i);
		put(object, "one dkey", name);
	}
	TRUE(list(object, &dkey, 33, 4096, NULL) == 500);
	for (i = 0; i < 500; i++)
		TRUE(seen[i] == 1);
	OK(daos_obj_close(object, NULL));
}

/* Keys that are there throughout are listed once, whatever happens to others meanwhile. */
static void
changes_meanwhile(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 52, DAOS_OT_MULTI_HASHED, OC_SX);
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	daos_key_desc_t kds[16];
	char text[1024], name[64];
	int i, round = 0;

	for (i = 0; i < 600; i++) {
		name_of(name, sizeof(name), i);
		put(object, name, "a");
	}
	memset(seen, 0, sizeof(seen));
	while (!daos_anchor_is_eof(&anchor)) {
		uint32_t j, nr = 16;
		d_iov_t iov;
		d_sg_list_t sgl = {1, 0, &iov};
		size_t position = 0;

		d_iov_set(&iov, text, sizeof(text));
		OK(daos_obj_list_dkey(object, none, &nr, kds, &sgl, &anchor, NULL));
		for (j = 0; j < nr; j++) {
			seen[number_of(text + position, kds[j].kd_key_len)]++;
			position += kds[j].kd_key_len;
		}
		/* Odd ones below 600 go, others behind 600 come. */
		if (round < 300) {
			daos_key_t gone;

			name_of(name, sizeof(name), 2 * round + 1);
			gone = key_of(name);
			OK(daos_obj_punch_dkeys(object, none, 0, 1, &gone, NULL));
			name_of(name, sizeof(name), 600 + round);
			put(object, name, "a");
			round++;
		}
	}
	for (i = 0; i < 600; i += 2)
		TRUE(seen[i] == 1);
	for (i = 1; i < 600; i += 2)
		TRUE(seen[i] <= 1);
	OK(daos_obj_close(object, NULL));
}

static void
long_keys(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 53, DAOS_OT_MULTI_HASHED, OC_S1);
	static char key[65536], text[3 * 65536];
	daos_anchor_t anchor = DAOS_ANCHOR_INIT, again;
	daos_key_desc_t kds[4];
	daos_key_t dkey;
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov, value;
	uint32_t nr = 4;
	int i, number = 3, count = 0;

	for (i = 0; i < 3; i++) {
		memset(key, 'a', sizeof(key));
		key[sizeof(key) - 1] = (char)('x' + i);
		d_iov_set(&dkey, key, sizeof(key));
		single(&iod, &sgl, &value, "a", &number, sizeof(number));
		OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
	}
	d_iov_set(&iov, text, sizeof(key) - 1);
	sgl.sg_nr = 1;
	sgl.sg_iovs = &iov;
	EXPECT(daos_obj_list_dkey(object, none, &nr, kds, &sgl, &anchor, NULL), -DER_KEY2BIG);
	again = anchor;
	while (!daos_anchor_is_eof(&again)) {
		nr = 4;
		d_iov_set(&iov, text, sizeof(text));
		OK(daos_obj_list_dkey(object, none, &nr, kds, &sgl, &again, NULL));
		count += (int)nr;
		for (i = 0; i < (int)nr; i++)
			TRUE(kds[i].kd_key_len == sizeof(key));
	}
	TRUE(count == 3);
	OK(daos_obj_close(object, NULL));
}

/* Extents, a few at a time, in both directions. */
static void
extents(daos_handle_t container)
{
	daos_handle_t object = open_object(container, 54, DAOS_OT_MULTI_HASHED, OC_S1);
	daos_key_t dkey = key_of("d"), akey = key_of("a");
	daos_recx_t recx, found[7];
	daos_epoch_range_t eprs[7];
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;
	char bytes[3] = "abc";
	int i, direction;

	single(&iod, &sgl, &iov, "a", bytes, 3);
	iod.iod_type = DAOS_IOD_ARRAY;
	iod.iod_size = 1;
	iod.iod_recxs = &recx;
	for (i = 0; i < 100; i++) {
		recx.rx_idx = (uint64_t)i * 10;
		recx.rx_nr = 3;
		OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
	}
	for (direction = 0; direction < 2; direction++) {
		daos_anchor_t anchor = DAOS_ANCHOR_INIT;
		daos_size_t size = 0;
		int count = 0;

		while (!daos_anchor_is_eof(&anchor)) {
			uint32_t j, nr = 7;

			OK(daos_obj_list_recx(object, none, &dkey, &akey, &size, &nr, found, eprs, &anchor,
					      direction == 0, NULL));
			TRUE(nr <= 7);
			for (j = 0; j < nr; j++, count++) {
				int expected = direction == 0 ? count : 99 - count;

				TRUE(found[j].rx_idx == (uint64_t)expected * 10 && found[j].rx_nr == 3);
				TRUE(eprs[j].epr_lo > 0 && eprs[j].epr_hi == DAOS_EPOCH_MAX);
				TRUE(j == 0 || (direction == 0) == (eprs[j].epr_lo > eprs[j - 1].epr_lo));
			}
			TRUE(nr == 0 || size == 1);
		}
		TRUE(count == 100);
	}
	OK(daos_obj_close(object, NULL));
}

/* The extents of an array as one epoch shows them; their indexes must be multiples of ten, from zero on. */
static uint32_t
extents_at(daos_handle_t object, daos_handle_t th)
{
	daos_key_t dkey = key_of("d"), akey = key_of("a");
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	daos_epoch_range_t eprs[2];
	daos_recx_t found[2];
	uint32_t nr, i, count = 0;
	daos_size_t size;

	while (!daos_anchor_is_eof(&anchor)) {
		nr = 2;
		OK(daos_obj_list_recx(object, th, &dkey, &akey, &size, &nr, found, eprs, &anchor, true, NULL));
		TRUE(nr <= 2);
		for (i = 0; i < nr; i++, count++) {
			TRUE(found[i].rx_idx == count * 10 && found[i].rx_nr == 3 && size == 1);
			/* The range has the epoch of the change, whatever else it has. */
			TRUE(eprs[i].epr_lo <= eprs[i].epr_hi);
		}
	}
	return count;
}

/* A snapshot lists the extents that were there when it was made: not later ones, and those that were removed since. */
static void
extents_of_snapshots(daos_handle_t container)
{
	enum { VERSIONS = 4 };
	daos_handle_t object = open_object(container, 55, DAOS_OT_MULTI_HASHED, OC_S1), th[VERSIONS];
	daos_key_t dkey = key_of("d"), akey = key_of("a");
	daos_epoch_t epoch[VERSIONS];
	daos_epoch_range_t range;
	daos_recx_t recx = {0, 3};
	char bytes[3] = "abc";
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;
	uint32_t i;

	single(&iod, &sgl, &iov, "a", bytes, 3);
	iod.iod_type = DAOS_IOD_ARRAY;
	iod.iod_size = 1;
	iod.iod_recxs = &recx;
	for (i = 0; i < VERSIONS; i++, recx.rx_idx += 10) {
		OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
		OK(daos_cont_create_snap(container, &epoch[i], NULL, NULL));
		OK(daos_tx_open_snap(container, epoch[i], &th[i], NULL));
	}
	OK(daos_obj_punch_akeys(object, none, 0, &dkey, 1, &akey, NULL));
	TRUE(extents_at(object, none) == 0);
	for (i = 0; i < VERSIONS; i++)
		TRUE(extents_at(object, th[i]) == i + 1);
	for (i = 0; i < VERSIONS; i++) {
		range.epr_lo = range.epr_hi = epoch[i];
		OK(daos_tx_close(th[i], NULL));
		OK(daos_cont_destroy_snap(container, range, NULL));
		EXPECT(daos_tx_open_snap(container, epoch[i], &th[i], NULL), -DER_NONEXIST);
	}
	OK(daos_obj_close(object, NULL));
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container;

	if (argc < 3)
		return 2;
	open_container(argv[1], argv[2], &pool, &container);
	thousands(container);
	changes_meanwhile(container);
	long_keys(container);
	extents(container);
	extents_of_snapshots(container);
	close_container(pool, container);
	puts("done");
	return 0;
}
