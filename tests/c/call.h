/* What the C tests share that make calls with events. */
#ifndef TESTS_C_CALL_H
#define TESTS_C_CALL_H

#include "check.h"

/* A number under a dkey that is a number, with all that must stay until the call that stores or reads it has ended. */
struct call {
	daos_event_t event;
	uint64_t number, value;
	daos_key_t dkey;
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;
};

static inline void
prepare(struct call *call, uint64_t number, uint64_t value)
{
	call->number = number;
	call->value = value;
	d_iov_set(&call->dkey, &call->number, sizeof(call->number));
	single(&call->iod, &call->sgl, &call->iov, "a", &call->value, sizeof(call->value));
}

static inline int
update_with(daos_handle_t object, uint64_t flags, struct call *call, daos_event_t *event)
{
	const daos_handle_t none = {0};

	return daos_obj_update(object, none, flags, &call->dkey, 1, &call->iod, &call->sgl, event);
}

static inline int
update(daos_handle_t object, struct call *call, daos_event_t *event)
{
	return update_with(object, 0, call, event);
}

static inline int
fetch(daos_handle_t object, struct call *call, daos_event_t *event)
{
	const daos_handle_t none = {0};

	return daos_obj_fetch(object, none, 0, &call->dkey, 1, &call->iod, &call->sgl, NULL, event);
}
#endif
