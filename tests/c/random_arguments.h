/* The arguments of random calls: good ones mostly, and all kinds of bad ones. What a call is promised (so much memory behind a
 * pointer, for as long as it runs) is kept; all else is not.
 */
#ifndef TESTS_C_RANDOM_ARGUMENTS_H
#define TESTS_C_RANDOM_ARGUMENTS_H

#include "check.h"

#include <daos_array.h>
#include <daos_fs.h>
#include <gurt/common.h>

#define EVENTS 6
#define HANDLES 8
#define ROOM 4096

enum kind { POOL, CONTAINER, OBJECT, ARRAY, VALUES, QUEUE, OIT, TX, KINDS };

static uint64_t state;
static const char *pool_label, *container_label;
static daos_handle_t handles[KINDS][HANDLES];
static dfs_t *mounts[HANDLES];
static dfs_obj_t *nodes[HANDLES];
static daos_event_t events[EVENTS];

/* xorshift64*, which is as random as this needs. */
static uint64_t
draw(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545F4914F6CDD1DULL;
}

static uint64_t
below(uint64_t limit)
{
	return (draw() >> 11) % limit;
}

static bool
one_in(uint64_t count)
{
	return below(count) == 0;
}

/* All memory of a batch: what only the library still knew would be a leak to valgrind. */
static void **kept;
static size_t kept_count, kept_room;

static void *
keep(void *memory)
{
	TRUE(memory != NULL);
	if (kept_count == kept_room) {
		kept_room = kept_room * 2 + 1024;
		kept = realloc(kept, kept_room * sizeof(*kept));
		TRUE(kept != NULL);
	}
	kept[kept_count++] = memory;
	return memory;
}

/* Memory that stays until the batch ends, since calls may run that long. */
static void *
room(size_t size)
{
	return keep(calloc(1, size));
}

/* A place for a result: mostly good. */
static void *
out(size_t size)
{
	if (one_in(12))
		return NULL;
	if (one_in(20))
		return (char *)room(size + 8) + 1;
	return room(size);
}

#define OUT(type) ((type *)out(sizeof(type)))

static uint64_t
number(void)
{
	switch (below(8)) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return draw();
	case 3:
		return ~0ULL - below(3);
	case 4:
		return 1ULL << below(64);
	default:
		return below(64);
	}
}

static daos_handle_t
handle(enum kind kind)
{
	daos_handle_t found;

	if (one_in(10))
		kind = below(KINDS);
	if (one_in(20)) {
		found.cookie = number();
		return found;
	}
	return handles[kind][below(HANDLES)];
}

/* Where a handle goes: among those that are used later. */
static daos_handle_t *
new_handle(enum kind kind)
{
	return one_in(15) ? NULL : &handles[kind][below(HANDLES)];
}

static daos_handle_t
transaction(void)
{
	daos_handle_t none = {0};

	return one_in(8) ? handle(TX) : none;
}

static daos_event_t *
event(void)
{
	return one_in(3) ? &events[below(EVENTS)] : NULL;
}

static char *
name(void)
{
	static const char *const names[] = {"a", "b", "dir", "file", "a/b", "/", ".", "..", "", "/dir/file", "\xff\xfe", "%s%n"};
	char *text;
	size_t length;

	switch (below(10)) {
	case 0:
		return NULL;
	case 1:
		length = 1 + below(6000);
		text = room(length + 1);
		memset(text, 'x', length);
		return text;
	case 2:
		return (char *)(uintptr_t)(one_in(2) ? pool_label : container_label);
	default:
		text = room(16);
		strcpy(text, names[below(ARRAY_SIZE(names))]);
		return text;
	}
}

static void
fill_iov(d_iov_t *iov)
{
	size_t size = one_in(8) ? 0 : 1 + below(64);

	/* Of a key without a length of its buffer, the other length counts. */
	iov->iov_buf = one_in(12) ? NULL : room(size + 9);
	iov->iov_buf_len = size;
	iov->iov_len = one_in(8) ? size + below(9) : one_in(8) ? below(size + 1) : size;
	if (iov->iov_buf == NULL && one_in(2))
		iov->iov_len = iov->iov_buf_len = number();
	else if (iov->iov_buf != NULL && size > 0)
		memset(iov->iov_buf, 'a' + below(3), size);
}

/* Room for a list of arguments; sometimes there is none. */
static void *
some(size_t size, uint64_t count)
{
	return one_in(12) ? NULL : room(size * (count + 1));
}

#define PARTS 4

/* Room for the parts of one argument, and how many of them count; sometimes there are none, of which any number may be told. */
static void *
parts(size_t size, uint32_t *count)
{
	void *found = one_in(10) ? NULL : room(size * PARTS);

	*count = found == NULL && one_in(3) ? (uint32_t)number() : below(PARTS);
	return found;
}

static daos_key_t *
keys(uint64_t count)
{
	daos_key_t *found = some(sizeof(*found), count);
	uint64_t i;

	for (i = 0; found != NULL && i < count; i++) {
		fill_iov(&found[i]);
		if (one_in(2))
			found[i] = key_of(one_in(2) ? "key" : "other");
	}
	return found;
}

static d_sg_list_t *
lists(uint64_t count)
{
	d_sg_list_t *found = some(sizeof(*found), count);
	uint64_t i, j;

	for (i = 0; found != NULL && i < count; i++) {
		found[i].sg_iovs = parts(sizeof(d_iov_t), &found[i].sg_nr);
		for (j = 0; found[i].sg_iovs != NULL && j < PARTS; j++)
			fill_iov(&found[i].sg_iovs[j]);
	}
	return found;
}

static daos_iod_t *
descriptors(uint64_t count)
{
	daos_iod_t *found = some(sizeof(*found), count);
	uint64_t i, j;

	for (i = 0; found != NULL && i < count; i++) {
		found[i].iod_name = key_of(one_in(2) ? "akey" : "other");
		if (one_in(8))
			fill_iov(&found[i].iod_name);
		found[i].iod_type = one_in(8) ? (daos_iod_type_t)number() : 1 + below(2);
		found[i].iod_size = one_in(3) ? number() : 1 + below(16);
		found[i].iod_recxs = parts(sizeof(daos_recx_t), &found[i].iod_nr);
		for (j = 0; found[i].iod_recxs != NULL && j < PARTS; j++) {
			found[i].iod_recxs[j].rx_idx = number();
			found[i].iod_recxs[j].rx_nr = one_in(4) ? number() : below(16);
		}
	}
	return found;
}

static daos_anchor_t *
anchor(void)
{
	daos_anchor_t *found = OUT(daos_anchor_t);
	size_t i;

	if (found != NULL && one_in(3))
		for (i = 0; i < sizeof(*found); i++)
			((unsigned char *)found)[i] = one_in(2) ? 0 : draw();
	return found;
}

/* A count that the room behind it keeps. */
static uint32_t *
count_of(uint32_t most)
{
	uint32_t *count = room(sizeof(*count));

	*count = one_in(8) ? 0 : below(most + 1);
	return one_in(15) ? NULL : count;
}

static daos_size_t *
size_of(daos_size_t most)
{
	daos_size_t *size = room(sizeof(*size));

	*size = one_in(8) ? 0 : below(most + 1);
	return one_in(15) ? NULL : size;
}

static daos_obj_id_t
oid(void)
{
	daos_obj_id_t found = {0};
	enum daos_otype_t type = one_in(2) ? DAOS_OT_MULTI_HASHED : (enum daos_otype_t)below(20);

	found.lo = 1 + below(8);
	if (!one_in(8))
		daos_obj_generate_oid(handle(CONTAINER), &found, type, one_in(2) ? OC_S1 : (daos_oclass_id_t)number(), 0, 0);
	else
		found.hi = draw();
	return found;
}

static daos_prop_t *
property(void)
{
	daos_prop_t *prop;
	uint32_t i, count = below(4);

	prop = one_in(2) ? NULL : keep(daos_prop_alloc(count));
	for (i = 0; prop != NULL && i < prop->dpp_nr; i++) {
		/* Values stay zero: of a type whose value is a pointer, a number would be one to nowhere. */
		prop->dpp_entries[i].dpe_type = one_in(3) ? number() : 0x1000 + below(30);
	}
	return prop;
}

static daos_array_iod_t *
ranges(void)
{
	daos_array_iod_t *found = room(sizeof(*found));
	uint64_t i;

	if (one_in(12))
		return NULL;
	found->arr_nr = below(4);
	found->arr_rgs = one_in(8) ? NULL : room(sizeof(daos_range_t) * 4);
	for (i = 0; found->arr_rgs != NULL && i < 4; i++) {
		found->arr_rgs[i].rg_idx = one_in(2) ? number() : below(100);
		found->arr_rgs[i].rg_len = one_in(4) ? number() : below(64);
	}
	return found;
}

static dfs_t *
mount(void)
{
	return one_in(15) ? (dfs_t *)(uintptr_t)number() : mounts[below(HANDLES)];
}

static dfs_obj_t *
node(void)
{
	return one_in(15) ? (dfs_obj_t *)(uintptr_t)number() : one_in(6) ? NULL : nodes[below(HANDLES)];
}

static int
filler(dfs_t *dfs, dfs_obj_t *obj, const char name[], void *arg)
{
	(void)dfs;
	(void)obj;
	(void)name;
	return arg != NULL;
}

static unsigned int
flags_of(unsigned int good)
{
	return one_in(5) ? (unsigned int)number() : good;
}

/* What was called last, for whoever looks at a batch that failed. */
static const char *volatile last = "nothing";

#define CALL(expression) \
	do { \
		last = #expression; \
		(void)(expression); \
	} while (0)
#endif
