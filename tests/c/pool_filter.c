/* Containers of a pool by conditions, and single targets.
 *
 * run: {pool} {container}
 */
#include <gurt/common.h>

#include "check.h"

#define CONTAINERS 5

static daos_size_t
count(daos_handle_t pool, daos_pool_cont_filter_t *filter)
{
	daos_size_t number = 0;

	OK(daos_pool_filter_cont(pool, filter, &number, NULL, NULL));
	return number;
}

/* A filter of one condition. */
static daos_size_t
count_one(daos_handle_t pool, uint32_t key, uint32_t func, uint64_t value)
{
	daos_pool_cont_filter_t filter;
	daos_pool_cont_filter_part_t part;
	daos_size_t number;

	memset(&part, 0, sizeof(part));
	part.pcfp_key = key;
	part.pcfp_func = func;
	part.pcfp_val64 = value;
	OK(daos_pool_cont_filter_init(&filter, PCF_COMBINE_LOGICAL_AND));
	OK(daos_pool_cont_filter_add(&filter, &part));
	number = count(pool, &filter);
	daos_pool_cont_filter_fini(&filter);
	return number;
}

/* When a container of the pool was changed last. */
static uint64_t
newest_change(daos_handle_t pool)
{
	struct daos_pool_cont_info2 *found;
	daos_size_t number = 0, i;
	uint64_t newest = 0;

	OK(daos_pool_filter_cont(pool, NULL, &number, NULL, NULL));
	found = calloc(number, sizeof(*found));
	TRUE(found != NULL);
	OK(daos_pool_filter_cont(pool, NULL, &number, found, NULL));
	for (i = 0; i < number; i++)
		if (found[i].pci_cinfo.ci_md_mtime > newest)
			newest = found[i].pci_cinfo.ci_md_mtime;
	free(found);
	return newest;
}

static void
filters(daos_handle_t pool)
{
	daos_handle_t open;
	daos_pool_cont_filter_t filter;
	daos_pool_cont_filter_part_t part;
	struct daos_pool_cont_info2 *found;
	daos_size_t all, number, i;
	uint64_t opened = 0;
	char label[32];
	int seen = 0;

	all = count(pool, NULL);
	for (i = 0; i < CONTAINERS; i++) {
		snprintf(label, sizeof(label), "filter-%d", (int)i);
		OK(daos_cont_create_with_label(pool, label, NULL, NULL, NULL));
	}
	all += CONTAINERS;
	OK(daos_cont_open(pool, "filter-2", DAOS_COO_RO, &open, NULL, NULL));

	found = calloc(all, sizeof(*found));
	TRUE(found != NULL);
	number = 0;
	OK(daos_pool_filter_cont(pool, NULL, &number, found, NULL));
	TRUE(number == all);
	number = all - 1;
	EXPECT(daos_pool_filter_cont(pool, NULL, &number, found, NULL), -DER_TRUNC);
	TRUE(number == all);
	OK(daos_pool_filter_cont(pool, NULL, &number, found, NULL));
	for (i = 0; i < number; i++) {
		seen += strncmp(found[i].pci_id.pci_label, "filter-", 7) == 0;
		if (strcmp(found[i].pci_id.pci_label, "filter-2") != 0)
			continue;
		opened = found[i].pci_cinfo.ci_md_otime;
		TRUE(found[i].pci_cinfo.ci_nhandles == 1 && opened != 0 && found[i].pci_cinfo.ci_md_mtime != 0);
		TRUE(memcmp(found[i].pci_id.pci_uuid, found[i].pci_cinfo.ci_uuid, sizeof(uuid_t)) == 0);
	}
	TRUE(seen == CONTAINERS && opened != 0);

	TRUE(count_one(pool, PCF_KEY_MD_OTIME, PCF_FUNC_EQ, opened) == 1);
	TRUE(count_one(pool, PCF_KEY_MD_OTIME, PCF_FUNC_NE, opened) == all - 1);
	TRUE(count_one(pool, PCF_KEY_MD_OTIME, PCF_FUNC_GE, opened) == 1);
	TRUE(count_one(pool, PCF_KEY_MD_OTIME, PCF_FUNC_GT, opened) == 0);
	TRUE(count_one(pool, PCF_KEY_MD_OTIME, PCF_FUNC_LT, opened) == all - 1);
	TRUE(count_one(pool, PCF_KEY_MD_MTIME, PCF_FUNC_LE, UINT64_MAX) == all);
	/* A snapshot changes a container, and so does an attribute. */
	for (i = 0; i < 2; i++) {
		daos_handle_t changed;
		daos_epoch_t epoch;
		daos_epoch_range_t range;
		const char *name = "name";
		const void *value = "value";
		size_t size = 5;
		uint64_t newest = newest_change(pool);

		OK(daos_cont_open(pool, "filter-1", DAOS_COO_RW, &changed, NULL, NULL));
		if (i == 0) {
			OK(daos_cont_create_snap(changed, &epoch, NULL, NULL));
			range.epr_lo = range.epr_hi = epoch;
			OK(daos_cont_destroy_snap(changed, range, NULL));
		} else {
			OK(daos_cont_set_attr(changed, 1, &name, &value, &size, NULL));
		}
		OK(daos_cont_close(changed, NULL));
		TRUE(count_one(pool, PCF_KEY_MD_MTIME, PCF_FUNC_GT, newest) == 1);
	}
	TRUE(count_one(pool, PCF_KEY_NUM_SNAPSHOTS, PCF_FUNC_GT, 0) == 0);
	TRUE(count_one(pool, PCF_KEY_NUM_HANDLES, PCF_FUNC_EQ, 0) == all - 2);

	/* Two conditions of which one holds. */
	memset(&part, 0, sizeof(part));
	part.pcfp_key = PCF_KEY_MD_OTIME;
	part.pcfp_func = PCF_FUNC_EQ;
	part.pcfp_val64 = opened;
	OK(daos_pool_cont_filter_init(&filter, PCF_COMBINE_LOGICAL_OR));
	TRUE(count(pool, &filter) == all);
	OK(daos_pool_cont_filter_add(&filter, &part));
	part.pcfp_key = PCF_KEY_NUM_SNAPSHOTS;
	part.pcfp_val64 = 7;
	OK(daos_pool_cont_filter_add(&filter, &part));
	TRUE(count(pool, &filter) == 1);
	filter.pcf_combine_func = PCF_COMBINE_LOGICAL_AND;
	TRUE(count(pool, &filter) == 0);
	for (i = 2; i < DAOS_POOL_CONT_FILTER_MAX_NPARTS; i++)
		OK(daos_pool_cont_filter_add(&filter, &part));
	TRUE(count(pool, &filter) == 0);
	/* One too many is told when the filter is used. */
	OK(daos_pool_cont_filter_add(&filter, &part));
	number = 0;
	EXPECT(daos_pool_filter_cont(pool, &filter, &number, NULL, NULL), -DER_INVAL);
	part.pcfp_key = PCF_KEY_MAX;
	EXPECT(daos_pool_cont_filter_add(&filter, &part), -DER_INVAL);
	part.pcfp_key = PCF_KEY_NUM_SNAPSHOTS;
	for (i = DAOS_POOL_CONT_FILTER_MAX_NPARTS + 1; i < 8 * DAOS_POOL_CONT_FILTER_MAX_NPARTS; i++)
		OK(daos_pool_cont_filter_add(&filter, &part));
	EXPECT(daos_pool_cont_filter_add(&filter, &part), -DER_INVAL);
	daos_pool_cont_filter_fini(&filter);
	daos_pool_cont_filter_fini(&filter);
	daos_pool_cont_filter_fini(NULL);
	EXPECT(daos_pool_cont_filter_init(&filter, 2), -DER_INVAL);
	EXPECT(daos_pool_cont_filter_init(NULL, PCF_COMBINE_LOGICAL_OR), -DER_INVAL);

	free(found);
	OK(daos_cont_close(open, NULL));
	for (i = 0; i < CONTAINERS; i++) {
		snprintf(label, sizeof(label), "filter-%d", (int)i);
		OK(daos_cont_destroy(pool, label, 0, NULL));
	}
	TRUE(count(pool, NULL) == all - CONTAINERS);
}

static void
targets(daos_handle_t pool)
{
	daos_pool_info_t info;
	daos_target_info_t target;
	d_rank_list_t *ranks = NULL;
	uint64_t total = 0;
	uint32_t i, count = 0;

	memset(&info, 0, sizeof(info));
	info.pi_bits = DPI_SPACE | DPI_ENGINES_ENABLED;
	OK(daos_pool_query(pool, &ranks, &info, NULL, NULL));
	TRUE(ranks != NULL && ranks->rl_nr == info.pi_nnodes);
	for (i = 0; i < info.pi_ntargets / ranks->rl_nr; i++) {
		memset(&target, 0xff, sizeof(target));
		OK(daos_pool_query_target(pool, i, ranks->rl_ranks[0], &target, NULL));
		TRUE(target.ta_state == DAOS_TS_UP_IN);
		TRUE(target.ta_space.s_free[DAOS_MEDIA_SCM] <= target.ta_space.s_total[DAOS_MEDIA_SCM]);
		total += target.ta_space.s_total[DAOS_MEDIA_SCM];
		count++;
	}
	TRUE(count >= 1 && total * ranks->rl_nr == info.pi_space.ps_space.s_total[DAOS_MEDIA_SCM]);
	EXPECT(daos_pool_query_target(pool, count, ranks->rl_ranks[0], &target, NULL), -DER_NONEXIST);
	EXPECT(daos_pool_query_target(pool, 0, 12345, &target, NULL), -DER_NONEXIST);
	EXPECT(daos_pool_query_target(pool, 0, 0, NULL, NULL), -DER_INVAL);
	d_rank_list_free(ranks);

	/* Nothing is out of use. */
	ranks = NULL;
	info.pi_bits = DPI_ENGINES_DISABLED;
	OK(daos_pool_query(pool, &ranks, &info, NULL, NULL));
	TRUE(ranks != NULL && ranks->rl_nr == 0);
	d_rank_list_free(ranks);
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container;
	daos_size_t number = 0;
	daos_target_info_t target;

	if (argc < 3)
		return 2;
	open_container(argv[1], argv[2], &pool, &container);
	filters(pool);
	targets(pool);
	close_container(pool, container);
	OK(daos_init());
	EXPECT(daos_pool_filter_cont(pool, NULL, &number, NULL, NULL), -DER_NO_HDL);
	EXPECT(daos_pool_query_target(pool, 0, 0, &target, NULL), -DER_NO_HDL);
	OK(daos_fini());
	puts("done");
	return 0;
}
