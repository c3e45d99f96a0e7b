/* Random numbers, and a key-value object with a model of it. */
#ifndef TESTS_C_RANDOM_MODEL_VALUES_H
#define TESTS_C_RANDOM_MODEL_VALUES_H

#include <daos_kv.h>

#include "random_model.h"

#define KEYS 24
#define VALUE_MAX 70000

struct value {
	bool is_there;
	daos_size_t size;
	unsigned char first;
};

struct values {
	daos_handle_t kv;
	char names[KEYS][300];
	struct value of[KEYS];
	unsigned char *buffer;
};

/* An object with no keys, whose names have all lengths. */
static struct values *
values_open(daos_handle_t container, unsigned int number)
{
	struct values *values = calloc(1, sizeof(*values));
	daos_obj_id_t oid = {.lo = number + 100};
	unsigned int i;

	OK(daos_obj_generate_oid(container, &oid, DAOS_OT_KV_HASHED, 0, 0, 0));
	OK(daos_kv_open(container, oid, DAOS_OO_RW, &values->kv, NULL));
	OK(daos_kv_destroy(values->kv, DAOS_TX_NONE, NULL));
	values->buffer = malloc(VALUE_MAX);
	for (i = 0; i < KEYS; i++) {
		memset(values->names[i], 'a' + (int)i, 1 + i * i / 2);
		snprintf(values->names[i] + 1 + i * i / 2, 8, "%u", i);
	}
	return values;
}

static void
fill(unsigned char *bytes, size_t size, unsigned char first)
{
	size_t i;

	for (i = 0; i < size; i++)
		bytes[i] = (unsigned char)(first + i * 7);
}

static void
must_be(const unsigned char *bytes, size_t size, unsigned char first)
{
	size_t i;

	for (i = 0; i < size; i++)
		TRUE(bytes[i] == (unsigned char)(first + i * 7));
}

static void
values_get(struct values *values, unsigned int key)
{
	struct value *value = &values->of[key];
	daos_size_t size = 0;

	OK(daos_kv_get(values->kv, DAOS_TX_NONE, 0, values->names[key], &size, NULL, NULL));
	TRUE(size == (value->is_there ? value->size : 0));
	if (value->is_there && size > 1) {
		size--;
		EXPECT(daos_kv_get(values->kv, DAOS_TX_NONE, 0, values->names[key], &size, values->buffer, NULL), -DER_REC2BIG);
		TRUE(size == value->size);
	}
	size = VALUE_MAX;
	EXPECT(daos_kv_get(values->kv, DAOS_TX_NONE, DAOS_COND_KEY_GET, values->names[key], &size, values->buffer, NULL),
	       value->is_there ? 0 : -DER_NONEXIST);
	if (value->is_there) {
		TRUE(size == value->size);
		must_be(values->buffer, size, value->first);
	}
}

/* Every key that is there is listed once. */
static void
values_list(struct values *values)
{
	daos_anchor_t anchor = {0};
	daos_key_desc_t descriptors[5];
	bool seen[KEYS] = {false};
	char text[2000];
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	unsigned int key;

	while (!daos_anchor_is_eof(&anchor)) {
		uint32_t count = ARRAY_SIZE(descriptors), i;
		char *name = text;

		d_iov_set(&iov, text, sizeof(text));
		OK(daos_kv_list(values->kv, DAOS_TX_NONE, &count, descriptors, &sgl, &anchor, NULL));
		for (i = 0; i < count; i++) {
			for (key = 0; key < KEYS; key++)
				if (strlen(values->names[key]) == descriptors[i].kd_key_len &&
				    memcmp(values->names[key], name, descriptors[i].kd_key_len) == 0)
					break;
			TRUE(key < KEYS && values->of[key].is_there && !seen[key]);
			seen[key] = true;
			name += descriptors[i].kd_key_len;
		}
	}
	for (key = 0; key < KEYS; key++)
		TRUE(seen[key] == values->of[key].is_there);
}

static void
values_step(struct values *values, struct random *random)
{
	unsigned int key = (unsigned int)below(random, KEYS);
	struct value *value = &values->of[key];
	static const uint64_t puts[] = {0, DAOS_COND_KEY_INSERT, DAOS_COND_KEY_UPDATE};
	uint64_t flags = puts[below(random, 3)];
	struct value new = {true, below(random, one_in(random, 8) ? VALUE_MAX + 1 : 200), (unsigned char)below(random, 256)};
	int rc = 0;

	switch (below(random, 6)) {
	case 0:
	case 1:
	case 2:
		if (flags == DAOS_COND_KEY_INSERT && value->is_there)
			rc = -DER_EXIST;
		else if (flags == DAOS_COND_KEY_UPDATE && !value->is_there)
			rc = -DER_NONEXIST;
		fill(values->buffer, new.size, new.first);
		EXPECT(daos_kv_put(values->kv, DAOS_TX_NONE, flags, values->names[key], new.size, values->buffer, NULL), rc);
		if (rc == 0)
			*value = new;
		break;
	case 3:
		flags = one_in(random, 2) ? DAOS_COND_KEY_REMOVE : 0;
		rc = flags != 0 && !value->is_there ? -DER_NONEXIST : 0;
		EXPECT(daos_kv_remove(values->kv, DAOS_TX_NONE, flags, values->names[key], NULL), rc);
		value->is_there = false;
		break;
	case 4:
		values_get(values, key);
		break;
	default:
		if (one_in(random, 4))
			values_list(values);
		else
			values_get(values, key);
	}
}

static void
values_close(struct values *values)
{
	unsigned int key;

	values_list(values);
	for (key = 0; key < KEYS; key++)
		values_get(values, key);
	OK(daos_kv_close(values->kv, NULL));
	free(values->buffer);
	free(values);
}
#endif
