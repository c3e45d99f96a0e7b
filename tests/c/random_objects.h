/* Random calls on objects, arrays and key-value objects. */
#ifndef TESTS_C_RANDOM_OBJECTS_H
#define TESTS_C_RANDOM_OBJECTS_H

#include "random_arguments.h"

#include <daos_kv.h>

static void
objects(void)
{
	uint64_t n = below(4), flags = one_in(4) ? number() : 0;
	daos_recx_t *recx = OUT(daos_recx_t);

	switch (below(22)) {
	case 0:
		CALL(daos_obj_open(handle(CONTAINER), oid(), flags_of(DAOS_OO_RW), new_handle(OBJECT), event()));
		break;
	case 1:
		CALL(one_in(4) ? daos_obj_close(handle(OBJECT), event()) : 0);
		break;
	case 2:
	case 3:
	case 4:
		CALL(daos_obj_update(handle(OBJECT), transaction(), flags, keys(1), n, descriptors(n), lists(n), event()));
		break;
	case 5:
	case 6:
	case 7:
		CALL(daos_obj_fetch(handle(OBJECT), transaction(), flags, keys(1), n, descriptors(n),
				    one_in(4) ? NULL : lists(n), NULL, event()));
		break;
	case 8:
		CALL(daos_obj_punch(handle(OBJECT), transaction(), flags, event()));
		break;
	case 9:
		CALL(daos_obj_punch_dkeys(handle(OBJECT), transaction(), flags, n, keys(n), event()));
		break;
	case 10:
		CALL(daos_obj_punch_akeys(handle(OBJECT), transaction(), flags, keys(1), n, keys(n), event()));
		break;
	case 11:
		CALL(daos_obj_list_dkey(handle(OBJECT), transaction(), count_of(8), out(sizeof(daos_key_desc_t) * 8),
					lists(1), anchor(), event()));
		break;
	case 12:
		CALL(daos_obj_list_akey(handle(OBJECT), transaction(), keys(1), count_of(8),
					out(sizeof(daos_key_desc_t) * 8), lists(1), anchor(), event()));
		break;
	case 13:
		CALL(daos_obj_list_recx(handle(OBJECT), transaction(), keys(1), keys(1), OUT(daos_size_t), count_of(8),
					out(sizeof(daos_recx_t) * 8), out(sizeof(daos_epoch_range_t) * 8), anchor(),
					one_in(2), event()));
		break;
	case 14:
		CALL(daos_obj_query_key(handle(OBJECT), transaction(), one_in(2) ? number() : DAOS_GET_MAX | DAOS_GET_DKEY,
					keys(1), keys(1), recx, event()));
		break;
	case 15:
		CALL(daos_obj_query_max_epoch(handle(OBJECT), transaction(), OUT(daos_epoch_t), event()));
		break;
	case 16:
		CALL(daos_tx_open(handle(CONTAINER), new_handle(TX), flags, event()));
		break;
	case 17:
		CALL(one_in(2) ? daos_tx_close(handle(TX), event()) : daos_tx_abort(handle(TX), event()));
		break;
	case 18:
		CALL(daos_tx_open_snap(handle(CONTAINER), number(), new_handle(TX), event()));
		break;
	case 19:
		CALL(daos_oit_open(handle(CONTAINER), number(), new_handle(OIT), event()));
		break;
	case 20:
		CALL(daos_oit_list(handle(OIT), out(sizeof(daos_obj_id_t) * 8), count_of(8), anchor(), event()));
		break;
	default:
		CALL(daos_obj_query_class(handle(CONTAINER), number(), OUT(struct daos_oclass_attr), event()));
	}
}

static void
arrays_and_values(void)
{
	switch (below(17)) {
	case 0:
		CALL(daos_array_create(handle(CONTAINER), oid(), transaction(), number(), number(), new_handle(ARRAY),
				       event()));
		break;
	case 1:
		CALL(daos_array_open(handle(CONTAINER), oid(), transaction(), flags_of(DAOS_OO_RW), OUT(daos_size_t),
				     OUT(daos_size_t), new_handle(ARRAY), event()));
		break;
	case 2:
		CALL(daos_array_open_with_attr(handle(CONTAINER), oid(), transaction(), flags_of(DAOS_OO_RW), number(),
					       number(), new_handle(ARRAY), event()));
		break;
	case 3:
		CALL(one_in(4) ? daos_array_close(handle(ARRAY), event()) : 0);
		break;
	case 4:
	case 5:
		CALL(daos_array_read(handle(ARRAY), transaction(), ranges(), lists(1), event()));
		break;
	case 6:
	case 7:
		CALL(daos_array_write(handle(ARRAY), transaction(), ranges(), lists(1), event()));
		break;
	case 8:
		CALL(daos_array_punch(handle(ARRAY), transaction(), ranges(), event()));
		break;
	case 9:
		CALL(daos_array_get_size(handle(ARRAY), transaction(), OUT(daos_size_t), event()));
		break;
	case 10:
		CALL(daos_array_set_size(handle(ARRAY), transaction(), number(), event()));
		break;
	case 11:
		CALL(daos_array_stat(handle(ARRAY), transaction(), OUT(daos_array_stbuf_t), event()));
		break;
	case 12:
		CALL(daos_kv_open(handle(CONTAINER), oid(), flags_of(DAOS_OO_RW), new_handle(VALUES), event()));
		break;
	case 13:
		CALL(daos_kv_put(handle(VALUES), transaction(), number(), name(), below(ROOM), out(ROOM), event()));
		break;
	case 14:
		CALL(daos_kv_get(handle(VALUES), transaction(), number(), name(), size_of(ROOM), out(ROOM), event()));
		break;
	case 15:
		CALL(daos_kv_list(handle(VALUES), transaction(), count_of(8), out(sizeof(daos_key_desc_t) * 8), lists(1),
				  anchor(), event()));
		break;
	default:
		CALL(one_in(4) ? daos_kv_close(handle(VALUES), event())
			       : daos_kv_remove(handle(VALUES), transaction(), number(), name(), event()));
	}
}

static void
views(void)
{
	daos_anchor_t *anchors = out(sizeof(*anchors) * 8);
	struct daos_obj_attr *attr = room(sizeof(*attr));
	struct daos_oclass_attr *class = OUT(struct daos_oclass_attr);
	struct daos_oclass_list *classes = room(sizeof(*classes));
	d_rank_list_t *ranks = room(sizeof(*ranks));
	size_t i;

	if (one_in(2))
		attr->oa_oa = OUT(struct daos_oclass_attr);
	if (one_in(2)) {
		ranks->rl_nr = below(5);
		ranks->rl_ranks = out(sizeof(d_rank_t) * 4);
	}
	for (i = 0; class != NULL && one_in(2) && i < sizeof(*class); i++)
		((unsigned char *)class)[i] = one_in(3) ? draw() : one_in(2);
	if (one_in(2)) {
		classes->cl_cids = out(sizeof(daos_oclass_id_t) * 8);
		classes->cl_cattrs = out(sizeof(struct daos_oclass_attr) * 8);
		classes->cl_nr = below(9);
	}
	if (one_in(12)) {
		attr = out(sizeof(*attr));
		classes = out(sizeof(*classes));
		ranks = out(sizeof(*ranks));
	}
	switch (below(11)) {
	case 0:
		CALL(daos_obj_query(handle(OBJECT), attr, ranks, event()));
		break;
	case 1:
		CALL(daos_obj_verify(handle(CONTAINER), oid(), number()));
		break;
	case 2:
		/* As many anchors are set as there are parts: of one shard, one. */
		CALL(daos_obj_anchor_split(handle(OBJECT), count_of(1), anchors));
		break;
	case 3:
		CALL(daos_obj_anchor_set(handle(OBJECT), below(3), anchor()));
		break;
	case 4:
		CALL(daos_obj_key2anchor(handle(OBJECT), transaction(), keys(1), keys(1), anchor(), event()));
		break;
	case 5:
		CALL(daos_obj_register_class(handle(CONTAINER), number(), class, event()));
		break;
	case 6:
		CALL(daos_obj_list_class(handle(CONTAINER), classes, anchor(), event()));
		break;
	case 7:
		CALL(daos_array_update_chunk_size(handle(ARRAY), number()));
		break;
	case 8:
		CALL(one_in(4) ? daos_kv_destroy(handle(VALUES), transaction(), event()) : 0);
		break;
	case 9:
		CALL(one_in(4) ? daos_array_destroy(handle(ARRAY), transaction(), event()) : 0);
		break;
	default:
		CALL(daos_obj_close(handle(OBJECT), event()));
	}
}
#endif
