/* Snapshots outlive the engine: it is killed between the making of a snapshot and everything that uses it.
 *
 * run: {pool} {container}
 * skip: inside there is no engine process to kill
 */
#include "engine.h"

#define KEYS 64

static const daos_handle_t none = {0};

static void
put_all(daos_handle_t object, uint64_t value)
{
	for (uint64_t number = 0; number < KEYS; number++, value++)
		OK(put_at(object, number, &value, sizeof(value)));
}

static bool
has_all(daos_handle_t object, daos_handle_t th, uint64_t value)
{
	uint64_t found = 0;
	size_t size;

	for (uint64_t number = 0; number < KEYS; number++) {
		OK(get_at(object, th, number, &found, sizeof(found), &size));
		if (size != sizeof(found) || found != value + number)
			return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container, object, th;
	daos_epoch_t epoch, listed[4];
	daos_epoch_range_t range;
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	char names[4][DAOS_SNAPSHOT_MAX_LEN], *places[4] = {names[0], names[1], names[2], names[3]};
	int nr = 4;

	if (argc < 3)
		return 2;
	open_container(argv[1], argv[2], &pool, &container);
	range.epr_lo = 0;
	range.epr_hi = DAOS_EPOCH_MAX;
	OK(daos_cont_destroy_snap(container, range, NULL));
	object = open_object(container, 400, DAOS_OT_MULTI_HASHED, OC_SX);
	put_all(object, 1000);
	OK(daos_cont_create_snap(container, &epoch, (char *)(uintptr_t)"kept", NULL));
	TRUE(kill_engine());
	put_all(object, 2000);
	OK(daos_cont_list_snap(container, &nr, listed, places, &anchor, NULL));
	TRUE(nr == 1 && listed[0] == epoch && strcmp(names[0], "kept") == 0);
	OK(daos_tx_open_snap(container, epoch, &th, NULL));
	TRUE(has_all(object, th, 1000) && has_all(object, none, 2000));
	/* The next engine frees nothing that the snapshot shows. */
	TRUE(kill_engine());
	OK(daos_cont_aggregate(container, 0, NULL));
	TRUE(has_all(object, th, 1000) && has_all(object, none, 2000));
	TRUE(kill_engine());
	OK(daos_cont_rollback(container, epoch, NULL));
	TRUE(has_all(object, none, 1000));
	TRUE(kill_engine());
	TRUE(has_all(object, none, 1000));
	put_all(object, 3000);
	OK(daos_tx_close(th, NULL));
	range.epr_lo = range.epr_hi = epoch;
	OK(daos_cont_destroy_snap(container, range, NULL));
	TRUE(kill_engine());
	EXPECT(daos_tx_open_snap(container, epoch, &th, NULL), -DER_NONEXIST);
	TRUE(has_all(object, none, 3000));
	OK(daos_obj_close(object, NULL));
	close_container(pool, container);
	puts("done");
	return 0;
}
