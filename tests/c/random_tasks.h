/* Random calls on events, tasks and their schedulers. */
#ifndef TESTS_C_RANDOM_TASKS_H
#define TESTS_C_RANDOM_TASKS_H

#include "random_arguments.h"

#include <daos_task.h>

static tse_sched_t sched;
static tse_task_t *task;

static void
events_and_tasks(void)
{
	daos_event_t *polled[4], *one = &events[below(EVENTS)];
	tse_task_t *new_task = NULL;
	daos_opc_t opc;
	void *args;
	bool flag;

	switch (below(18)) {
	case 0:
		CALL(daos_eq_create(new_handle(QUEUE)));
		break;
	case 1:
		CALL(one_in(4) ? daos_eq_destroy(handle(QUEUE), number()) : 0);
		break;
	case 2:
	case 3:
		CALL(daos_eq_poll(handle(QUEUE), one_in(2), below(2000), below(5), one_in(12) ? NULL : polled));
		break;
	case 4:
		CALL(daos_eq_query(handle(QUEUE), number(), below(5), one_in(12) ? NULL : polled));
		break;
	case 5:
		CALL(daos_event_init(one, one_in(2) ? DAOS_HDL_INVAL : handle(QUEUE),
				     one_in(4) ? &events[below(EVENTS)] : NULL));
		break;
	case 6:
		CALL(daos_event_fini(one_in(9) ? NULL : one));
		break;
	case 7:
	case 8:
		CALL(daos_event_test(one_in(9) ? NULL : one, below(2000), one_in(12) ? NULL : &flag));
		break;
	case 9:
		CALL(daos_event_parent_barrier(one));
		break;
	case 10:
		CALL(daos_event_abort(one_in(9) ? NULL : one));
		break;
	case 11:
		CALL(daos_event_next(one, one_in(2) ? NULL : &events[below(EVENTS)]));
		break;
	case 12:
		CALL(daos_progress(one_in(9) ? NULL : &sched, below(2000), one_in(12) ? NULL : &flag));
		break;
	case 13:
		opc = one_in(4) ? (daos_opc_t)number() : (daos_opc_t)below(DAOS_OPC_MAX);
		CALL(daos_task_create(opc, &sched, task != NULL, task != NULL ? &task : NULL, &new_task));
		args = daos_task_get_args(new_task);
		/* Most arguments begin with a handle, the others with a name. */
		if (args != NULL && opc > DAOS_OPC_MGMT_GET_BS_STATE)
			*(daos_handle_t *)args = handle(below(KINDS));
		if (new_task != NULL) {
			tse_task_addref(new_task);
			tse_task_decref(task);
			task = new_task;
		}
		break;
	case 14:
		CALL(tse_task_schedule(task, one_in(2)));
		break;
	case 15:
		CALL(tse_task_reinit(task));
		break;
	case 16:
		CALL(daos_task_reset(task, below(DAOS_OPC_MAX)));
		args = daos_task_get_args(task);
		if (args != NULL)
			memset(args, 0, sizeof(daos_handle_t));
		break;
	default:
		CALL(tse_task_complete(task, -DER_IO));
	}
}

/* Completes now and then; else somebody else does, or the end. */
static int
body(tse_task_t *some)
{
	if (one_in(2))
		tse_task_complete(some, (int)below(2) - 1);
	return 0;
}

static int
note_task(tse_task_t *some, void *arg)
{
	return some == NULL || arg == NULL ? 0 : (int)below(3) - 1;
}

static tse_task_t *
some_task(void)
{
	return one_in(6) ? (tse_task_t *)(uintptr_t)(number() & ~7ULL) : task;
}

static void
task_graphs(void)
{
	tse_task_t *some = some_task(), *other = some_task(), *made = NULL;
	d_list_t list;

	D_INIT_LIST_HEAD(&list);
	switch (below(14)) {
	case 0:
		CALL(tse_task_create(one_in(3) ? NULL : body, &sched, NULL, &made));
		if (made != NULL) {
			tse_task_addref(made);
			tse_task_decref(task);
			task = made;
		}
		break;
	case 1:
		CALL(tse_task_register_deps(some, (int)number() % 2, &other));
		break;
	case 2:
		CALL(tse_task_register_cbs(some, one_in(2) ? NULL : note_task, &other, below(9), note_task, &other,
					   below(9)));
		break;
	case 3:
		CALL(tse_task_register_comp_cb_and_reinit(some, note_task, &other, below(9), below(1000)));
		break;
	case 4:
		CALL(tse_task_schedule_with_delay(some, one_in(3), number()));
		break;
	case 5:
		CALL(tse_task_reinit_with_delay(some, below(1000)));
		break;
	case 6:
		CALL(tse_task_reset(some, one_in(3) ? NULL : body, NULL));
		break;
	case 7:
		CALL((void)tse_task_set_priv(some, tse_task_get_priv(other)));
		break;
	case 8:
		CALL((void)tse_task_buf_embedded(some, (int)number()));
		break;
	case 9:
		CALL(tse_disable_propagate(some));
		break;
	case 10:
		CALL((void)tse_task2sched(some));
		break;
	case 11:
		CALL(tse_task_list_add(some, &list));
		CALL(tse_task_list_traverse(&list, one_in(9) ? NULL : note_task, some));
		CALL(tse_task_list_depend(&list, other));
		CALL(tse_task_depend_list(other, &list));
		if (one_in(2))
			CALL(tse_task_list_sched(&list, one_in(2)));
		else if (one_in(2))
			CALL(tse_task_list_abort(&list, -DER_IO));
		if (tse_task_list_first(&list) != NULL)
			CALL(tse_task_list_del(some));
		break;
	case 12:
		CALL(tse_sched_register_comp_cb(&sched, NULL, NULL));
		break;
	default:
		CALL(tse_sched_progress(&sched));
	}
}
#endif
