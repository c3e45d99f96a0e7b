/* Hash tables of gurt: every kind of lock, references, records that leave with their last reference, order of use, wrong
 * arguments; printing into memory of its own; and messages, of which only errors appear.
 *
 * run:
 */
#include "check.h"

#include <gurt/common.h>
#include <gurt/hash.h>

#define RECORDS 500
#define THREADS 4

struct record {
	d_list_t link;
	uint64_t key;
	int references;
	bool freed;
};

static struct record *
record_of(d_list_t *link)
{
	return d_list_entry(link, struct record, link);
}

static bool
key_cmp(struct d_hash_table *htable, d_list_t *link, const void *key, unsigned int ksize)
{
	(void)htable;
	return ksize == sizeof(uint64_t) && memcmp(&record_of(link)->key, key, ksize) == 0;
}

static void
key_init(struct d_hash_table *htable, d_list_t *link, void *arg)
{
	(void)htable;
	record_of(link)->key = *(uint64_t *)arg;
}

static uint32_t
key_hash(struct d_hash_table *htable, const void *key, unsigned int ksize)
{
	(void)htable;
	return d_hash_string_u32(key, ksize);
}

static uint32_t
rec_hash(struct d_hash_table *htable, d_list_t *link)
{
	return key_hash(htable, &record_of(link)->key, sizeof(uint64_t));
}

static void
rec_addref(struct d_hash_table *htable, d_list_t *link)
{
	(void)htable;
	__atomic_fetch_add(&record_of(link)->references, 1, __ATOMIC_RELAXED);
}

static bool
rec_decref(struct d_hash_table *htable, d_list_t *link)
{
	(void)htable;
	return __atomic_sub_fetch(&record_of(link)->references, 1, __ATOMIC_RELAXED) == 0;
}

static int
rec_ndecref(struct d_hash_table *htable, d_list_t *link, int count)
{
	(void)htable;
	if (record_of(link)->references < count)
		return -DER_INVAL;
	return __atomic_sub_fetch(&record_of(link)->references, count, __ATOMIC_RELAXED) == 0;
}

static void
rec_free(struct d_hash_table *htable, d_list_t *link)
{
	(void)htable;
	TRUE(d_hash_rec_unlinked(link) && !record_of(link)->freed);
	record_of(link)->freed = true;
}

static d_hash_table_ops_t full = {
    .hop_key_cmp = key_cmp,
    .hop_key_init = key_init,
    .hop_key_hash = key_hash,
    .hop_rec_hash = rec_hash,
    .hop_rec_addref = rec_addref,
    .hop_rec_decref = rec_decref,
    .hop_rec_free = rec_free,
};

static int
count_records(d_list_t *link, void *arg)
{
	TRUE(!record_of(link)->freed);
	++*(int *)arg;
	return 0;
}

static int
stop_at_once(d_list_t *link, void *arg)
{
	(void)link;
	(void)arg;
	return 42;
}

static struct record *
prepare(int count)
{
	struct record *records = calloc(count, sizeof(*records));
	int i;

	TRUE(records != NULL);
	for (i = 0; i < count; i++) {
		D_INIT_LIST_HEAD(&records[i].link);
		records[i].key = 1000 + i;
		records[i].references = 1;
	}
	return records;
}

/* Everything that a table holds a reference for. */
static void
referenced(uint32_t feats, d_hash_table_ops_t *ops)
{
	struct record *records = prepare(RECORDS), *one = &records[7];
	struct d_hash_table *table;
	uint64_t key;
	int i, count = 0, mark;

	OK(d_hash_table_create(feats, 5, &mark, ops, &table));
	TRUE(table->ht_priv == &mark && d_hash_rec_first(table) == NULL);
	for (i = 0; i < RECORDS; i++)
		OK(d_hash_rec_insert(table, &records[i].key, sizeof(key), &records[i].link, true));
	EXPECT(d_hash_rec_insert(table, &one->key, sizeof(key), &one->link, true), -DER_EXIST);
	TRUE(one->references == 2 && !d_hash_rec_unlinked(&one->link) && d_hash_rec_first(table) != NULL);
	OK(d_hash_table_traverse(table, count_records, &count));
	TRUE(count == RECORDS);
	EXPECT(d_hash_table_traverse(table, stop_at_once, NULL), 42);

	key = 1007;
	TRUE(d_hash_rec_find(table, &key, sizeof(key)) == &one->link && one->references == 3);
	TRUE(d_hash_rec_find_insert(table, &key, sizeof(key), &one->link) == &one->link && one->references == 4);
	d_hash_rec_addref(table, &one->link);
	TRUE(one->references == 5);
	EXPECT(d_hash_rec_ndecref(table, 3, &one->link), 0);
	TRUE(one->references == 2);
	TRUE(d_hash_rec_delete_at(table, &one->link) && !d_hash_rec_delete_at(table, &one->link));
	TRUE(one->references == 1 && !one->freed && d_hash_rec_find(table, &key, sizeof(key)) == NULL);
	d_hash_rec_decref(table, &one->link);
	TRUE(one->freed);

	key = 1008;
	records[8].references--; /* ours: the table's is the last one */
	TRUE(d_hash_rec_delete(table, &key, sizeof(key)) && records[8].freed);
	TRUE(!d_hash_rec_delete(table, &key, sizeof(key)));
	EXPECT(d_hash_table_destroy(table, false), -DER_BUSY);
	OK(d_hash_table_destroy(table, true));
	for (i = 0; i < RECORDS; i++)
		TRUE(records[i].references == (records[i].freed ? 0 : 1));
	free(records);
}

/* A table that holds no reference: a record leaves with its last one. */
static void
ephemeral(uint32_t feats)
{
	struct record *records = prepare(3);
	struct d_hash_table table;
	uint64_t key = 1001;

	OK(d_hash_table_create_inplace(feats | D_HASH_FT_EPHEMERAL, 0, NULL, &full, &table));
	OK(d_hash_rec_insert(&table, &key, sizeof(key), &records[1].link, true));
	TRUE(records[1].references == 1);
	TRUE(d_hash_rec_find(&table, &key, sizeof(key)) == &records[1].link && records[1].references == 2);
	d_hash_rec_decref(&table, &records[1].link);
	TRUE(!records[1].freed);
	d_hash_rec_decref(&table, &records[1].link);
	TRUE(records[1].freed && d_hash_rec_unlinked(&records[1].link));
	TRUE(d_hash_rec_find(&table, &key, sizeof(key)) == NULL);
	/* A record gets its key when it is inserted. */
	key = 5;
	OK(d_hash_rec_insert_anonym(&table, &records[2].link, &key));
	TRUE(d_hash_rec_find(&table, &key, sizeof(key)) == &records[2].link);
	TRUE(d_hash_rec_delete_at(&table, &records[2].link) && !records[2].freed);
	OK(d_hash_table_destroy_inplace(&table, false));
	EXPECT(d_hash_table_destroy_inplace(&table, false), -DER_UNINIT);
	EXPECT(d_hash_table_traverse(&table, count_records, NULL), -DER_UNINIT);
	free(records);
}

/* What was found is found first; what was evicted last. */
static void
order_of_use(void)
{
	struct record *records = prepare(3);
	struct d_hash_table *table;
	int i;

	OK(d_hash_table_create(D_HASH_FT_LRU | D_HASH_FT_EPHEMERAL, 0, NULL, &full, &table));
	for (i = 0; i < 3; i++)
		OK(d_hash_rec_insert(table, &records[i].key, sizeof(uint64_t), &records[i].link, true));
	TRUE(d_hash_rec_first(table) == &records[2].link);
	TRUE(d_hash_rec_find(table, &records[0].key, sizeof(uint64_t)) != NULL);
	TRUE(d_hash_rec_first(table) == &records[0].link);
	TRUE(d_hash_rec_evict(table, &records[0].key, sizeof(uint64_t)));
	TRUE(d_hash_rec_first(table) == &records[2].link);
	TRUE(d_hash_rec_evict_at(table, &records[2].link) && !d_hash_rec_evict_at(table, &records[2].link));
	TRUE(d_hash_rec_first(table) == &records[1].link);
	OK(d_hash_table_destroy(table, true));
	free(records);
}

struct share {
	struct d_hash_table *table;
	struct record *records;
	int number;
};

static void *
work(void *arg)
{
	struct share *share = arg;
	d_list_t *link;
	int i;

	for (i = share->number; i < RECORDS; i += THREADS)
		OK(d_hash_rec_insert(share->table, &share->records[i].key, sizeof(uint64_t), &share->records[i].link, true));
	for (i = 0; i < RECORDS; i++) {
		link = d_hash_rec_find(share->table, &share->records[i].key, sizeof(uint64_t));
		if (link != NULL)
			d_hash_rec_decref(share->table, link);
	}
	for (i = share->number; i < RECORDS; i += THREADS)
		TRUE(d_hash_rec_delete_at(share->table, &share->records[i].link));
	return NULL;
}

static void
many_threads(uint32_t feats)
{
	struct record *records = prepare(RECORDS);
	struct share shares[THREADS];
	pthread_t threads[THREADS];
	struct d_hash_table *table;
	int i;

	OK(d_hash_table_create(feats, 4, NULL, &full, &table));
	for (i = 0; i < THREADS; i++) {
		shares[i] = (struct share){table, records, i};
		TRUE(pthread_create(&threads[i], NULL, work, &shares[i]) == 0);
	}
	for (i = 0; i < THREADS; i++)
		TRUE(pthread_join(threads[i], NULL) == 0);
	OK(d_hash_table_destroy(table, false));
	for (i = 0; i < RECORDS; i++)
		TRUE(records[i].references == 1);
	free(records);
}

static void
wrong_arguments(void)
{
	d_hash_table_ops_t none = {0}, least = {.hop_key_cmp = key_cmp};
	struct record record = {.key = 1};
	struct d_hash_table *table = (void *)1;

	D_INIT_LIST_HEAD(&record.link);
	EXPECT(d_hash_table_create(0, 4, NULL, NULL, &table), -DER_INVAL);
	TRUE(table == NULL);
	EXPECT(d_hash_table_create(0, 4, NULL, &none, &table), -DER_INVAL);
	EXPECT(d_hash_table_create(0, 63, NULL, &least, &table), -DER_INVAL);
	EXPECT(d_hash_table_create(1 << 20, 4, NULL, &least, &table), -DER_INVAL);
	EXPECT(d_hash_table_create(0, 4, NULL, &least, NULL), -DER_INVAL);
	EXPECT(d_hash_table_destroy(NULL, true), -DER_INVAL);
	TRUE(d_hash_rec_find(NULL, &record.key, 8) == NULL);
	OK(d_hash_table_create(0, 4, NULL, &least, &table));
	TRUE(table->ht_feats & D_HASH_FT_GLOCK);
	EXPECT(d_hash_rec_insert(table, NULL, 8, &record.link, true), -DER_INVAL);
	EXPECT(d_hash_rec_insert(table, &record.key, 0, &record.link, true), -DER_INVAL);
	EXPECT(d_hash_rec_insert(table, &record.key, 8, NULL, true), -DER_INVAL);
	EXPECT(d_hash_rec_insert_anonym(table, &record.link, NULL), -DER_INVAL);
	EXPECT(d_hash_rec_ndecref(table, 0, &record.link), -DER_INVAL);
	OK(d_hash_rec_insert(table, &record.key, 8, &record.link, true));
	TRUE(d_hash_rec_find(table, &record.key, 8) == &record.link);
	OK(d_hash_table_destroy(table, true));
	TRUE(d_hash_rec_unlinked(&record.link));
	/* Named by the table, but of no bucket that anybody would look into. */
	least.hop_key_init = key_init;
	OK(d_hash_table_create(0, 4, NULL, &least, &table));
	EXPECT(d_hash_rec_insert_anonym(table, &record.link, &record.key), -DER_INVAL);
	OK(d_hash_table_destroy(table, false));
}

static void
prints(void)
{
	char *text;
	int count;

	text = d_asprintf2(&count, "%d %s %ld %.2f %c %x %g %u %s %.1f", 1, "two", 3L, 4.5, '6', 0x77u, 8e9, 9u, "ten", 11.5);
	TRUE(text != NULL && count == (int)strlen(text));
	TRUE(strcmp(text, "1 two 3 4.50 6 77 8e+09 9 ten 11.5") == 0);
	D_FREE(text);
	D_ASPRINTF(text, "%s/%s", "a", "b");
	TRUE(text != NULL && strcmp(text, "a/b") == 0);
	D_FREE(text);
	text = d_asprintf2(&count, "%f %f %f %f %f %f %f %f %f %d", 1., 2., 3., 4., 5., 6., 7., 8., 9., 10);
	TRUE(strcmp(text, "1.000000 2.000000 3.000000 4.000000 5.000000 6.000000 7.000000 8.000000 9.000000 10") == 0);
	D_FREE(text);
}

static void
messages(void)
{
	int evaluated = 0;

	D_DEBUG(DB_IO, "not seen %d\n", ++evaluated);
	D_WARN("not seen\n");
	D_ERROR("an error: %d\n", ++evaluated);
	DL_ERROR(-DER_INVAL, "reading '%s'", "x");
	D_CDEBUG(evaluated == 1, DLOG_INFO, DLOG_ERR, "not seen\n");
	D_ASSERT(++evaluated == 2);
	D_ASSERTF(++evaluated == 3, "%d\n", evaluated);
	D_CDEBUG(++evaluated == 4, DLOG_ERR, DLOG_INFO, "an error, whose condition is computed once\n");
	D_CDEBUG(++evaluated == 4, DLOG_INFO, DLOG_ERR, "another\n");
	TRUE(evaluated == 5);
}

int
main(void)
{
	static const uint32_t locks[] = {0, D_HASH_FT_MUTEX, D_HASH_FT_RWLOCK, D_HASH_FT_GLOCK,
					 D_HASH_FT_GLOCK | D_HASH_FT_MUTEX, D_HASH_FT_GLOCK | D_HASH_FT_RWLOCK,
					 D_HASH_FT_NO_KEYINIT_LOCK};
	d_hash_table_ops_t counted = full;
	unsigned int i;

	counted.hop_rec_ndecref = rec_ndecref;
	counted.hop_key_hash = NULL;
	for (i = 0; i < ARRAY_SIZE(locks); i++) {
		referenced(locks[i], i % 2 == 0 ? &full : &counted);
		ephemeral(locks[i]);
		many_threads(locks[i]);
	}
	referenced(D_HASH_FT_NOLOCK, &counted);
	ephemeral(D_HASH_FT_NOLOCK | D_HASH_FT_LRU);
	order_of_use();
	wrong_arguments();
	prints();
	messages();
	TRUE(d_hash_murmur64((const unsigned char *)"hello", 5, 0) == 0x1e68d17c457bf117ULL);
	d_signal_stack_enable(true);
	d_signal_stack_enable(false);
	return 0;
}
