/* Tables of the objects of a container: every object once, marks that stay, filters.
 *
 * run: {pool} {container}
 * rerun: {pool} {container} again
 */
#include "check.h"

static const daos_handle_t none = {0};

enum { OBJECTS = 150 };

static daos_oclass_id_t
class_of(int number)
{
	return number % 3 == 0 ? OC_S1 : number % 3 == 1 ? OC_S2 : OC_SX;
}

static daos_obj_id_t
oid_of(daos_handle_t container, int number)
{
	daos_obj_id_t oid = {0};

	oid.lo = number;
	OK(daos_obj_generate_oid(container, &oid, DAOS_OT_MULTI_HASHED, class_of(number), 0, 0));
	return oid;
}

static void
write_objects(daos_handle_t container)
{
	daos_handle_t object;
	char text[16];
	int number, part;

	for (number = 0; number < OBJECTS; number++) {
		OK(daos_obj_open(container, oid_of(container, number), DAOS_OO_RW, &object, NULL));
		/* Several dkeys, so that an object is on several targets. */
		for (part = 0; part < 4; part++) {
			daos_key_t dkey;
			daos_iod_t iod;
			d_sg_list_t sgl;
			d_iov_t iov;

			snprintf(text, sizeof(text), "key %d", part);
			dkey = key_of(text);
			single(&iod, &sgl, &iov, "a", text, sizeof(text));
			OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
		}
		OK(daos_obj_close(object, NULL));
	}
}

static int filtered;

static int
even_or_marked(daos_obj_id_t oid, d_iov_t *marker)
{
	filtered++;
	if (marker->iov_len > 0) {
		TRUE(marker->iov_len == 4 && memcmp(marker->iov_buf, "mark", 4) == 0);
		return 1;
	}
	return oid.lo % 2 == 0;
}

static int
stop(daos_obj_id_t oid, d_iov_t *marker)
{
	(void)oid;
	(void)marker;
	return -DER_CANCELED;
}

enum how { ALL, UNMARKED, FILTER };

/* Lists in steps of some objects, and counts each. */
static int
list(daos_handle_t table, enum how how, uint32_t step, int *seen)
{
	daos_anchor_t anchor = {0};
	daos_obj_id_t oids[64];
	int total = 0;
	uint32_t nr, index;

	memset(seen, 0, OBJECTS * sizeof(*seen));
	while (!daos_anchor_is_eof(&anchor)) {
		nr = step;
		if (how == ALL)
			OK(daos_oit_list(table, oids, &nr, &anchor, NULL));
		else if (how == UNMARKED)
			OK(daos_oit_list_unmarked(table, oids, &nr, &anchor, NULL));
		else
			OK(daos_oit_list_filter(table, oids, &nr, &anchor, even_or_marked, NULL));
		TRUE(nr <= step);
		for (index = 0; index < nr; index++) {
			TRUE(oids[index].lo < OBJECTS);
			seen[oids[index].lo]++;
			total++;
		}
	}
	return total;
}

static void
tables(daos_handle_t container, int again)
{
	daos_handle_t table;
	d_iov_t mark;
	int seen[OBJECTS], number;
	uint32_t step, nr = 1;
	daos_obj_id_t oid;
	daos_anchor_t anchor = {0};
	char bytes[33] = "mark";

	OK(daos_oit_open(container, DAOS_EPOCH_MAX, &table, NULL));
	for (step = 1; step <= 64; step *= 4) {
		TRUE(list(table, ALL, step, seen) == OBJECTS);
		for (number = 0; number < OBJECTS; number++)
			TRUE(seen[number] == 1);
	}
	/* Marks are durable, and the same for all. */
	TRUE(list(table, UNMARKED, 64, seen) == (again ? OBJECTS - 10 : OBJECTS));
	d_iov_set(&mark, bytes, 4);
	for (number = 0; number < 20; number++)
		OK(daos_oit_mark(table, oid_of(container, number), &mark, NULL));
	TRUE(list(table, UNMARKED, 7, seen) == OBJECTS - 20);
	for (number = 0; number < OBJECTS; number++)
		TRUE(seen[number] == (number >= 20));
	filtered = 0;
	TRUE(list(table, FILTER, 16, seen) == 20 + (OBJECTS - 20) / 2);
	TRUE(filtered == OBJECTS);
	for (number = 10; number < 20; number++)
		OK(daos_oit_mark(table, oid_of(container, number), NULL, NULL));
	TRUE(list(table, UNMARKED, 64, seen) == OBJECTS - 10);
	/* Marks are no objects of the table. */
	TRUE(list(table, ALL, 64, seen) == OBJECTS);

	EXPECT(daos_oit_mark(table, oid_of(container, 4711), &mark, NULL), -DER_NONEXIST);
	d_iov_set(&mark, bytes, 33);
	EXPECT(daos_oit_mark(table, oid_of(container, 1), &mark, NULL), -DER_INVAL);
	d_iov_set(&mark, bytes, 0);
	EXPECT(daos_oit_mark(table, oid_of(container, 1), &mark, NULL), -DER_INVAL);
	EXPECT(daos_oit_list_filter(table, &oid, &nr, &anchor, stop, NULL), -DER_CANCELED);
	EXPECT(daos_oit_list_filter(table, &oid, &nr, &anchor, NULL, NULL), -DER_INVAL);
	nr = 0;
	EXPECT(daos_oit_list(table, &oid, &nr, &anchor, NULL), -DER_INVAL);
	nr = 1;
	EXPECT(daos_oit_list(table, NULL, &nr, &anchor, NULL), -DER_INVAL);
	EXPECT(daos_oit_list(container, &oid, &nr, &anchor, NULL), -DER_NO_HDL);
	memset(&anchor, 7, sizeof(anchor));
	EXPECT(daos_oit_list(table, &oid, &nr, &anchor, NULL), -DER_INVAL);
	EXPECT(daos_oit_open(container, 0, &table, NULL), -DER_INVAL);
	OK(daos_oit_close(table, NULL));
	EXPECT(daos_oit_close(table, NULL), -DER_NO_HDL);
}

/* A table is there from when it was asked for until it is destroyed, and no longer than its snapshot. */
static void
tables_of_snapshots(daos_handle_t container)
{
	daos_handle_t table, other;
	daos_epoch_t epoch, with_table;
	daos_epoch_range_t range;
	int seen[OBJECTS];

	EXPECT(daos_oit_open(container, 4711, &table, NULL), -DER_NONEXIST);
	OK(daos_cont_create_snap(container, &epoch, NULL, NULL));
	EXPECT(daos_oit_open(container, epoch, &table, NULL), -DER_NONEXIST);
	OK(daos_cont_snap_oit_create(container, epoch, NULL, NULL));
	OK(daos_oit_open(container, epoch, &table, NULL));
	TRUE(list(table, ALL, 64, seen) == OBJECTS);
	OK(daos_cont_snap_oit_destroy(container, table, NULL));
	EXPECT(daos_oit_open(container, epoch, &other, NULL), -DER_NONEXIST);
	OK(daos_oit_close(table, NULL));
	EXPECT(daos_oit_close(table, NULL), -DER_NO_HDL);
	OK(daos_cont_snap_oit_create(container, epoch, NULL, NULL));
	OK(daos_oit_open(container, epoch, &table, NULL));

	OK(daos_cont_create_snap_opt(container, &with_table, NULL, DAOS_SNAP_OPT_CR | DAOS_SNAP_OPT_OIT, NULL));
	OK(daos_oit_open(container, with_table, &other, NULL));
	range.epr_lo = range.epr_hi = with_table;
	OK(daos_cont_destroy_snap(container, range, NULL));
	OK(daos_oit_close(other, NULL));
	EXPECT(daos_oit_open(container, with_table, &other, NULL), -DER_NONEXIST);

	range.epr_lo = range.epr_hi = epoch;
	OK(daos_cont_destroy_snap(container, range, NULL));
	EXPECT(daos_oit_open(container, epoch, &other, NULL), -DER_NONEXIST);
	OK(daos_oit_close(table, NULL));
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container;
	int again = argc > 3;

	TRUE(argc >= 3);
	open_container(argv[1], argv[2], &pool, &container);
	if (!again)
		write_objects(container);
	tables(container, again);
	tables_of_snapshots(container);
	close_container(pool, container);
	return 0;
}
