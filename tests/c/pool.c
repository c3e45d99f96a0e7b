/* Pools: queries, lists of containers, user attributes, several handles, the system.
 *
 * run: {pool} {container}
 */
#include <gurt/common.h>

#include "check.h"

#define CONTAINERS 40

static void
queries(daos_handle_t pool, const char *label)
{
	daos_pool_info_t info;
	daos_prop_t *found = daos_prop_alloc(2);
	d_rank_list_t *ranks = NULL, *replicas;

	TRUE(found != NULL);
	memset(&info, 0xff, sizeof(info));
	info.pi_bits = DPI_ALL;
	found->dpp_entries[0].dpe_type = DAOS_PROP_PO_LABEL;
	found->dpp_entries[1].dpe_type = DAOS_PROP_PO_SVC_LIST;
	OK(daos_pool_query(pool, &ranks, &info, found, NULL));
	replicas = found->dpp_entries[1].dpe_val_ptr;
	TRUE(replicas != NULL && replicas->rl_nr >= 1);
	TRUE(strcmp(found->dpp_entries[0].dpe_str, label) == 0);
	TRUE(ranks != NULL && ranks->rl_nr >= 1);
	TRUE(info.pi_ntargets >= 1 && info.pi_nnodes == 1 && info.pi_ndisabled == 0);
	TRUE(info.pi_space.ps_space.s_total[DAOS_MEDIA_SCM] > 0);
	TRUE(info.pi_space.ps_space.s_free[DAOS_MEDIA_SCM] <= info.pi_space.ps_space.s_total[DAOS_MEDIA_SCM]);
	TRUE(info.pi_space.ps_space.s_free[DAOS_MEDIA_NVME] <= info.pi_space.ps_space.s_total[DAOS_MEDIA_NVME]);
	d_rank_list_free(ranks);
	daos_prop_free(found);
	OK(daos_pool_query(pool, NULL, NULL, NULL, NULL));
}

static void
lists(daos_handle_t pool)
{
	struct daos_pool_cont_info *found;
	daos_size_t before = 0, count = 0, i;
	char label[32];
	int seen = 0;

	OK(daos_pool_list_cont(pool, &before, NULL, NULL));
	for (i = 0; i < CONTAINERS; i++) {
		snprintf(label, sizeof(label), "list-%d", (int)i);
		OK(daos_cont_create_with_label(pool, label, NULL, NULL, NULL));
	}
	OK(daos_pool_list_cont(pool, &count, NULL, NULL));
	TRUE(count == before + CONTAINERS);
	found = calloc(count, sizeof(*found));
	TRUE(found != NULL);
	/* Room for none asks for the count. */
	count = 0;
	OK(daos_pool_list_cont(pool, &count, found, NULL));
	TRUE(count == before + CONTAINERS);
	count--;
	EXPECT(daos_pool_list_cont(pool, &count, found, NULL), -DER_TRUNC);
	TRUE(count == before + CONTAINERS);
	OK(daos_pool_list_cont(pool, &count, found, NULL));
	for (i = 0; i < count; i++)
		seen += strncmp(found[i].pci_label, "list-", 5) == 0;
	TRUE(seen == CONTAINERS);
	free(found);
	for (i = 0; i < CONTAINERS; i++) {
		snprintf(label, sizeof(label), "list-%d", (int)i);
		OK(daos_cont_destroy(pool, label, 0, NULL));
	}
	OK(daos_pool_list_cont(pool, &count, NULL, NULL));
	TRUE(count == before);
}

static void
attributes(daos_handle_t pool)
{
	const char *names[2] = {"one", "two"};
	const void *values[2] = {"value", ""};
	size_t sizes[2] = {6, 0}, size = 0;
	char text[16];
	void *const buffers[2] = {text, NULL};

	OK(daos_pool_set_attr(pool, 2, names, values, sizes, NULL));
	sizes[0] = sizeof(text);
	sizes[1] = 7;
	OK(daos_pool_get_attr(pool, 2, names, buffers, sizes, NULL));
	TRUE(sizes[0] == 6 && strcmp(text, "value") == 0 && sizes[1] == 0);
	OK(daos_pool_list_attr(pool, NULL, &size, NULL));
	TRUE(size == 8);
	OK(daos_pool_del_attr(pool, 2, names, NULL));
	OK(daos_pool_list_attr(pool, NULL, &size, NULL));
	TRUE(size == 0);
	EXPECT(daos_pool_get_attr(pool, 1, names, buffers, sizes, NULL), -DER_NONEXIST);
}

/* Two handles of one pool are independent; what was opened through one ends with it. */
static void
handles(const char *label, const char *container_label)
{
	daos_handle_t one, other, container;
	daos_pool_info_t info;
	uint64_t oid;

	memset(&info, 0, sizeof(info));
	OK(daos_pool_connect(label, NULL, DAOS_PC_RW, &one, &info, NULL));
	OK(daos_pool_connect(label, "daos_server", DAOS_PC_RO, &other, NULL, NULL));
	TRUE(one.cookie != other.cookie && info.pi_ntargets > 0);
	EXPECT(daos_cont_create_with_label(other, "read-only", NULL, NULL, NULL), -DER_NO_PERM);
	OK(daos_cont_open(one, container_label, DAOS_COO_RW, &container, NULL, NULL));
	OK(daos_pool_disconnect(one, NULL));
	EXPECT(daos_cont_alloc_oids(container, 1, &oid, NULL), -DER_NO_HDL);
	(void)daos_cont_close(container, NULL);
	OK(daos_pool_query(other, NULL, &info, NULL, NULL));
	OK(daos_pool_disconnect(other, NULL));
	EXPECT(daos_pool_query(other, NULL, &info, NULL, NULL), -DER_NO_HDL);
}

/* Where one engine keeps all metadata, it goes on. */
static void
service_stopped(daos_handle_t pool)
{
	daos_pool_info_t info;
	daos_handle_t none = {0};

	memset(&info, 0, sizeof(info));
	OK(daos_pool_stop_svc(pool, NULL));
	OK(daos_pool_query(pool, NULL, &info, NULL, NULL));
	EXPECT(daos_pool_stop_svc(none, NULL), -DER_NO_HDL);
}

static void
whole_system(const char *label)
{
	struct daos_sys_info *info = NULL;
	daos_mgmt_pool_info_t *pools;
	daos_size_t count = 0, i;
	bool seen = false;

	OK(daos_mgmt_get_sys_info(NULL, &info));
	TRUE(info != NULL && info->dsi_system_name[0] != '\0' && info->dsi_nr_ranks >= 1);
	daos_mgmt_put_sys_info(info);
	daos_mgmt_put_sys_info(NULL);

	OK(daos_mgmt_list_pools(NULL, &count, NULL, NULL));
	TRUE(count >= 1);
	pools = calloc(count, sizeof(*pools));
	TRUE(pools != NULL);
	OK(daos_mgmt_list_pools(NULL, &count, pools, NULL));
	for (i = 0; i < count; i++) {
		seen |= pools[i].mgpi_label != NULL && strcmp(pools[i].mgpi_label, label) == 0;
		free(pools[i].mgpi_label);
		d_rank_list_free(pools[i].mgpi_svc);
	}
	TRUE(seen);
	free(pools);
}

static void
the_system(void)
{
	uint32_t major = 99, minor = 99, patch = 99;
	char *tag = NULL;
	uuid_t device;
	int state = 0;

	OK(dc_mgmt_srv_version(&major, &minor, &patch, &tag));
	TRUE(major != 99 && minor != 99 && patch != 99 && tag != NULL);
	EXPECT(dc_mgmt_srv_version(&major, NULL, &patch, &tag), -DER_INVAL);
	memset(device, 7, sizeof(device));
	EXPECT(daos_mgmt_get_bs_state(NULL, device, &state, NULL), -DER_NONEXIST);
	EXPECT(daos_mgmt_get_bs_state(NULL, device, NULL, NULL), -DER_INVAL);
	memset(device, 0, sizeof(device));
	EXPECT(daos_mgmt_get_bs_state(NULL, device, &state, NULL), -DER_INVAL);
}

/* Bytes of a handle that was closed since can be opened, as upstream's daos_test does it: it is the calls that are refused. */
static void
closed_elsewhere(const char *label)
{
	daos_handle_t pool, again;
	daos_event_t event;
	bool flag;
	char bytes[512];
	uuid_t id;
	d_iov_t global;

	OK(daos_pool_connect(label, NULL, DAOS_PC_RW, &pool, NULL, NULL));
	d_iov_set(&global, bytes, sizeof(bytes));
	OK(daos_pool_local2global(pool, &global));
	OK(daos_pool_disconnect(pool, NULL));
	OK(daos_pool_global2local(global, &again));
	EXPECT(daos_pool_query(again, NULL, NULL, NULL, NULL), -DER_NO_HDL);
	EXPECT(daos_cont_create(again, &id, NULL, NULL), -DER_NO_HDL);
	EXPECT(daos_cont_open(again, "none", DAOS_COO_RW, &pool, NULL, NULL), -DER_NO_HDL);
	EXPECT(daos_pool_local2global(again, &global), -DER_NO_HDL);
	EXPECT(daos_cont_close(again, NULL), -DER_NO_HDL);
	OK(daos_pool_disconnect(again, NULL));
	EXPECT(daos_pool_disconnect(again, NULL), -DER_NO_HDL);
	/* With an event, too. */
	OK(daos_pool_global2local(global, &again));
	OK(daos_event_init(&event, DAOS_HDL_INVAL, NULL));
	OK(daos_pool_disconnect(again, &event));
	OK(daos_event_test(&event, DAOS_EQ_WAIT, &flag));
	TRUE(flag && event.ev_error == 0);
	OK(daos_event_fini(&event));
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container;

	if (argc < 3)
		return 2;
	open_container(argv[1], argv[2], &pool, &container);
	the_system();
	queries(pool, argv[1]);
	lists(pool);
	attributes(pool);
	service_stopped(pool);
	handles(argv[1], argv[2]);
	closed_elsewhere(argv[1]);
	whole_system(argv[1]);
	close_container(pool, container);
	puts("done");
	return 0;
}
