/* Containers: properties, queries, user attributes, ids of objects, handles of other processes, destruction.
 *
 * run: {pool} {container}
 */
#include "check.h"

#define ATTRIBUTES 3

static const daos_handle_t none = {0};

static void
properties(daos_handle_t pool)
{
	daos_handle_t container, object;
	const struct daos_prop_co_roots *roots;
	daos_prop_t *given = daos_prop_alloc(2), *found = daos_prop_alloc(3);
	daos_cont_info_t info;
	uuid_t uuid, zero = {0};
	char text[37];

	TRUE(given != NULL && found != NULL);
	given->dpp_entries[0].dpe_type = DAOS_PROP_CO_LABEL;
	OK(daos_prop_set_str(given, DAOS_PROP_CO_LABEL, "by-property", strlen("by-property")));
	given->dpp_entries[1].dpe_type = DAOS_PROP_CO_LAYOUT_TYPE;
	given->dpp_entries[1].dpe_val = DAOS_PROP_CO_LAYOUT_HDF5;
	OK(daos_cont_create(pool, &uuid, given, NULL));
	TRUE(memcmp(uuid, zero, sizeof(uuid)) != 0);
	EXPECT(daos_cont_create(pool, NULL, given, NULL), -DER_EXIST);
	EXPECT(daos_cont_create_with_label(pool, "by-property", NULL, NULL, NULL), -DER_EXIST);
	EXPECT(daos_cont_create_with_label(pool, "other", given, NULL, NULL), -DER_INVAL);

	/* It is found by its label and by its UUID. */
	memset(&info, 0xff, sizeof(info));
	OK(daos_cont_open(pool, "by-property", DAOS_COO_RW, &container, &info, NULL));
	TRUE(memcmp(info.ci_uuid, uuid, sizeof(uuid)) == 0 && info.ci_nhandles == 1 && info.ci_nsnapshots == 0);
	OK(daos_cont_close(container, NULL));
	snprintf(text, sizeof(text), "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", uuid[0],
		 uuid[1], uuid[2], uuid[3], uuid[4], uuid[5], uuid[6], uuid[7], uuid[8], uuid[9], uuid[10], uuid[11],
		 uuid[12], uuid[13], uuid[14], uuid[15]);
	OK(daos_cont_open(pool, text, DAOS_COO_RO, &container, NULL, NULL));

	found->dpp_entries[0].dpe_type = DAOS_PROP_CO_LAYOUT_TYPE;
	found->dpp_entries[1].dpe_type = DAOS_PROP_CO_LABEL;
	found->dpp_entries[2].dpe_type = DAOS_PROP_CO_ACL;
	OK(daos_cont_query(container, &info, found, NULL));
	TRUE(found->dpp_entries[0].dpe_val == DAOS_PROP_CO_LAYOUT_HDF5);
	TRUE(strcmp(found->dpp_entries[1].dpe_str, "by-property") == 0);
	TRUE(daos_prop_is_set(&found->dpp_entries[1]) && daos_prop_is_set(&found->dpp_entries[2]));
	OK(daos_acl_validate(found->dpp_entries[2].dpe_val_ptr));
	/* Another query writes over what the caller has to free. */
	free(found->dpp_entries[1].dpe_str);
	free(found->dpp_entries[2].dpe_val_ptr);
	found->dpp_entries[0].dpe_type = DAOS_PROP_CO_ROOTS;
	OK(daos_cont_query(container, NULL, found, NULL));
	TRUE(daos_prop_is_set(&found->dpp_entries[0]));
	roots = found->dpp_entries[0].dpe_val_ptr;
	TRUE(roots->cr_oids[0].hi != 0 && roots->cr_oids[1].lo == 0 && roots->cr_oids[1].hi == 0);
	OK(daos_obj_open(container, roots->cr_oids[0], DAOS_OO_RO, &object, NULL));
	OK(daos_obj_close(object, NULL));
	OK(daos_cont_close(container, NULL));
	daos_prop_free(given);
	daos_prop_free(found);
	OK(daos_cont_destroy(pool, "by-property", 0, NULL));
}

static void
changed_properties(daos_handle_t pool)
{
	daos_handle_t container, other;
	daos_prop_t *change = daos_prop_alloc(1), *found = daos_prop_alloc(1), *both;

	TRUE(change != NULL && found != NULL);
	OK(daos_cont_create_with_label(pool, "before", NULL, NULL, NULL));
	OK(daos_cont_open(pool, "before", DAOS_COO_RW, &container, NULL, NULL));
	change->dpp_entries[0].dpe_type = DAOS_PROP_CO_LABEL;
	OK(daos_prop_set_str(change, DAOS_PROP_CO_LABEL, "after", strlen("after")));
	OK(daos_cont_set_prop(container, change, NULL));
	found->dpp_entries[0].dpe_type = DAOS_PROP_CO_LABEL;
	OK(daos_cont_query(container, NULL, found, NULL));
	TRUE(strcmp(found->dpp_entries[0].dpe_str, "after") == 0);
	EXPECT(daos_cont_open(pool, "before", DAOS_COO_RW, &other, NULL, NULL), -DER_NONEXIST);
	OK(daos_cont_open(pool, "after", DAOS_COO_RO, &other, NULL, NULL));
	EXPECT(daos_cont_set_prop(other, change, NULL), -DER_NO_PERM);
	/* Who names no property gets all. */
	both = daos_prop_alloc(0);
	OK(daos_cont_query(other, NULL, both, NULL));
	TRUE(both->dpp_nr > 20 && strcmp(daos_prop_entry_get(both, DAOS_PROP_CO_LABEL)->dpe_str, "after") == 0);
	TRUE(daos_prop_entry_get(both, DAOS_PROP_CO_OWNER)->dpe_str != NULL);
	daos_prop_free(both);
	both = daos_prop_alloc(0);
	OK(daos_pool_query(pool, NULL, NULL, both, NULL));
	TRUE(both->dpp_nr > 20 && daos_prop_entry_get(both, DAOS_PROP_PO_ACL)->dpe_val_ptr != NULL);
	daos_prop_free(both);
	EXPECT(daos_cont_destroy(pool, "after", 0, NULL), -DER_BUSY);
	OK(daos_cont_close(other, NULL));
	OK(daos_cont_close(container, NULL));

	/* Lists are merged: the newer one wins. */
	OK(daos_prop_set_str(change, DAOS_PROP_CO_LABEL, "merged", strlen("merged")));
	both = daos_prop_merge(found, change);
	TRUE(both != NULL && both->dpp_nr == 1 && strcmp(both->dpp_entries[0].dpe_str, "merged") == 0);
	daos_prop_free(both);
	daos_prop_free(change);
	daos_prop_free(found);
	OK(daos_cont_destroy(pool, "after", 0, NULL));
}

static void
attributes(daos_handle_t container)
{
	const char *names[ATTRIBUTES] = {"first", "second", "a third one"}, *absent[1] = {"absent"};
	const char *const no_name[1] = {""}, *const null_name[1] = {NULL};
	const void *values[ATTRIBUTES] = {"1", "22", "333"};
	size_t sizes[ATTRIBUTES] = {2, 3, 4}, size;
	char texts[ATTRIBUTES][8], list[64];
	void *const buffers[ATTRIBUTES] = {texts[0], texts[1], texts[2]};
	int i;

	OK(daos_cont_set_attr(container, ATTRIBUTES, names, values, sizes, NULL));
	for (i = 0; i < ATTRIBUTES; i++)
		sizes[i] = sizeof(texts[i]);
	OK(daos_cont_get_attr(container, ATTRIBUTES, names, buffers, sizes, NULL));
	for (i = 0; i < ATTRIBUTES; i++)
		TRUE(sizes[i] == (size_t)i + 2 && strcmp(texts[i], values[i]) == 0);
	/* Too little room: what fits is given, and the size is that of the whole. */
	memset(texts, '#', sizeof(texts));
	sizes[2] = 2;
	OK(daos_cont_get_attr(container, 1, &names[2], &buffers[2], &sizes[2], NULL));
	TRUE(sizes[2] == 4 && texts[2][0] == '3' && texts[2][1] == '3' && texts[2][2] == '#');
	/* Sizes alone. */
	sizes[0] = 0;
	OK(daos_cont_get_attr(container, 1, names, NULL, sizes, NULL));
	TRUE(sizes[0] == 2);

	size = 0;
	OK(daos_cont_list_attr(container, NULL, &size, NULL));
	TRUE(size == 6 + 7 + 12);
	memset(list, '#', sizeof(list));
	/* Too little room for the longest name: the others are given. */
	size = 13;
	OK(daos_cont_list_attr(container, list, &size, NULL));
	TRUE(size == 6 + 7 + 12 && list[13] == '#');
	TRUE(list[5] == '\0' || list[6] == '\0' || list[11] == '\0');
	memset(list, '#', sizeof(list));
	size = sizeof(list);
	OK(daos_cont_list_attr(container, list, &size, NULL));
	TRUE(size == 6 + 7 + 12 && list[size] == '#' && list[size - 1] == '\0');

	EXPECT(daos_cont_get_attr(container, 1, absent, buffers, sizes, NULL), -DER_NONEXIST);
	EXPECT(daos_cont_set_attr(container, 0, names, values, sizes, NULL), -DER_INVAL);
	EXPECT(daos_cont_set_attr(container, -1, names, values, sizes, NULL), -DER_INVAL);
	EXPECT(daos_cont_set_attr(container, 1, NULL, values, sizes, NULL), -DER_INVAL);
	EXPECT(daos_cont_set_attr(container, 1, no_name, values, sizes, NULL), -DER_INVAL);
	EXPECT(daos_cont_set_attr(container, 1, null_name, values, sizes, NULL), -DER_INVAL);
	EXPECT(daos_cont_set_attr(container, 1, names, NULL, sizes, NULL), -DER_INVAL);
	sizes[0] = (size_t)1 << 63;
	EXPECT(daos_cont_set_attr(container, 1, names, values, sizes, NULL), -DER_INVAL);
	EXPECT(daos_cont_get_attr(container, 1, names, buffers, sizes, NULL), -DER_INVAL);

	OK(daos_cont_del_attr(container, 1, names, NULL));
	sizes[0] = sizeof(texts[0]);
	EXPECT(daos_cont_get_attr(container, 1, names, buffers, sizes, NULL), -DER_NONEXIST);
	size = 0;
	OK(daos_cont_list_attr(container, NULL, &size, NULL));
	TRUE(size == 7 + 12);
}

static void
object_ids(daos_handle_t container)
{
	uint64_t first = 0, second = 0;

	OK(daos_cont_alloc_oids(container, 100, &first, NULL));
	OK(daos_cont_alloc_oids(container, 1, &second, NULL));
	TRUE(second >= first + 100);
	EXPECT(daos_cont_alloc_oids(container, 0, &first, NULL), -DER_INVAL);
	EXPECT(daos_cont_alloc_oids(container, ~0ULL, &first, NULL), -DER_INVAL);
	EXPECT(daos_cont_alloc_oids(container, 1, NULL, NULL), -DER_INVAL);
}

/* Handles as bytes: of the same process here, as MPI programs send them. */
static void
global_handles(daos_handle_t pool, daos_handle_t container)
{
	daos_handle_t other_pool, other, object;
	char pool_bytes[512], bytes[512];
	d_iov_t pool_glob = {NULL, 0, 0}, glob = {NULL, 0, 0};
	daos_key_t dkey = key_of("d");
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;
	int value = 5;

	OK(daos_pool_local2global(pool, &pool_glob));
	TRUE(pool_glob.iov_buf_len > 0 && pool_glob.iov_buf_len <= sizeof(pool_bytes));
	d_iov_set(&pool_glob, pool_bytes, sizeof(pool_bytes));
	OK(daos_pool_local2global(pool, &pool_glob));
	d_iov_set(&glob, bytes, sizeof(bytes));
	OK(daos_cont_local2global(container, &glob));
	OK(daos_pool_global2local(pool_glob, &other_pool));
	OK(daos_cont_global2local(other_pool, glob, &other));
	object = open_object(other, 60, DAOS_OT_MULTI_HASHED, OC_S1);
	single(&iod, &sgl, &iov, "a", &value, sizeof(value));
	OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
	OK(daos_obj_close(object, NULL));
	OK(daos_cont_close(other, NULL));
	OK(daos_pool_disconnect(other_pool, NULL));

	glob.iov_len /= 2;
	EXPECT(daos_cont_global2local(pool, glob, &other), -DER_INVAL);
	memset(bytes, 0xff, sizeof(bytes));
	d_iov_set(&glob, bytes, sizeof(bytes));
	EXPECT(daos_cont_global2local(pool, glob, &other), -DER_INVAL);
	EXPECT(daos_pool_global2local(glob, &other), -DER_INVAL);
	d_iov_set(&glob, NULL, 8);
	EXPECT(daos_pool_global2local(glob, &other), -DER_INVAL);
	d_iov_set(&glob, bytes, (size_t)1 << 63);
	EXPECT(daos_pool_global2local(glob, &other), -DER_INVAL);
}

/* What was written is gone with its container; a handle that is open then is of no use, and no harm. */
static void
destruction(daos_handle_t pool)
{
	daos_handle_t container, object;
	daos_key_t dkey = key_of("d");
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;
	int value = 5;

	OK(daos_cont_create_with_label(pool, "short-lived", NULL, NULL, NULL));
	OK(daos_cont_open(pool, "short-lived", DAOS_COO_RW, &container, NULL, NULL));
	object = open_object(container, 61, DAOS_OT_MULTI_HASHED, OC_SX);
	single(&iod, &sgl, &iov, "a", &value, sizeof(value));
	OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
	EXPECT(daos_cont_destroy(pool, "short-lived", 0, NULL), -DER_BUSY);
	OK(daos_cont_destroy(pool, "short-lived", 1, NULL));
	TRUE(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL) < 0);
	TRUE(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, &sgl, NULL, NULL) < 0);
	OK(daos_obj_close(object, NULL));
	(void)daos_cont_close(container, NULL);
	EXPECT(daos_cont_close(container, NULL), -DER_NO_HDL);

	OK(daos_cont_create_with_label(pool, "short-lived", NULL, NULL, NULL));
	OK(daos_cont_open(pool, "short-lived", DAOS_COO_RW, &container, NULL, NULL));
	object = open_object(container, 61, DAOS_OT_MULTI_HASHED, OC_SX);
	OK(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, &sgl, NULL, NULL));
	TRUE(iod.iod_size == 0);
	OK(daos_obj_close(object, NULL));
	/* Objects of a container that was closed are of no use either. */
	object = open_object(container, 62, DAOS_OT_MULTI_HASHED, OC_SX);
	OK(daos_cont_close(container, NULL));
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_NO_HDL);
	OK(daos_obj_close(object, NULL));
	OK(daos_cont_destroy(pool, "short-lived", 0, NULL));
}

/* Who may change a container is between it and the user: the pool may have been connected for reading. Making one takes more. */
static void
pool_for_reading(const char *label)
{
	daos_handle_t pool, container, object;
	daos_key_t dkey = key_of("d");
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;
	int value = 5;

	OK(daos_pool_connect(label, NULL, DAOS_PC_RO, &pool, NULL, NULL));
	EXPECT(daos_cont_create_with_label(pool, "not-made", NULL, NULL, NULL), -DER_NO_PERM);
	OK(daos_cont_open(pool, "shared", DAOS_COO_RW, &container, NULL, NULL));
	object = open_object(container, 63, DAOS_OT_MULTI_HASHED, OC_SX);
	single(&iod, &sgl, &iov, "a", &value, sizeof(value));
	OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
	OK(daos_obj_close(object, NULL));
	OK(daos_cont_close(container, NULL));
	OK(daos_pool_disconnect(pool, NULL));
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container;

	if (argc < 3)
		return 2;
	open_container(argv[1], argv[2], &pool, &container);
	properties(pool);
	changed_properties(pool);
	attributes(container);
	object_ids(container);
	global_handles(pool, container);
	destruction(pool);
	OK(daos_cont_create_with_label(pool, "shared", NULL, NULL, NULL));
	pool_for_reading(argv[1]);
	OK(daos_cont_destroy(pool, "shared", 0, NULL));
	close_container(pool, container);
	puts("done");
	return 0;
}
