/* Random calls on pools and containers, on their snapshots, transactions and tables of objects. */
#ifndef TESTS_C_RANDOM_CONTAINERS_H
#define TESTS_C_RANDOM_CONTAINERS_H

#include "random_arguments.h"

static void
containers_and_pools(void)
{
	uint32_t n = below(3);
	const char **labels = room(sizeof(char *) * 3);
	void **values = room(sizeof(void *) * 3);
	size_t *sizes = room(sizeof(size_t) * 3);
	size_t *size = room(sizeof(size_t));
	daos_pool_info_t *info = OUT(daos_pool_info_t);
	daos_epoch_range_t range = {number(), number()};
	uint32_t i;

	for (i = 0; i < 3; i++) {
		labels[i] = name();
		sizes[i] = below(ROOM);
		values[i] = one_in(12) ? NULL : room(ROOM);
	}
	*size = below(ROOM);
	switch (below(27)) {
	case 0:
		CALL(daos_pool_connect(one_in(3) ? name() : pool_label, one_in(4) ? name() : NULL, flags_of(DAOS_PC_RW),
				       new_handle(POOL), NULL, event()));
		break;
	case 1:
		CALL(one_in(4) ? daos_pool_disconnect(handle(POOL), event()) : 0);
		break;
	case 2:
		CALL(daos_pool_query(handle(POOL), NULL, info, NULL, event()));
		break;
	case 3:
		CALL(daos_pool_query_target(handle(POOL), number(), number(), OUT(daos_target_info_t), event()));
		break;
	case 4:
		CALL(daos_pool_list_attr(handle(POOL), out(ROOM), size, event()));
		break;
	case 5:
		CALL(daos_pool_set_attr(handle(POOL), n, labels, (const void *const *)values, sizes, event()));
		break;
	case 6:
		CALL(daos_pool_get_attr(handle(POOL), n, labels, values, sizes, event()));
		break;
	case 7:
		CALL(daos_pool_del_attr(handle(POOL), (int)number() % 4, one_in(9) ? NULL : labels, event()));
		break;
	case 8:
		CALL(daos_pool_list_cont(handle(POOL), size_of(4), out(sizeof(struct daos_pool_cont_info) * 4), event()));
		break;
	case 9:
		CALL(daos_cont_create_with_label(handle(POOL), name(), property(), OUT(uuid_t), event()));
		break;
	case 10:
		CALL(daos_cont_open(handle(POOL), one_in(3) ? name() : container_label, flags_of(DAOS_COO_RW),
				    new_handle(CONTAINER), OUT(daos_cont_info_t), event()));
		break;
	case 11:
		CALL(one_in(4) ? daos_cont_close(handle(CONTAINER), event()) : 0);
		break;
	case 12:
		CALL(daos_cont_destroy(handle(POOL), one_in(40) ? container_label : "none", number(), event()));
		break;
	case 13:
		CALL(daos_cont_query(handle(CONTAINER), OUT(daos_cont_info_t), property(), event()));
		break;
	case 14:
		CALL(daos_cont_set_prop(handle(CONTAINER), property(), event()));
		break;
	case 15:
		CALL(daos_cont_alloc_oids(handle(CONTAINER), number(), OUT(uint64_t), event()));
		break;
	case 16:
		CALL(daos_cont_set_attr(handle(CONTAINER), n, labels, (const void *const *)values, sizes, event()));
		break;
	case 17:
		CALL(daos_cont_get_attr(handle(CONTAINER), n, labels, values, sizes, event()));
		break;
	case 18:
		CALL(daos_cont_list_attr(handle(CONTAINER), out(ROOM), size, event()));
		break;
	case 19:
		CALL(daos_cont_create_snap(handle(CONTAINER), OUT(daos_epoch_t), name(), event()));
		break;
	case 20:
		CALL(daos_cont_destroy_snap(handle(CONTAINER), range, event()));
		break;
	case 21:
		CALL(daos_cont_aggregate(handle(CONTAINER), number(), event()));
		break;
	case 22:
		CALL(daos_cont_delete_acl(handle(CONTAINER), number(), name(), event()));
		break;
	case 23:
		CALL(daos_cont_set_owner(handle(CONTAINER), name(), name(), event()));
		break;
	case 24:
		CALL(daos_cont_status_clear(handle(CONTAINER), event()));
		break;
	case 25:
		CALL(daos_cont_update_acl(handle(CONTAINER), NULL, event()));
		break;
	default:
		CALL(daos_mgmt_list_pools(name(), size_of(4), out(sizeof(daos_mgmt_pool_info_t) * 4), event()));
	}
}

static int
choose(daos_obj_id_t id, d_iov_t *marker)
{
	TRUE(marker->iov_len <= marker->iov_buf_len);
	return (int)(id.lo % 3) - (id.lo == 7);
}

static void
versions_and_tables(void)
{
	daos_epoch_t *epoch = room(sizeof(*epoch));
	uint32_t flags = one_in(4) ? (uint32_t)number() : 1 + below(3);
	char **names = room(sizeof(char *) * 8);
	int *count = room(sizeof(int));
	uint64_t i;

	for (i = 0; i < 8; i++)
		names[i] = one_in(4) ? NULL : room(DAOS_SNAPSHOT_MAX_LEN);
	*count = one_in(6) ? (int)number() % 8 : (int)below(9);
	if (one_in(2))
		*epoch = number();
	if (one_in(12))
		epoch = out(sizeof(*epoch));
	switch (below(16)) {
	case 0:
		CALL(daos_cont_list_snap(handle(CONTAINER), one_in(12) ? NULL : count, out(sizeof(daos_epoch_t) * 8),
					 one_in(4) ? NULL : names, anchor(), event()));
		break;
	case 1:
		CALL(daos_cont_create_snap_opt(handle(CONTAINER), epoch, name(), flags, event()));
		break;
	case 2:
		CALL(daos_cont_snap_oit_create(handle(CONTAINER), number(), name(), event()));
		break;
	case 3:
		CALL(daos_cont_snap_oit_destroy(handle(CONTAINER), handle(OIT), event()));
		break;
	case 4:
		CALL(one_in(4) ? daos_cont_rollback(handle(CONTAINER), number(), event()) : 0);
		break;
	case 5:
		/* Without an event it would wait for a snapshot that nobody makes. */
		CALL(daos_cont_subscribe(handle(CONTAINER), epoch, &events[below(EVENTS)]));
		break;
	case 6:
	case 7:
		CALL(daos_tx_commit(handle(TX), event()));
		break;
	case 8:
		CALL(daos_tx_restart(handle(TX), event()));
		break;
	case 9:
		CALL(daos_tx_hdl2epoch(handle(TX), epoch));
		break;
	case 10:
		CALL(daos_oit_list_unmarked(handle(OIT), out(sizeof(daos_obj_id_t) * 8), count_of(8), anchor(), event()));
		break;
	case 11:
		CALL(daos_oit_list_filter(handle(OIT), out(sizeof(daos_obj_id_t) * 8), count_of(8), anchor(),
					  one_in(12) ? NULL : choose, event()));
		break;
	case 12:
	case 13:
		CALL(daos_oit_mark(handle(OIT), oid(), keys(1), event()));
		break;
	case 14:
		CALL(one_in(4) ? daos_oit_close(handle(OIT), event()) : 0);
		break;
	default:
		CALL(daos_tx_open(handle(CONTAINER), new_handle(TX), 0, event()));
	}
}
#endif
