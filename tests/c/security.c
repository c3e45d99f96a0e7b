/* Access control lists as values, of containers and pools; handles shared as bytes, and hostile bytes.
 *
 * run: {pool} {container}
 */
#include <unistd.h>

#include <gurt/common.h>

#include "check.h"

static void
entries(void)
{
	struct daos_ace *ace, *again;
	char text[DAOS_ACL_MAX_ACE_STR_LEN + 1], tiny[4];
	const char *hostile[] = {"", ":", ":::", "A", "A::", "A::x", "A::x@", "B::x@:r", "A:Q:x@:r", "A:G:OWNER@:r", "A::GROUP@:r",
	                         "A::x@:rz", "A::x@y@:r", "A::@:r", "U::x@:r", "A:S:x@:r", "A::x@:r:", NULL};
	int i;

	ace = daos_ace_create(DAOS_ACL_USER, "ann@");
	TRUE(ace != NULL && daos_ace_is_valid(ace));
	TRUE(daos_ace_get_size(ace) == (ssize_t)sizeof(*ace) + 8);
	EXPECT(daos_ace_to_str(ace, text, sizeof(text)), -DER_INVAL);
	ace->dae_access_types = DAOS_ACL_ACCESS_ALLOW;
	ace->dae_allow_perms = DAOS_ACL_PERM_READ | DAOS_ACL_PERM_WRITE;
	OK(daos_ace_to_str(ace, text, sizeof(text)));
	TRUE(strcmp(text, "A::ann@:rw") == 0);
	TRUE(strcmp(daos_ace_get_principal_str(ace), "ann@") == 0);
	EXPECT(daos_ace_to_str(ace, tiny, sizeof(tiny)), -DER_TRUNC);
	TRUE(strcmp(tiny, "A::") == 0);
	OK(daos_ace_str_get_verbose(text, text, sizeof(text)));
	TRUE(strcmp(text, "Allow::ann@:Read/Write") == 0);
	OK(daos_ace_from_str("A::ann@:rw", &again));
	TRUE(daos_ace_get_size(again) == daos_ace_get_size(ace) && memcmp(ace, again, daos_ace_get_size(ace)) == 0);
	ace->dae_allow_perms = 1UL << 40;
	TRUE(!daos_ace_is_valid(ace));
	ace->dae_allow_perms = 0;
	ace->dae_principal_len = 7;
	TRUE(!daos_ace_is_valid(ace) && daos_ace_get_size(ace) == -DER_INVAL);
	daos_ace_free(ace);
	daos_ace_free(again);
	daos_ace_free(NULL);
	for (i = 0; hostile[i] != NULL; i++)
		EXPECT(daos_ace_from_str(hostile[i], &ace), -DER_INVAL);
	EXPECT(daos_ace_from_str(NULL, &ace), -DER_INVAL);
	TRUE(daos_ace_create(DAOS_ACL_USER, NULL) == NULL && daos_ace_create(DAOS_ACL_GROUP, "x") == NULL);
	TRUE(daos_ace_create(NUM_DAOS_ACL_TYPES, "x@") == NULL && !daos_ace_is_valid(NULL));
	TRUE(daos_ace_get_principal_str(NULL) == NULL);
}

static void
lists(void)
{
	const char *texts[] = {"A::EVERYONE@:r", "A:G:staff@:rt", "A::OWNER@:rw"};
	struct daos_acl *acl, *copy;
	struct daos_ace *ace, *last = NULL;
	char **written;
	size_t count = 0, i;
	enum daos_acl_principal_type type;
	char *name;
	uid_t uid;

	OK(daos_acl_from_strs(texts, 3, &acl));
	OK(daos_acl_validate(acl));
	OK(daos_acl_to_strs(acl, &written, &count));
	TRUE(count == 3 && strcmp(written[0], texts[2]) == 0 && strcmp(written[1], texts[1]) == 0);
	for (i = 0; i < count; i++)
		free(written[i]);
	free(written);
	for (i = 0, ace = daos_acl_get_next_ace(acl, NULL); ace != NULL; ace = daos_acl_get_next_ace(acl, ace), i++)
		last = ace;
	TRUE(i == 3 && last != NULL && last->dae_principal_type == DAOS_ACL_EVERYONE);
	OK(daos_acl_get_ace_for_principal(acl, DAOS_ACL_GROUP, "staff@", &ace));
	TRUE(strcmp(daos_ace_get_principal_str(ace), "staff@") == 0);
	EXPECT(daos_acl_get_ace_for_principal(acl, DAOS_ACL_USER, "staff@", &ace), -DER_NONEXIST);
	copy = daos_acl_dup(acl);
	TRUE(copy != NULL && daos_acl_get_size(copy) == daos_acl_get_size(acl));
	OK(daos_ace_from_str("A::bob@:", &ace));
	OK(daos_acl_add_ace(&copy, ace));
	OK(daos_acl_add_ace(&copy, ace));
	TRUE(daos_acl_get_size(copy) == daos_acl_get_size(acl) + daos_ace_get_size(ace));
	daos_ace_free(ace);
	OK(daos_acl_remove_ace(&copy, DAOS_ACL_USER, "bob@"));
	EXPECT(daos_acl_remove_ace(&copy, DAOS_ACL_USER, "bob@"), -DER_NONEXIST);
	TRUE(memcmp(copy, acl, daos_acl_get_size(acl)) == 0);
	copy->dal_ver = 2;
	EXPECT(daos_acl_validate(copy), -DER_INVAL);
	copy->dal_ver = 1;
	copy->dal_len = 0xfffffff8;
	EXPECT(daos_acl_validate(copy), -DER_INVAL);
	TRUE(daos_acl_dup(copy) == NULL && daos_acl_get_next_ace(copy, NULL) == NULL);
	daos_acl_free(copy);
	OK(daos_acl_to_stream(stderr, acl, true));
	daos_acl_free(acl);
	TRUE((acl = daos_acl_create(NULL, 0)) != NULL && daos_acl_get_next_ace(acl, NULL) == NULL);
	daos_acl_free(acl);
	EXPECT(daos_acl_from_strs(texts, 0, &acl), -DER_INVAL);
	OK(daos_acl_principal_from_str("u:ann@", &type, &name));
	TRUE(type == DAOS_ACL_USER && strcmp(name, "ann@") == 0);
	free(name);
	EXPECT(daos_acl_principal_from_str("ann@", &type, &name), -DER_INVAL);
	TRUE(daos_acl_principal_is_valid("ann@") && !daos_acl_principal_is_valid("ann") && !daos_acl_principal_is_valid(NULL));
	OK(daos_acl_uid_to_principal(0, &name));
	TRUE(strcmp(name, "root@") == 0);
	OK(daos_acl_principal_to_uid(name, &uid));
	TRUE(uid == 0);
	free(name);
	EXPECT(daos_acl_principal_to_uid("no-such-user-here@", &uid), -DER_NONEXIST);
}

static struct daos_prop_entry *
entry_of(daos_prop_t *prop, uint32_t type)
{
	struct daos_prop_entry *entry = daos_prop_entry_get(prop, type);

	TRUE(entry != NULL && daos_prop_is_set(entry));
	return entry;
}

static void
container_list(daos_handle_t pool)
{
	const char *texts[] = {"A::OWNER@:rwtTaAo", "A::nobody-here@:rt"};
	struct daos_acl *acl, *seen;
	struct daos_ace *ace;
	daos_prop_t *given = daos_prop_alloc(1), *found;
	daos_handle_t container, reader;
	gid_t gid = getegid();
	uint64_t perms;
	char *me;

	OK(daos_acl_from_strs(texts, 2, &acl));
	given->dpp_entries[0].dpe_type = DAOS_PROP_CO_ACL;
	OK(daos_prop_set_ptr(given, DAOS_PROP_CO_ACL, acl, daos_acl_get_size(acl)));
	OK(daos_cont_create_with_label(pool, "guarded", given, NULL, NULL));
	daos_prop_free(given);
	OK(daos_cont_open(pool, "guarded", DAOS_COO_RW, &container, NULL, NULL));
	OK(daos_cont_get_acl(container, &found, NULL));
	seen = entry_of(found, DAOS_PROP_CO_ACL)->dpe_val_ptr;
	TRUE(daos_acl_get_size(seen) == daos_acl_get_size(acl) && memcmp(seen, acl, daos_acl_get_size(acl)) == 0);
	OK(daos_acl_uid_to_principal(geteuid(), &me));
	TRUE(strcmp(entry_of(found, DAOS_PROP_CO_OWNER)->dpe_str, me) == 0);
	OK(daos_cont_get_perms(found, geteuid(), &gid, 1, &perms));
	TRUE(perms == (DAOS_ACL_PERM_CONT_ALL & ~DAOS_ACL_PERM_DEL_CONT));
	OK(daos_cont_get_perms(found, 4000000001u, NULL, 0, &perms));
	TRUE(perms == 0);
	daos_prop_free(found);

	OK(daos_ace_from_str("A:G:staff@:r", &ace));
	OK(daos_acl_add_ace(&acl, ace));
	daos_ace_free(ace);
	OK(daos_cont_update_acl(container, acl, NULL));
	OK(daos_cont_delete_acl(container, DAOS_ACL_USER, "nobody-here@", NULL));
	EXPECT(daos_cont_delete_acl(container, DAOS_ACL_USER, "nobody-here@", NULL), -DER_NONEXIST);
	OK(daos_cont_get_acl(container, &found, NULL));
	seen = entry_of(found, DAOS_PROP_CO_ACL)->dpe_val_ptr;
	OK(daos_acl_get_ace_for_principal(seen, DAOS_ACL_GROUP, "staff@", &ace));
	daos_prop_free(found);

	/* A handle for reading changes nothing, and one that may not read properties reads none. */
	OK(daos_cont_open(pool, "guarded", DAOS_COO_RO, &reader, NULL, NULL));
	EXPECT(daos_cont_overwrite_acl(reader, acl, NULL), -DER_NO_PERM);
	EXPECT(daos_cont_set_owner_no_check(reader, "someone@", NULL, NULL), -DER_NO_PERM);
	OK(daos_cont_close(reader, NULL));
	EXPECT(daos_cont_set_owner(container, "no-such-user-here@", NULL, NULL), -DER_NONEXIST);
	EXPECT(daos_cont_set_owner(container, "none", NULL, NULL), -DER_INVAL);
	daos_acl_free(acl);

	/* Given away: the list says nothing about us any more, and the handle stays as it is. */
	OK(daos_cont_set_owner_no_check(container, "someone@", "else@", NULL));
	EXPECT(daos_cont_open(pool, "guarded", DAOS_COO_RW, &reader, NULL, NULL), -DER_NO_PERM);
	OK(daos_cont_set_owner_no_check(container, me, NULL, NULL));
	OK(daos_cont_open(pool, "guarded", DAOS_COO_RW, &reader, NULL, NULL));
	OK(daos_cont_close(reader, NULL));
	/* The same among other properties. */
	given = daos_prop_alloc(2);
	given->dpp_entries[0].dpe_type = DAOS_PROP_CO_LABEL;
	given->dpp_entries[1].dpe_type = DAOS_PROP_CO_OWNER;
	OK(daos_prop_set_str(given, DAOS_PROP_CO_LABEL, "guarded-too", strlen("guarded-too")));
	OK(daos_prop_set_str(given, DAOS_PROP_CO_OWNER, "someone@", strlen("someone@")));
	OK(daos_cont_set_prop(container, given, NULL));
	EXPECT(daos_cont_open(pool, "guarded-too", DAOS_COO_RW, &reader, NULL, NULL), -DER_NO_PERM);
	OK(daos_prop_set_str(given, DAOS_PROP_CO_LABEL, "guarded", strlen("guarded")));
	OK(daos_prop_set_str(given, DAOS_PROP_CO_OWNER, me, strlen(me)));
	OK(daos_cont_set_prop(container, given, NULL));
	OK(daos_cont_open(pool, "guarded", DAOS_COO_RW, &reader, NULL, NULL));
	OK(daos_cont_close(reader, NULL));
	daos_prop_free(given);
	free(me);
	OK(daos_cont_status_clear(container, NULL));
	OK(daos_cont_close(container, NULL));
	OK(daos_cont_destroy(pool, "guarded", 0, NULL));
}

/* A new container whose owner may do this much, opened. */
static daos_handle_t
open_with_rights(daos_handle_t pool, const char *label, const char *text, unsigned int flags)
{
	daos_prop_t *given = daos_prop_alloc(1);
	daos_handle_t container;
	struct daos_acl *acl;

	OK(daos_acl_from_strs(&text, 1, &acl));
	given->dpp_entries[0].dpe_type = DAOS_PROP_CO_ACL;
	OK(daos_prop_set_ptr(given, DAOS_PROP_CO_ACL, acl, daos_acl_get_size(acl)));
	OK(daos_cont_create_with_label(pool, label, given, NULL, NULL));
	OK(daos_cont_open(pool, label, flags, &container, NULL, NULL));
	daos_acl_free(acl);
	daos_prop_free(given);
	return container;
}

static int
query_of(daos_handle_t container, uint32_t type)
{
	daos_prop_t *wanted = daos_prop_alloc(1);
	int rc;

	wanted->dpp_entries[0].dpe_type = type;
	rc = daos_cont_query(container, NULL, wanted, NULL);
	if (rc == 0)
		entry_of(wanted, type);
	daos_prop_free(wanted);
	return rc;
}

/*
 * Each right alone. Attributes could only be changed by who may also read the data, and the owner was told only to who may read
 * properties, though daos_cont_get_acl tells it.
 */
static void
single_rights(daos_handle_t pool)
{
	const char *name = "color", *value = "green";
	char read_back[8] = "";
	void *place = read_back;
	size_t size = strlen(value), room = sizeof(read_back);
	daos_handle_t container;

	container = open_with_rights(pool, "writable", "A::OWNER@:wtd", DAOS_COO_RW);
	OK(daos_cont_set_attr(container, 1, &name, (const void *const *)&value, &size, NULL));
	EXPECT(daos_cont_get_attr(container, 1, &name, &place, &room, NULL), -DER_NO_PERM);
	EXPECT(daos_cont_list_attr(container, NULL, &room, NULL), -DER_NO_PERM);
	OK(daos_cont_del_attr(container, 1, &name, NULL));
	OK(daos_cont_close(container, NULL));
	OK(daos_cont_destroy(pool, "writable", 0, NULL));
	container = open_with_rights(pool, "listed", "A::OWNER@:rad", DAOS_COO_RO);
	OK(query_of(container, DAOS_PROP_CO_OWNER));
	OK(query_of(container, DAOS_PROP_CO_OWNER_GROUP));
	OK(query_of(container, DAOS_PROP_CO_ACL));
	EXPECT(query_of(container, DAOS_PROP_CO_LABEL), -DER_NO_PERM);
	OK(daos_cont_close(container, NULL));
	OK(daos_cont_destroy(pool, "listed", 0, NULL));
	container = open_with_rights(pool, "told", "A::OWNER@:rtd", DAOS_COO_RO);
	OK(query_of(container, DAOS_PROP_CO_OWNER));
	OK(query_of(container, DAOS_PROP_CO_LABEL));
	/* An owner may read and change the list, whatever it says. */
	OK(query_of(container, DAOS_PROP_CO_ACL));
	OK(daos_cont_close(container, NULL));
	OK(daos_cont_destroy(pool, "told", 0, NULL));
}

static void
pool_list(daos_handle_t pool)
{
	daos_prop_t *found = daos_prop_alloc(0), *all = daos_prop_alloc(4);
	uint64_t perms;
	gid_t gid = getegid();

	all->dpp_entries[0].dpe_type = DAOS_PROP_PO_ACL;
	all->dpp_entries[1].dpe_type = DAOS_PROP_PO_OWNER;
	all->dpp_entries[2].dpe_type = DAOS_PROP_PO_OWNER_GROUP;
	all->dpp_entries[3].dpe_type = DAOS_PROP_PO_CHECKPOINT_THRESH;
	OK(daos_pool_query(pool, NULL, NULL, all, NULL));
	TRUE(entry_of(all, DAOS_PROP_PO_CHECKPOINT_THRESH)->dpe_val == DAOS_PROP_PO_CHECKPOINT_THRESH_DEFAULT);
	OK(daos_acl_validate(entry_of(all, DAOS_PROP_PO_ACL)->dpe_val_ptr));
	OK(daos_pool_get_perms(all, geteuid(), &gid, 1, &perms));
	TRUE(perms == (DAOS_ACL_PERM_READ | DAOS_ACL_PERM_WRITE));
	EXPECT(daos_pool_get_perms(found, geteuid(), &gid, 1, &perms), -DER_INVAL);
	daos_prop_free(all);
	daos_prop_free(found);
}

/* The bytes of a handle with one of them changed, cut, of another kind. */
static void
hostile_bytes(daos_handle_t pool, daos_handle_t container)
{
	d_iov_t iov = {0}, other;
	daos_handle_t opened;
	char *bytes;
	size_t i;

	OK(daos_pool_local2global(pool, &iov));
	iov.iov_buf = bytes = calloc(1, iov.iov_buf_len);
	OK(daos_pool_local2global(pool, &iov));
	for (i = 0; i < iov.iov_len; i++) {
		bytes[i] ^= 0x20;
		EXPECT(daos_pool_global2local(iov, &opened), -DER_INVAL);
		bytes[i] ^= 0x20;
		other = iov;
		other.iov_len = i;
		EXPECT(daos_pool_global2local(other, &opened), -DER_INVAL);
	}
	EXPECT(daos_cont_global2local(pool, iov, &opened), -DER_INVAL);
	OK(daos_pool_global2local(iov, &opened));
	OK(daos_pool_disconnect(opened, NULL));
	OK(daos_pool_query(pool, NULL, NULL, NULL, NULL));
	free(bytes);
	memset(&iov, 0, sizeof(iov));
	OK(daos_cont_local2global(container, &iov));
	iov.iov_buf = bytes = calloc(1, iov.iov_buf_len);
	OK(daos_cont_local2global(container, &iov));
	bytes[iov.iov_len / 2] ^= 1;
	EXPECT(daos_cont_global2local(pool, iov, &opened), -DER_INVAL);
	bytes[iov.iov_len / 2] ^= 1;
	EXPECT(daos_pool_global2local(iov, &opened), -DER_INVAL);
	OK(daos_cont_global2local(pool, iov, &opened));
	OK(daos_cont_close(opened, NULL));
	OK(daos_cont_query(container, NULL, NULL, NULL));
	free(bytes);
}

/* A handle ends for all who use it when its owner closes it. */
static void
shared_handles(daos_handle_t pool, const char *label)
{
	d_iov_t iov = {0};
	daos_handle_t container, shared;

	OK(daos_cont_open(pool, label, DAOS_COO_RO, &container, NULL, NULL));
	OK(daos_cont_local2global(container, &iov));
	iov.iov_buf = calloc(1, iov.iov_buf_len);
	OK(daos_cont_local2global(container, &iov));
	OK(daos_cont_global2local(pool, iov, &shared));
	OK(daos_cont_query(shared, NULL, NULL, NULL));
	OK(daos_cont_close(container, NULL));
	EXPECT(daos_cont_query(shared, NULL, NULL, NULL), -DER_NO_HDL);
	(void)daos_cont_close(shared, NULL);
	EXPECT(daos_cont_global2local(pool, iov, &shared), -DER_NO_HDL);
	free(iov.iov_buf);
}

static void
exclusive(daos_handle_t pool, const char *label)
{
	daos_handle_t first, second;

	OK(daos_cont_create_with_label(pool, "exclusive", NULL, NULL, NULL));
	OK(daos_cont_open(pool, "exclusive", DAOS_COO_RO, &first, NULL, NULL));
	EXPECT(daos_cont_open(pool, "exclusive", DAOS_COO_EX, &second, NULL, NULL), -DER_BUSY);
	EXPECT(daos_cont_open(pool, "exclusive", DAOS_COO_EX | DAOS_COO_EVICT, &second, NULL, NULL), -DER_INVAL);
	EXPECT(daos_cont_open(pool, "exclusive", DAOS_COO_RW | DAOS_COO_EVICT_ALL, &second, NULL, NULL), -DER_INVAL);
	OK(daos_cont_open(pool, "exclusive", DAOS_COO_RW | DAOS_COO_EVICT, &second, NULL, NULL));
	EXPECT(daos_cont_query(first, NULL, NULL, NULL), -DER_NO_HDL);
	/* Closing what was taken away is no error; closing it twice is. */
	OK(daos_cont_close(first, NULL));
	EXPECT(daos_cont_close(first, NULL), -DER_NO_HDL);
	first = second;
	OK(daos_cont_open(pool, "exclusive", DAOS_COO_EX | DAOS_COO_EVICT_ALL, &second, NULL, NULL));
	EXPECT(daos_cont_query(first, NULL, NULL, NULL), -DER_NO_HDL);
	OK(daos_cont_close(first, NULL));
	EXPECT(daos_cont_open(pool, "exclusive", DAOS_COO_RO, &first, NULL, NULL), -DER_BUSY);
	OK(daos_cont_close(second, NULL));
	OK(daos_cont_destroy(pool, "exclusive", 0, NULL));
	(void)label;
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container;

	if (argc < 3)
		return 2;
	entries();
	lists();
	open_container(argv[1], argv[2], &pool, &container);
	container_list(pool);
	single_rights(pool);
	pool_list(pool);
	hostile_bytes(pool, container);
	shared_handles(pool, argv[2]);
	exclusive(pool, argv[2]);
	close_container(pool, container);
	puts("done");
	return 0;
}
