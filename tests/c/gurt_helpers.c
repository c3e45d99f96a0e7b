/* Helpers of gurt beside the hash table: lists with short heads, scatter-gather lists, lists of ranks, the environment, times, random
 * numbers, memory of another size; facilities and kinds of messages of a program's own; and what looks for faults and for engines'
 * numbers, which finds none.
 *
 * run:
 */
#include "check.h"

#include <pthread.h>
#include <setjmp.h>

/* A program with facilities and kinds of its own says so before it includes anything of gurt. */
#define DD_FAC(name) helpers_##name##_facility
#define D_LOGFAC DD_FAC(main)
#include <gurt/atomic.h>
#include <gurt/common.h>
#include <gurt/fault_inject.h>
#include <gurt/telemetry_consumer.h>

#define FACILITIES(ACTION, arg) ACTION(main, main, arg) ACTION(other, other, arg)
#define KINDS(ACTION, arg) ACTION(DB_FIRST, first, first_kind, 0, arg) ACTION(DB_SECOND, second, second_kind, 0, arg)

FACILITIES(D_LOG_DECLARE_FAC, D_NOOP)
FACILITIES(D_LOG_INSTANTIATE_FAC, D_NOOP)
KINDS(D_LOG_DECLARE_DB, D_NOOP)
KINDS(D_LOG_INSTANTIATE_DB, D_NOOP)

D_CASSERT(sizeof(d_dbug_t) == 8, "masks have 64 bits");

#define ITEMS 5

struct item {
	int number;
	d_list_t link;
	d_hlist_node_t short_link;
};

static void
lists(void)
{
	struct item items[ITEMS], *item, *next;
	d_list_t *link, *link_next;
	int i, sum;
	D_LIST_HEAD(head);

	TRUE(d_list_empty_careful(&head));
	for (i = 0; i < ITEMS; i++) {
		items[i].number = i;
		d_list_add_tail(&items[i].link, &head);
	}
	TRUE(!d_list_empty_careful(&head));
	i = ITEMS;
	d_list_for_each_prev(link, &head)
		TRUE(d_list_entry(link, struct item, link)->number == --i);
	item = &items[1];
	sum = 0;
	d_list_for_each_entry_continue(item, &head, link)
		sum += item->number;
	TRUE(sum == 2 + 3 + 4);
	d_list_for_each_entry_reverse_safe(item, next, &head, link)
		if (item->number % 2 == 1)
			d_list_del(&item->link);
	sum = 0;
	d_list_for_each_entry_typed(item, &head, struct item, link)
		sum += item->number;
	TRUE(sum == 0 + 2 + 4);
	item = &items[2];
	d_list_for_each_entry_safe_from(item, next, &head, link)
		d_list_del(&item->link);
	sum = 0;
	d_list_for_each_safe(link, link_next, &head) {
		sum++;
		d_list_del(link);
	}
	TRUE(sum == 1 && d_list_empty(&head));
}

static void
short_lists(void)
{
	struct item items[ITEMS], *item;
	d_hlist_node_t *link, *next;
	int i, order[ITEMS], expected[ITEMS] = {3, 2, 0, 1, 4};
	D_HLIST_HEAD(head);

	TRUE(d_hlist_empty(&head));
	for (i = 0; i < ITEMS; i++) {
		items[i].number = i;
		D_INIT_HLIST_NODE(&items[i].short_link);
		TRUE(d_hlist_unhashed(&items[i].short_link));
	}
	d_hlist_add_head(&items[0].short_link, &head);
	d_hlist_add_after(&items[1].short_link, &items[0].short_link);
	d_hlist_add_before(&items[2].short_link, &items[0].short_link);
	d_hlist_add_before(&items[3].short_link, head.first);
	d_hlist_add_after(&items[4].short_link, &items[1].short_link);
	TRUE(!d_hlist_empty(&head) && !d_hlist_unhashed(&items[4].short_link));
	i = 0;
	dhlist_for_each_entry(item, link, &head, short_link)
		order[i++] = item->number;
	TRUE(i == ITEMS && memcmp(order, expected, sizeof(order)) == 0);
	link = &items[0].short_link;
	i = 3;
	dhlist_for_each_entry_continue(item, link, short_link)
		TRUE(item->number == expected[i++]);
	TRUE(i == ITEMS);
	link = &items[2].short_link;
	i = 1;
	dhlist_for_each_entry_from(item, link, short_link)
		TRUE(item->number == expected[i++]);
	dhlist_for_each_entry_safe(item, link, next, &head, short_link)
		if (item->number != 1)
			d_hlist_del_init(&item->short_link);
	d_hlist_del_init(&items[0].short_link);
	TRUE(head.first == &items[1].short_link && head.first->next == NULL);
	d_hlist_del(&items[1].short_link);
	i = 0;
	dhlist_for_each(link, &head)
		i++;
	TRUE(i == 0 && d_hlist_empty(&head));
}

static void
scatter_gather(void)
{
	d_sg_list_t from, to, none;

	OK(d_sgl_init(&none, 0));
	TRUE(none.sg_iovs == NULL && d_sgl_buf_size(&none) == 0);
	d_sgl_fini(&none, true);
	d_sgl_fini(NULL, true);
	OK(d_sgl_init(&from, 2));
	OK(d_sgl_init(&to, 3));
	d_iov_set(&from.sg_iovs[0], strdup("abc"), 4);
	d_iov_set(&from.sg_iovs[1], strdup("defgh"), 6);
	d_iov_set(&to.sg_iovs[0], calloc(1, 8), 8);
	d_iov_set(&to.sg_iovs[1], calloc(1, 8), 8);
	TRUE(d_sgl_buf_size(&from) == 10 && d_sgl_buf_size(&to) == 16);
	d_sgl_buf_copy(&to, &from);
	TRUE(strcmp(to.sg_iovs[1].iov_buf, "defgh") == 0 && d_sgl_buf_size(&to) == 10);
	d_sgl_fini(&from, true);
	d_sgl_fini(&to, true);
	TRUE(from.sg_iovs == NULL && from.sg_nr == 0);
}

static bool
is(d_rank_list_t *list, const char *text)
{
	char *found = NULL;
	bool same;

	OK(d_rank_list_to_str(list, &found));
	same = strcmp(found, text) == 0;
	if (!same)
		fprintf(stderr, "%s is not %s\n", found, text);
	D_FREE(found);
	return same;
}

static void
ranks(void)
{
	d_rank_list_t *list = d_rank_list_alloc(4), *copy = NULL, *sorted = NULL, *other = d_rank_list_alloc(0);
	d_rank_range_list_t *ranges;
	char *text = NULL;
	uint32_t where = 99;
	int index = 99;

	TRUE(list != NULL && list->rl_nr == 4 && is(list, "[0-3]") && is(other, "[]"));
	TRUE(d_rank_list_alloc(UINT32_MAX) == NULL);
	EXPECT(d_rank_list_resize(list, UINT32_MAX), -DER_INVAL);
	TRUE(list->rl_nr == 4);
	OK(d_rank_list_append(list, 9));
	OK(d_rank_list_append(list, 2));
	TRUE(list->rl_nr == 6 && list->rl_ranks[4] == 9 && list->rl_ranks[5] == 2);
	TRUE(d_rank_list_find(list, 9, &index) && index == 4 && !d_rank_list_find(list, 8, &index) && index == 4);
	TRUE(d_rank_in_rank_list(list, 0) && !d_rank_in_rank_list(NULL, 0));
	OK(d_idx_in_rank_list(list, 3, &where));
	TRUE(where == 3);
	EXPECT(d_idx_in_rank_list(list, 7, &where), -DER_NONEXIST);
	EXPECT(d_idx_in_rank_list(NULL, 7, &where), -DER_INVAL);
	OK(d_rank_list_dup(&copy, list));
	TRUE(d_rank_list_identical(copy, list) && !d_rank_list_identical(copy, NULL) && d_rank_list_identical(NULL, NULL));
	OK(d_rank_list_dup_sort_uniq(&sorted, list));
	TRUE(sorted->rl_nr == 5 && is(sorted, "[0-3,9]"));
	TRUE(d_rank_list_bsearch(sorted, 9, &index) && index == 4 && !d_rank_list_bsearch(sorted, 4, NULL));
	d_rank_list_shuffle(sorted);
	TRUE(sorted->rl_nr == 5 && is(sorted, "[0-3,9]"));
	OK(d_rank_list_merge(other, sorted));
	OK(d_rank_list_merge(other, sorted));
	OK(d_rank_list_merge(other, NULL));
	TRUE(other->rl_nr == 5);
	OK(d_rank_list_del(other, 1));
	OK(d_rank_list_del(other, 77));
	TRUE(is(other, "[0,2-3,9]"));
	d_rank_list_filter(other, sorted, true);
	TRUE(is(sorted, "[1]"));
	d_rank_list_filter(other, copy, false);
	TRUE(is(copy, "[0,2-3,9]") && copy->rl_nr == 5);
	d_rank_list_del_at(copy, 0);
	d_rank_list_del_at(copy, 4);
	d_rank_list_del_at(copy, -1);
	TRUE(copy->rl_nr == 4 && copy->rl_ranks[0] == 2);
	OK(d_rank_list_copy(copy, sorted));
	TRUE(is(copy, "[1]"));
	OK(d_rank_list_resize(copy, 3));
	TRUE(copy->rl_nr == 3 && copy->rl_ranks[2] == 0);
	OK(d_rank_list_resize(copy, 0));
	TRUE(copy->rl_ranks == NULL);
	EXPECT(d_rank_list_resize(NULL, 1), -DER_INVAL);
	EXPECT(d_rank_list_copy(NULL, list), -DER_INVAL);
	EXPECT(d_rank_list_dup(NULL, list), -DER_INVAL);
	EXPECT(d_rank_list_dump(list, (d_string_t) "list", 3), -DER_INVAL);
	OK(d_rank_list_dump(list, (d_string_t) "list", 4));

	ranges = d_rank_range_list_create_from_ranks(list);
	TRUE(ranges != NULL && ranges->rrl_nr == 2 && ranges->rrl_ranges[0].hi == 3 && ranges->rrl_ranges[1].lo == 9);
	ranges = d_rank_range_list_realloc(ranges, 3);
	TRUE(ranges->rrl_nr == 3 && ranges->rrl_ranges[2].hi == 0);
	ranges->rrl_ranges[2].lo = ranges->rrl_ranges[2].hi = UINT32_MAX;
	OK(d_rank_range_list_str(ranges, &text));
	TRUE(strcmp(text, "[0-3,9,4294967295]") == 0);
	D_FREE(text);
	ranges->rrl_ranges[0].lo = 5;
	EXPECT(d_rank_range_list_str(ranges, &text), -DER_INVAL);
	/* To no size frees it. */
	TRUE(d_rank_range_list_realloc(ranges, 0) == NULL);
	ranges = d_rank_range_list_create_from_ranks(NULL);
	TRUE(ranges != NULL && ranges->rrl_nr == 0);
	d_rank_range_list_free(ranges);
	d_rank_list_free(list);
	d_rank_list_free(copy);
	d_rank_list_free(sorted);
	d_rank_list_free(other);
}

static void
environment(void)
{
	char text[8], letter = '?', *put = strdup("GURT_PUT=42");
	unsigned int number = 7;

	TRUE(!d_isenv_def((char *)"GURT_SET"));
	EXPECT(d_getenv_str(text, sizeof(text), "GURT_SET"), -DER_NONEXIST);
	TRUE(d_setenv("GURT_SET", "seven", 1) == 0 && d_setenv("GURT_SET", "eight", 0) == 0);
	TRUE(d_isenv_def((char *)"GURT_SET"));
	OK(d_getenv_str(text, sizeof(text), "GURT_SET"));
	TRUE(strcmp(text, "seven") == 0);
	EXPECT(d_getenv_str(text, 3, "GURT_SET"), -DER_TRUNC);
	TRUE(strcmp(text, "se") == 0);
	EXPECT(d_getenv_str(text, 0, "GURT_SET"), -DER_INVAL);
	EXPECT(d_getenv_char("GURT_SET", &letter), -DER_INVAL);
	EXPECT(d_getenv_uint("GURT_SET", &number), -DER_INVAL);
	TRUE(letter == '?' && number == 7);
	TRUE(d_putenv(put) == 0);
	OK(d_getenv_uint("GURT_PUT", &number));
	TRUE(number == 42);
	TRUE(d_unsetenv("GURT_PUT") == 0 && d_setenv("GURT_SET", "x", 1) == 0);
	free(put);
	OK(d_getenv_char("GURT_SET", &letter));
	TRUE(letter == 'x');
	/* Values are bytes, of whatever encoding. */
	TRUE(d_setenv("GURT_SET", "caf\351", 1) == 0);
	OK(d_getenv_str(text, sizeof(text), "GURT_SET"));
	TRUE(strcmp(text, "caf\351") == 0);
	EXPECT(d_getenv_uint("GURT_SET", &number), -DER_INVAL);
	TRUE(d_setenv("", "x", 1) == -1 && d_setenv("A=B", "x", 1) == -1 && d_unsetenv("A=B") == -1);
	TRUE(d_setenv(NULL, "x", 1) == -1 && d_unsetenv(NULL) == -1 && d_putenv(NULL) == -1);
}

/* One thread changes variables while another one reads them, which ASan and valgrind look at. */
static void *
change(void *argument)
{
	char name[32];
	int i;

	for (i = 0; i < 500; i++) {
		(void)snprintf(name, sizeof(name), "GURT_OF_THREAD_%d", i);
		TRUE(d_setenv(name, "some value of some length", 1) == 0 && d_setenv("GURT_SHARED", i % 2 == 0 ? "1" : "22222222", 1) == 0);
	}
	return argument;
}

static void
environment_of_threads(void)
{
	pthread_t thread;
	unsigned int number = 0;
	int i;

	TRUE(d_setenv("GURT_SHARED", "1", 1) == 0);
	OK(pthread_create(&thread, NULL, change, NULL));
	for (i = 0; i < 2000; i++) {
		OK(d_getenv_uint("GURT_SHARED", &number));
		TRUE(number == 1 || number == 22222222);
	}
	OK(pthread_join(thread, NULL));
}

static void
times_and_numbers(void)
{
	struct timespec early = {1, 900000000}, late = {3, 100000000}, now;
	uint16_t half = 0x1234;

	TRUE(d_timediff_ns(&early, &late) == 1200000000 && d_timediff_ns(&late, &early) == -1200000000);
	now = d_timediff(&early, &late);
	TRUE(now.tv_sec == 1 && now.tv_nsec == 200000000 && d_time2ms(now) == 1200 && d_time2us(now) == 1200000);
	TRUE(d_timeless(&early, &late) && !d_timeless(&late, &early) && !d_timeless(&late, &late));
	d_timeinc_ms(&early, 1200);
	TRUE(d_timediff_ns(&early, &late) == 0 && !d_timenull(&early));
	now = d_time_ms(1234);
	TRUE(now.tv_sec == 1 && now.tv_nsec == 234000000 && d_time2s(now) > 1.23);
	OK(d_gettime(&now));
	TRUE(d_timeleft_ns(&now) == 0);
	d_timeinc(&now, (uint64_t)3600 * NSEC_PER_SEC);
	TRUE(d_timeleft_ns(&now) > 0);
	TRUE(d_timeus_secdiff(3600) > d_timeus_secdiff(0));
	TRUE(d_power2_nbits(1) == 0 && d_power2_nbits(5) == 3 && d_power2_nbits(8) == 3 && d_power2_nbits(UINT32_MAX) == 32);
	TRUE(D_BIT_IS_SET(6, 2) == 1 && D_BIT_IS_SET(6, 1) == 0 && LOWEST_BIT_SET(12) == 4);
	D_SWAP16S(&half);
	TRUE(half == 0x3412 && min_t(int, 3, 2) == 2 && max_t(int, 3, 2) == 3 && MIN(1, 2) == 1 && MAX(1, 2) == 2);
	d_srand(5);
	TRUE(d_rand() <= D_RAND_MAX && d_randd() < 1.0);
}

static void
memory(void)
{
	char *old, *new, *path;

	D_ALLOC_NZ(old, 4);
	memcpy(old, "abc", 4);
	/* The old pointer is gone: programs give it back all the same, as D_FREE(NULL). */
	D_REALLOC(new, old, 4, 8);
	TRUE(old == NULL && strcmp(new, "abc") == 0 && new[7] == 0);
	D_FREE(old);
	D_REALLOC_NZ(old, new, 2);
	TRUE(new == NULL && old[0] == 'a');
	D_REALLOC_Z(new, old, 2);
	TRUE(new[0] == 0 && new[1] == 0);
	D_REALLOC(old, new, 2, 0);
	TRUE(old != NULL && new == NULL);
	/* Both may be one variable. */
	D_REALLOC(old, old, 1, 8);
	TRUE(old != NULL && old[1] == 0 && old[7] == 0);
	D_REALLOC_NZ(old, old, 2);
	TRUE(old != NULL);
	D_FREE(old);
	D_STRNDUP_S(old, "text");
	TRUE(strcmp(old, "text") == 0);
	D_FREE(old);
	D_REALPATH(path, "/usr/../");
	TRUE(strcmp(path, "/") == 0);
	D_FREE(path);
	D_REALPATH(path, "/there/is/none");
	TRUE(path == NULL && errno == ENOENT);
}

static jmp_buf before;
static int jumps, computed;

static void
jump(const int result, const char *condition, const char *file, const int line)
{
	TRUE(result == 0 && strcmp(condition, jumps == 0 ? "ranks == NULL" : "++computed == 2") == 0 && file != NULL && line > 0);
	jumps++;
	longjmp(before, 1);
}

static void
messages(void)
{
	d_dbug_t bit = 0;
	char text[8];

	OK(d_log_init());
	OK(D_LOG_REGISTER_FAC(FACILITIES));
	OK(D_LOG_REGISTER_DB(KINDS));
	TRUE(DD_FAC(main) > 0 && DD_FAC(other) > DD_FAC(main) && DB_FIRST != 0);
	D_DEBUG(DB_FIRST, "%s\n", "of a kind of its own");
	D_TRACE_ERROR(&bit, "an error of %s\n", "the test");
	DHL_ERROR(&bit, -DER_NOSPACE, "an error of %s", "the test");
	DS_ERROR(ENOENT, "an error of %s", "the test");
	d_log(DLOG_INFO | DD_FAC(main), "not to be seen: %d\n", 1);
	d_log(DLOG_STDOUT | DLOG_INFO, "to be seen: %d\n", 2);
	TRUE(d_log_check(DLOG_ERR) == DLOG_ERR && d_log_check(DLOG_WARN) == 0 && !D_LOG_ENABLED(DB_IO));
	TRUE(d_log_getmasks(text, 0, sizeof(text), 0) == 3 && strcmp(text, "ERR") == 0);
	TRUE(d_log_getmasks(text, 1, 2, 0) == 2 && strcmp(text, "R") == 0 && d_log_getmasks(NULL, 9, 0, 0) == 0);
	TRUE(d_log_getdbgbit(&bit, (char *)"io") == 0 && bit != 0 && d_log_getdbgbit(NULL, (char *)"io") == -1);
	OK(D_LOG_DEREGISTER_DB(KINDS));
	OK(d_log_setmasks("DEBUG", -1));
	d_log_memory((const uint8_t *)"0123456789abcdef!", 17);
	d_log_memory(NULL, 3);
	EXPECT(d_register_alt_assert(NULL), -DER_INVAL);
	OK(d_register_alt_assert(jump));
	if (setjmp(before) == 0) {
		D_ASSERT(ranks == NULL);
		TRUE(!"to come behind a condition that does not hold");
	}
	/* A condition that would hold when it is computed once more. */
	if (setjmp(before) == 0) {
		D_ASSERTF_MEM(++computed == 2, "bytes", 5, "computed %d times\n", computed);
		TRUE(!"to come behind a condition that does not hold");
	}
	TRUE(computed == 1 && jumps == 2);
	d_log_fini();
}

static void
faults_and_numbers(void)
{
	struct d_fault_attr_t fault = {0};
	struct d_tm_context *context = d_tm_open(0);
	struct d_tm_nodeList_t *list = NULL;
	struct d_tm_node_t first = {0}, second = {0};
	uint64_t value = 0;

	EXPECT(d_fault_inject_init(), -DER_NOSYS);
	OK(d_fault_attr_set(1, fault));
	TRUE(!d_fault_inject_is_enabled() && !D_SHOULD_FAIL(&fault) && !d_should_fail(&fault));
	TRUE(d_fault_attr_lookup(1) == NULL && d_fault_attr_err_code(1) == 0);

	TRUE(context == NULL && d_tm_get_root(context) == NULL && d_tm_find_metric(context, (char *)"/x") == NULL);
	EXPECT(d_tm_get_counter(context, &value, NULL), -DER_INVAL);
	EXPECT(d_tm_get_gauge(context, &value, NULL, &first), -DER_METRIC_NOT_FOUND);
	EXPECT(d_tm_list_subdirs(context, &list, NULL, &value, 3), -DER_INVAL);
	OK(d_tm_list_add_node(&first, &list));
	OK(d_tm_list_add_node(&second, &list));
	TRUE(list->dtnl_node == &first && list->dtnl_next->dtnl_node == &second && list->dtnl_next->dtnl_next == NULL);
	EXPECT(d_tm_list_add_node(&first, NULL), -DER_INVAL);
	d_tm_list_free(list);
	d_tm_close(&context);
	d_tm_close(NULL);
}

static void
atomics(void)
{
	ATOMIC uint64_t number = 3;
	uint64_t expected = 3;

	while (!atomic_compare_exchange(&number, expected, 5))
		TRUE(expected == 3);
	TRUE(atomic_fetch_add_relaxed(&number, 2) == 5 && atomic_load_relaxed(&number) == 7);
	atomic_store_release(&number, 1);
	TRUE(number == 1);
}

int
main(void)
{
	lists();
	short_lists();
	scatter_gather();
	ranks();
	environment();
	environment_of_threads();
	times_and_numbers();
	memory();
	messages();
	faults_and_numbers();
	atomics();
	puts("done");
	return 0;
}
