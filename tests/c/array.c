/* Arrays of cells: sizes, holes, ranges over chunks and buffers, handles of other processes.
 *
 * run: {pool} {container}
 */
#include "check.h"

#define CELLS 1000
#define CHUNK 64

static const daos_handle_t none = {0};

static daos_obj_id_t
array_id(daos_handle_t container, uint64_t number, bool add_attr)
{
	daos_obj_id_t oid;

	memset(&oid, 0, sizeof(oid));
	oid.lo = number;
	OK(daos_array_generate_oid(container, &oid, add_attr, OC_SX, 0, 0));
	TRUE(daos_is_array(oid));
	return oid;
}

static daos_handle_t
open_array(daos_handle_t container, uint64_t number, daos_size_t cell, daos_size_t chunk)
{
	daos_obj_id_t oid = array_id(container, number, false);
	daos_handle_t array;

	OK(daos_array_open_with_attr(container, oid, none, DAOS_OO_RW, cell, chunk, &array, NULL));
	return array;
}

static daos_size_t
size_of(daos_handle_t array)
{
	daos_size_t size = ~0ULL;

	OK(daos_array_get_size(array, none, &size, NULL));
	return size;
}

/* A descriptor of one range with a list of one buffer. */
struct one_range {
	daos_range_t range;
	daos_array_iod_t iod;
	d_iov_t iov;
	d_sg_list_t sgl;
};

static void
describe(struct one_range *one, uint64_t start, uint64_t count, void *buffer, size_t bytes)
{
	memset(one, 0, sizeof(*one));
	one->range.rg_idx = start;
	one->range.rg_len = count;
	one->iod.arr_nr = 1;
	one->iod.arr_rgs = &one->range;
	d_iov_set(&one->iov, buffer, bytes);
	one->sgl.sg_nr = 1;
	one->sgl.sg_iovs = &one->iov;
}

static void
write_and_read(daos_handle_t container)
{
	daos_handle_t array = open_array(container, 21, sizeof(uint64_t), CHUNK);
	uint64_t written[CELLS], got[CELLS + 2];
	struct one_range one;
	daos_size_t cell, chunk;
	daos_array_stbuf_t stat;
	int i;

	for (i = 0; i < CELLS; i++)
		written[i] = (uint64_t)i * i;
	OK(daos_array_get_attr(array, &chunk, &cell));
	TRUE(cell == sizeof(uint64_t) && chunk == CHUNK);
	TRUE(size_of(array) == 0);
	OK(daos_array_stat(array, none, &stat, NULL));
	TRUE(stat.st_size == 0 && stat.st_max_epoch == 0);

	describe(&one, 5, CELLS, written, sizeof(written));
	OK(daos_array_write(array, none, &one.iod, &one.sgl, NULL));
	TRUE(size_of(array) == CELLS + 5);
	OK(daos_array_stat(array, none, &stat, NULL));
	TRUE(stat.st_size == CELLS + 5 && stat.st_max_epoch > 0);

	memset(got, 0xee, sizeof(got));
	describe(&one, 5, CELLS, got, sizeof(written));
	OK(daos_array_read(array, none, &one.iod, &one.sgl, NULL));
	TRUE(memcmp(written, got, sizeof(written)) == 0 && one.iod.arr_nr_short_read == 0);
	TRUE(one.iod.arr_nr_read == CELLS);
	TRUE(got[CELLS] == 0xeeeeeeeeeeeeeeeeULL);

	/* The cells before the first one are zero; those behind the last one are short. */
	memset(got, 0xee, sizeof(got));
	describe(&one, 3, 4, got, 4 * sizeof(uint64_t));
	OK(daos_array_read(array, none, &one.iod, &one.sgl, NULL));
	TRUE(got[0] == 0 && got[1] == 0 && got[2] == written[0] && got[3] == written[1]);
	memset(got, 0xee, sizeof(got));
	describe(&one, CELLS + 4, 3, got, 3 * sizeof(uint64_t));
	OK(daos_array_read(array, none, &one.iod, &one.sgl, NULL));
	TRUE(got[0] == written[CELLS - 1] && one.iod.arr_nr_short_read == 2);
	TRUE(got[1] == 0xeeeeeeeeeeeeeeeeULL && got[2] == 0xeeeeeeeeeeeeeeeeULL);

	/* Wrong lengths. */
	describe(&one, 5, CELLS + 1, written, sizeof(written));
	EXPECT(daos_array_read(array, none, &one.iod, &one.sgl, NULL), -DER_IO_INVAL);
	EXPECT(daos_array_write(array, none, &one.iod, &one.sgl, NULL), -DER_IO_INVAL);
	one.range.rg_idx = ~0ULL;
	EXPECT(daos_array_read(array, none, &one.iod, &one.sgl, NULL), -DER_IO_INVAL);
	one.range.rg_idx = 0;
	one.range.rg_len = 1ULL << 63;
	EXPECT(daos_array_write(array, none, &one.iod, &one.sgl, NULL), -DER_IO_INVAL);
	one.iod.arr_nr = 1ULL << 63;
	EXPECT(daos_array_write(array, none, &one.iod, &one.sgl, NULL), -DER_INVAL);
	EXPECT(daos_array_write(array, none, NULL, &one.sgl, NULL), -DER_INVAL);
	EXPECT(daos_array_write(array, none, &one.iod, NULL, NULL), -DER_INVAL);
	TRUE(size_of(array) == CELLS + 5);

	OK(daos_array_set_size(array, none, 100, NULL));
	TRUE(size_of(array) == 100);
	OK(daos_array_set_size(array, none, 5000, NULL));
	TRUE(size_of(array) == 5000);
	describe(&one, 98, 4, got, 4 * sizeof(uint64_t));
	OK(daos_array_read(array, none, &one.iod, &one.sgl, NULL));
	TRUE(got[0] == written[93] && got[1] == written[94] && got[2] == 0 && got[3] == 0);
	OK(daos_array_destroy(array, none, NULL));
	TRUE(size_of(array) == 0);
	OK(daos_array_close(array, NULL));
	EXPECT(daos_array_close(array, NULL), -DER_NO_HDL);
	EXPECT(daos_array_get_size(array, none, &cell, NULL), -DER_NO_HDL);
}

/* Many ranges and buffers that are cut at different places; a hole is punched into them. */
static void
ranges_and_buffers(daos_handle_t container)
{
	daos_handle_t array = open_array(container, 22, 1, 10);
	char written[300], got[300];
	daos_range_t ranges[30];
	daos_array_iod_t iod;
	d_iov_t iovs[100];
	d_sg_list_t sgl = {100, 0, iovs};
	int i;

	for (i = 0; i < 300; i++)
		written[i] = (char)('a' + i % 26);
	memset(&iod, 0, sizeof(iod));
	iod.arr_nr = 30;
	iod.arr_rgs = ranges;
	for (i = 0; i < 30; i++) {
		/* From the last one down, with gaps of seven. */
		ranges[i].rg_idx = (uint64_t)(29 - i) * 17;
		ranges[i].rg_len = 10;
	}
	for (i = 0; i < 100; i++)
		d_iov_set(&iovs[i], &written[i * 3], 3);
	OK(daos_array_write(array, none, &iod, &sgl, NULL));
	TRUE(size_of(array) == 29 * 17 + 10);
	for (i = 0; i < 100; i++)
		d_iov_set(&iovs[i], &got[i * 3], 3);
	memset(got, 0, sizeof(got));
	OK(daos_array_read(array, none, &iod, &sgl, NULL));
	TRUE(memcmp(written, got, sizeof(got)) == 0);

	iod.arr_nr = 1;
	ranges[0].rg_idx = 17;
	ranges[0].rg_len = 10;
	OK(daos_array_punch(array, none, &iod, NULL));
	memset(got, '#', sizeof(got));
	OK(daos_array_read(array, none, &iod, &sgl, NULL));
	for (i = 0; i < 10; i++)
		TRUE(got[i] == 0);
	ranges[0].rg_idx = 34;
	OK(daos_array_read(array, none, &iod, &sgl, NULL));
	TRUE(memcmp(got, &written[270], 10) == 0);
	OK(daos_array_close(array, NULL));
}

/* A cell at the far end of what 64 bits can count, alone in its array. */
static void
sparse(daos_handle_t container)
{
	daos_handle_t array = open_array(container, 23, 1, 1 << 20);
	static char zeros[1 << 20], got[1 << 20];
	struct one_range one;
	uint64_t far = 1ULL << 60;

	describe(&one, far, 1, "x", 1);
	OK(daos_array_write(array, none, &one.iod, &one.sgl, NULL));
	describe(&one, 0, 1, "y", 1);
	OK(daos_array_write(array, none, &one.iod, &one.sgl, NULL));
	TRUE(size_of(array) == far + 1);
	memset(got, '#', sizeof(got));
	describe(&one, far / 2, sizeof(got), got, sizeof(got));
	OK(daos_array_read(array, none, &one.iod, &one.sgl, NULL));
	TRUE(memcmp(got, zeros, sizeof(got)) == 0);
	describe(&one, far - 1, 2, got, 2);
	OK(daos_array_read(array, none, &one.iod, &one.sgl, NULL));
	TRUE(got[0] == 0 && got[1] == 'x');
	OK(daos_array_set_size(array, none, 1, NULL));
	TRUE(size_of(array) == 1);
	OK(daos_array_close(array, NULL));
}

/* An array that keeps its cell and chunk size; and its handle as bytes, as if for another process. */
static void
attributes_and_handles(daos_handle_t container)
{
	daos_obj_id_t oid = array_id(container, 24, true);
	daos_handle_t array, other;
	daos_size_t cell = 0, chunk = 0;
	struct one_range one;
	uint32_t value = 7, found = 0;
	char buffer[256];
	d_iov_t glob = {NULL, 0, 0};

	EXPECT(daos_array_open(container, oid, none, DAOS_OO_RW, &cell, &chunk, &array, NULL), -DER_NONEXIST);
	OK(daos_array_create(container, oid, none, sizeof(value), 1024, &array, NULL));
	describe(&one, 3, 1, &value, sizeof(value));
	OK(daos_array_write(array, none, &one.iod, &one.sgl, NULL));
	EXPECT(daos_array_create(container, oid, none, 4, 1024, &other, NULL), -DER_EXIST);

	OK(daos_array_local2global(array, &glob));
	TRUE(glob.iov_buf_len > 0 && glob.iov_buf_len <= sizeof(buffer));
	glob.iov_buf = buffer;
	glob.iov_buf_len = 1;
	EXPECT(daos_array_local2global(array, &glob), -DER_TRUNC);
	glob.iov_buf_len = sizeof(buffer);
	OK(daos_array_local2global(array, &glob));
	OK(daos_array_close(array, NULL));

	OK(daos_array_global2local(container, glob, DAOS_OO_RO, &other));
	describe(&one, 3, 1, &found, sizeof(found));
	OK(daos_array_read(other, none, &one.iod, &one.sgl, NULL));
	TRUE(found == value);
	EXPECT(daos_array_write(other, none, &one.iod, &one.sgl, NULL), -DER_NO_PERM);
	OK(daos_array_close(other, NULL));
	glob.iov_len--;
	EXPECT(daos_array_global2local(container, glob, DAOS_OO_RO, &other), -DER_INVAL);

	OK(daos_array_open(container, oid, none, DAOS_OO_RO, &cell, &chunk, &array, NULL));
	TRUE(cell == sizeof(value) && chunk == 1024);
	OK(daos_array_close(array, NULL));
	/* This one says itself how it is laid out. */
	EXPECT(daos_array_open_with_attr(container, oid, none, DAOS_OO_RW, 8, 1024, &array, NULL), -DER_INVAL);
	oid = array_id(container, 24, false);
	EXPECT(daos_array_open_with_attr(container, oid, none, DAOS_OO_RW, 0, 1, &array, NULL), -DER_INVAL);
	EXPECT(daos_array_open_with_attr(container, oid, none, DAOS_OO_RW, 1, 0, &array, NULL), -DER_INVAL);
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container;

	if (argc < 3)
		return 2;
	open_container(argv[1], argv[2], &pool, &container);
	write_and_read(container);
	ranges_and_buffers(container);
	sparse(container);
	attributes_and_handles(container);
	close_container(pool, container);
	puts("done");
	return 0;
}
