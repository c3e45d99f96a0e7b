/* Properties from text, roots and access control lists in property lists.
 *
 * run: {pool} {container}
 */
#include <daos_security.h>
#include <gurt/common.h>

#include "check.h"

static uint64_t
number(daos_prop_t *list, uint32_t type)
{
	struct daos_prop_entry *entry = daos_prop_entry_get(list, type);

	TRUE(entry != NULL);
	return entry->dpe_val;
}

/* What two lists have both stands where the first has it: mpiFileUtils' daos-serialize reads a merged list by places, and ended with a number taken for a
 * pointer. */
static void
merged(void)
{
	static const uint32_t types[] = {DAOS_PROP_CO_CSUM, DAOS_PROP_CO_REDUN_FAC, DAOS_PROP_CO_DEDUP, DAOS_PROP_CO_EC_CELL_SZ};
	daos_prop_t *old = daos_prop_alloc(3), *new = daos_prop_alloc(3), *both;
	uint32_t i;

	TRUE(old != NULL && new != NULL);
	for (i = 0; i < 3; i++) {
		old->dpp_entries[i].dpe_type = types[i];
		old->dpp_entries[i].dpe_val = i;
	}
	new->dpp_entries[0].dpe_type = types[3];
	new->dpp_entries[0].dpe_val = 10;
	new->dpp_entries[1].dpe_type = types[1];
	new->dpp_entries[1].dpe_val = 11;
	new->dpp_entries[2].dpe_type = types[1];
	new->dpp_entries[2].dpe_val = 12;
	both = daos_prop_merge(old, new);
	TRUE(both != NULL && both->dpp_nr == 4);
	for (i = 0; i < 4; i++)
		TRUE(both->dpp_entries[i].dpe_type == types[i]);
	TRUE(both->dpp_entries[0].dpe_val == 0 && both->dpp_entries[1].dpe_val == 12 && both->dpp_entries[2].dpe_val == 2);
	TRUE(both->dpp_entries[3].dpe_val == 10);
	daos_prop_free(both);
	daos_prop_free(new);
	daos_prop_free(old);
}

static void
refused(const char *text)
{
	daos_prop_t *list = NULL;

	EXPECT(daos_prop_from_str(text, strlen(text), &list), -DER_INVAL);
	TRUE(list == NULL);
}

static void
texts(daos_handle_t pool)
{
	const char *text = "label:from-text;cksum:crc64;cksum_size:65536;srv_cksum:on;dedup:hash;dedup_threshold:0x1000;"
			   "compression:lz4;encryption:aes-gcm256;rf:1;ec_cell_sz:65536;ec_pda:1;rp_pda:2;perf_domain:255;";
	daos_prop_t *list = NULL;
	daos_handle_t container;
	daos_prop_t *found;
	char *copy;

	/* Without a zero behind it: the length counts. */
	copy = malloc(strlen(text));
	TRUE(copy != NULL);
	memcpy(copy, text, strlen(text));
	OK(daos_prop_from_str(copy, strlen(text), &list));
	free(copy);
	TRUE(list->dpp_nr == 13);
	TRUE(strcmp(daos_prop_entry_get(list, DAOS_PROP_CO_LABEL)->dpe_str, "from-text") == 0);
	TRUE(number(list, DAOS_PROP_CO_CSUM) == DAOS_PROP_CO_CSUM_CRC64);
	TRUE(number(list, DAOS_PROP_CO_CSUM_CHUNK_SIZE) == 65536);
	TRUE(number(list, DAOS_PROP_CO_CSUM_SERVER_VERIFY) == DAOS_PROP_CO_CSUM_SV_ON);
	TRUE(number(list, DAOS_PROP_CO_DEDUP) == DAOS_PROP_CO_DEDUP_HASH);
	TRUE(number(list, DAOS_PROP_CO_DEDUP_THRESHOLD) == 4096);
	TRUE(number(list, DAOS_PROP_CO_COMPRESS) == DAOS_PROP_CO_COMPRESS_LZ4);
	TRUE(number(list, DAOS_PROP_CO_ENCRYPT) == DAOS_PROP_CO_ENCRYPT_AES_GCM256);
	TRUE(number(list, DAOS_PROP_CO_REDUN_FAC) == DAOS_PROP_CO_REDUN_RF1);
	TRUE(number(list, DAOS_PROP_CO_EC_CELL_SZ) == 65536);
	TRUE(number(list, DAOS_PROP_CO_EC_PDA) == 1 && number(list, DAOS_PROP_CO_RP_PDA) == 2);
	TRUE(number(list, DAOS_PROP_CO_PERF_DOMAIN) == 255);
	daos_prop_free(list);

	/* What was made of a text makes a container. */
	list = NULL;
	text = "label:from-text;cksum:crc32";
	OK(daos_prop_from_str(text, strlen(text), &list));
	OK(daos_cont_create(pool, NULL, list, NULL));
	daos_prop_free(list);
	OK(daos_cont_open(pool, "from-text", DAOS_COO_RO, &container, NULL, NULL));
	found = daos_prop_alloc(1);
	TRUE(found != NULL);
	found->dpp_entries[0].dpe_type = DAOS_PROP_CO_CSUM;
	OK(daos_cont_query(container, NULL, found, NULL));
	TRUE(found->dpp_entries[0].dpe_val == DAOS_PROP_CO_CSUM_CRC32);
	daos_prop_free(found);
	OK(daos_cont_close(container, NULL));
	OK(daos_cont_destroy(pool, "from-text", 0, NULL));

	refused(";");
	refused("label");
	refused("label:");
	refused("label:a b");
	refused("cksum:md5");
	refused("rd_fac:x");
	refused("rd_fac:1;status:0");
	refused("owner:me");
	refused("srv_cksum:1");
	refused("label:a;label");
	EXPECT(daos_prop_from_str("label:a", 0, &list), -DER_INVAL);
	EXPECT(daos_prop_from_str(NULL, 7, &list), -DER_INVAL);
	EXPECT(daos_prop_from_str("label:a", 7, NULL), -DER_INVAL);
	EXPECT(daos_prop_from_str("label:a", UINT64_MAX, &list), -DER_INVAL);
}

static void
copies(daos_handle_t container)
{
	struct daos_prop_co_roots roots;
	struct daos_prop_entry source, other;
	daos_prop_t *list = daos_prop_alloc(1), *one = NULL, *two = NULL;

	TRUE(list != NULL);
	memset(&roots, 7, sizeof(roots));
	memset(&source, 0, sizeof(source));
	source.dpe_type = DAOS_PROP_CO_ROOTS;
	source.dpe_val_ptr = &roots;
	list->dpp_entries[0].dpe_type = DAOS_PROP_CO_ROOTS;
	OK(daos_prop_entry_dup_co_roots(&list->dpp_entries[0], &source));
	TRUE(list->dpp_entries[0].dpe_val_ptr != &roots);
	TRUE(memcmp(list->dpp_entries[0].dpe_val_ptr, &roots, sizeof(roots)) == 0);
	source.dpe_val_ptr = NULL;
	EXPECT(daos_prop_entry_dup_co_roots(&list->dpp_entries[0], &source), -DER_INVAL);
	TRUE(!daos_prop_has_byteval(&source));
	EXPECT(daos_prop_entry_set_byteval(&source, "x", 1), -DER_INVAL);
	EXPECT(daos_prop_set_byteval(list, DAOS_PROP_CO_ROOTS, "x", 1), -DER_INVAL);
	EXPECT(daos_prop_entry_dup_byteval(&other, &source), -DER_INVAL);
	daos_prop_free(list);

	OK(daos_cont_get_acl(container, &one, NULL));
	OK(daos_cont_get_acl(container, &two, NULL));
	OK(daos_prop_entry_cmp_acl(daos_prop_entry_get(one, DAOS_PROP_CO_ACL), daos_prop_entry_get(two, DAOS_PROP_CO_ACL)));
	EXPECT(daos_prop_entry_cmp_acl(daos_prop_entry_get(one, DAOS_PROP_CO_ACL), &source), -DER_INVAL);
	source = *daos_prop_entry_get(two, DAOS_PROP_CO_ACL);
	source.dpe_val_ptr = daos_acl_create(NULL, 0);
	TRUE(source.dpe_val_ptr != NULL);
	EXPECT(daos_prop_entry_cmp_acl(daos_prop_entry_get(one, DAOS_PROP_CO_ACL), &source), -DER_MISMATCH);
	daos_acl_free(source.dpe_val_ptr);
	daos_prop_free(one);
	daos_prop_free(two);
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container;

	if (argc < 3)
		return 2;
	open_container(argv[1], argv[2], &pool, &container);
	merged();
	texts(pool);
	copies(container);
	close_container(pool, container);
	puts("done");
	return 0;
}
