/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * What HDF5 does in a second in one file, by one process. Started by `cargo xtask bench hdf5` with files of containers and with HDF5's
 * own:
 *
 *   figures FILE MEBIBYTES RECORDS [POOL CONTAINER]
 *
 * MEBIBYTES are those of a dataset of floats, RECORDS how many small things are made. Each case is one line, "case TAB bytes TAB unit TAB
 * figure". What was read is compared with what was written. With POOL and CONTAINER the calls of libdaos that a read and a
 * write of 4 KiB come to are made directly, too; they are cases of the same names with "directly".
 */
#include <hdf5.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <daos.h>
#include <daos_obj_class.h>

enum {
	SLAB_FLOATS = 4 << 20,
	CHUNK_FLOATS = 1 << 18,
	PIECE_FLOATS = 1024,
	PIECE_BYTES = PIECE_FLOATS * 4,
	PIECES = 20000,
	SMALL_FLOATS = 16,
	CALLS_FLOATS = 16 << 20,
	DKEY_FLOATS = 1 << 18,
	NAME_BYTES = 32,
};

static const char *file_name;
static hid_t access_list;
static uint64_t random_state;

static int64_t checked(int64_t result, const char *call, int line)
{
	if (result < 0) {
		fprintf(stderr, "figures: line %d: %s failed\n", line, call);
		exit(1);
	}
	return result;
}
#define H5(call) checked((int64_t)(call), #call, __LINE__)

static void daos_checked(int rc, const char *call, int line)
{
	if (rc != 0) {
		fprintf(stderr, "figures: line %d: %s: %s\n", line, call, d_errstr(rc));
		exit(1);
	}
}
#define DAOS(call) daos_checked((call), #call, __LINE__)

static void expect(bool is_so, const char *what)
{
	if (!is_so) {
		fprintf(stderr, "figures: %s\n", what);
		exit(1);
	}
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec * 1e-9;
}

/* The next of numbers that are the same in each run (xorshift). */
static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void say(const char *name, size_t bytes, const char *unit, double figure)
{
	printf("%s\t%zu\t%s\t%.6g\n", name, bytes, unit, figure);
	fflush(stdout);
}

static void say_rate(const char *name, size_t bytes, double count, double since)
{
	say(name, bytes, "op/s", count / (now() - since));
}

static hid_t create(void)
{
	return H5(H5Fcreate(file_name, H5F_ACC_TRUNC, H5P_DEFAULT, access_list));
}

static hid_t reopen(hid_t file, unsigned flags)
{
	H5(H5Fclose(file));
	return H5(H5Fopen(file_name, flags, access_list));
}

static void finish(hid_t file)
{
	H5(H5Fclose(file));
	H5(H5Fdelete(file_name, access_list));
}

static void slab(hid_t dataset, bool is_write, hsize_t from, hsize_t count, float *floats)
{
	hid_t memory = H5(H5Screate_simple(1, &count, NULL)), space = H5(H5Dget_space(dataset));

	H5(H5Sselect_hyperslab(space, H5S_SELECT_SET, &from, NULL, &count, NULL));
	if (is_write)
		H5(H5Dwrite(dataset, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, floats));
	else
		H5(H5Dread(dataset, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, floats));
	H5(H5Sclose(space));
	H5(H5Sclose(memory));
}

static float float_at(hsize_t place)
{
	return (float)(place % 1000003);
}

/* Pieces at random places, each of which is compared. */
static void pieces(hid_t dataset, hsize_t floats, const char *name)
{
	float piece[PIECE_FLOATS];
	double since = now();

	for (int i = 0; i < PIECES; i++) {
		hsize_t from = next_random() % (floats / PIECE_FLOATS) * PIECE_FLOATS;

		slab(dataset, false, from, PIECE_FLOATS, piece);
		expect(piece[0] == float_at(from) && piece[PIECE_FLOATS - 1] == float_at(from + PIECE_FLOATS - 1),
		       "a piece is not what was written");
	}
	say_rate(name, PIECE_BYTES, PIECES, since);
}

/* A dataset of floats, written and read from its begin to its end, then read in pieces. */
static void elements(hsize_t floats, bool is_chunked, const char *const names[3])
{
	hsize_t chunk = CHUNK_FLOATS;
	hid_t list = H5(H5Pcreate(H5P_DATASET_CREATE)), space = H5(H5Screate_simple(1, &floats, NULL)), file, dataset;
	float *memory = malloc(sizeof(float) * SLAB_FLOATS);
	double since, spent = 0;

	expect(memory != NULL, "no memory");
	if (is_chunked)
		H5(H5Pset_chunk(list, 1, &chunk));
	H5(H5Pset_fill_time(list, H5D_FILL_TIME_NEVER));
	file = create();
	dataset = H5(H5Dcreate2(file, "floats", H5T_IEEE_F32LE, space, H5P_DEFAULT, list, H5P_DEFAULT));
	for (hsize_t from = 0; from < floats; from += SLAB_FLOATS) {
		for (hsize_t i = 0; i < SLAB_FLOATS; i++)
			memory[i] = float_at(from + i);
		since = now();
		slab(dataset, true, from, SLAB_FLOATS, memory);
		spent += now() - since;
	}
	since = now();
	H5(H5Dclose(dataset));
	file = reopen(file, H5F_ACC_RDONLY);
	say(names[0], SLAB_FLOATS * sizeof(float), "B/s", floats * sizeof(float) / (spent + now() - since));
	dataset = H5(H5Dopen2(file, "floats", H5P_DEFAULT));
	spent = 0;
	for (hsize_t from = 0; from < floats; from += SLAB_FLOATS) {
		since = now();
		slab(dataset, false, from, SLAB_FLOATS, memory);
		spent += now() - since;
		for (hsize_t i = 0; i < SLAB_FLOATS; i++)
			expect(memory[i] == float_at(from + i), "a float is not what was written");
	}
	say(names[1], SLAB_FLOATS * sizeof(float), "B/s", floats * sizeof(float) / spent);
	pieces(dataset, floats, names[2]);
	H5(H5Dclose(dataset));
	H5(H5Sclose(space));
	H5(H5Pclose(list));
	free(memory);
	finish(file);
}

static const char *named(int number)
{
	static char name[NAME_BYTES];

	snprintf(name, sizeof(name), "record-%07d", number);
	return name;
}

static void groups(int records)
{
	hid_t file = create();
	double since = now();

	for (int i = 0; i < records; i++)
		H5(H5Gclose(H5(H5Gcreate2(file, named(i), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT))));
	file = reopen(file, H5F_ACC_RDONLY);
	say_rate("create groups", 0, records, since);
	finish(file);
}

static herr_t count_link(hid_t group, const char *name, const H5L_info2_t *information, void *count)
{
	(void)group;
	(void)name;
	(void)information;
	++*(int *)count;
	return 0;
}

static void small_datasets(int records)
{
	hsize_t floats = SMALL_FLOATS;
	hid_t space = H5(H5Screate_simple(1, &floats, NULL)), file = create(), dataset;
	float values[SMALL_FLOATS];
	double since = now();
	int count = 0;

	for (int i = 0; i < records; i++) {
		for (int k = 0; k < SMALL_FLOATS; k++)
			values[k] = float_at(i + k);
		dataset = H5(H5Dcreate2(file, named(i), H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
		H5(H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values));
		H5(H5Dclose(dataset));
	}
	file = reopen(file, H5F_ACC_RDONLY);
	say_rate("create and write small datasets", sizeof(values), records, since);
	since = now();
	H5(H5Literate2(file, H5_INDEX_NAME, H5_ITER_INC, NULL, count_link, &count));
	say_rate("list small datasets", sizeof(values), records, since);
	expect(count == records, "the list has not all datasets");
	since = now();
	for (int i = 0; i < records; i++) {
		dataset = H5(H5Dopen2(file, named(i), H5P_DEFAULT));
		H5(H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values));
		expect(values[SMALL_FLOATS - 1] == float_at(i + SMALL_FLOATS - 1), "a small dataset is not what was written");
		H5(H5Dclose(dataset));
	}
	say_rate("open and read small datasets", sizeof(values), records, since);
	H5(H5Sclose(space));
	finish(file);
}

static herr_t count_attribute(hid_t object, const char *name, const H5A_info_t *information, void *count)
{
	(void)object;
	(void)name;
	(void)information;
	++*(int *)count;
	return 0;
}

static void attributes(int records)
{
	hid_t file = create(), space = H5(H5Screate(H5S_SCALAR)), attribute;
	hid_t group = H5(H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
	double since = now(), value;
	int count = 0;

	for (int i = 0; i < records; i++) {
		value = i;
		attribute = H5(H5Acreate2(group, named(i), H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT));
		H5(H5Awrite(attribute, H5T_NATIVE_DOUBLE, &value));
		H5(H5Aclose(attribute));
	}
	H5(H5Gclose(group));
	file = reopen(file, H5F_ACC_RDONLY);
	say_rate("create attributes of one group", sizeof(value), records, since);
	group = H5(H5Gopen2(file, "group", H5P_DEFAULT));
	since = now();
	H5(H5Aiterate2(group, H5_INDEX_NAME, H5_ITER_INC, NULL, count_attribute, &count));
	say_rate("list attributes", sizeof(value), records, since);
	expect(count == records, "the list has not all attributes");
	since = now();
	for (int i = 0; i < records; i++) {
		attribute = H5(H5Aopen(group, named(i), H5P_DEFAULT));
		H5(H5Aread(attribute, H5T_NATIVE_DOUBLE, &value));
		expect(value == i, "an attribute is not what was written");
		H5(H5Aclose(attribute));
	}
	say_rate("open and read attributes", sizeof(value), records, since);
	H5(H5Gclose(group));
	H5(H5Sclose(space));
	finish(file);
}

static void strings(int records)
{
	hsize_t count = records;
	hid_t file = create(), space = H5(H5Screate_simple(1, &count, NULL)), type = H5(H5Tcopy(H5T_C_S1)), dataset;
	char(*texts)[NAME_BYTES] = malloc((size_t)records * sizeof(*texts));
	char **pointers = malloc(sizeof(*pointers) * records);
	double since;

	expect(texts != NULL && pointers != NULL, "no memory");
	for (int i = 0; i < records; i++)
		pointers[i] = strcpy(texts[i], named(i));
	H5(H5Tset_size(type, H5T_VARIABLE));
	since = now();
	dataset = H5(H5Dcreate2(file, "strings", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
	H5(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers));
	H5(H5Dclose(dataset));
	file = reopen(file, H5F_ACC_RDONLY);
	say_rate("write strings of variable length", strlen(texts[0]), records, since);
	since = now();
	dataset = H5(H5Dopen2(file, "strings", H5P_DEFAULT));
	H5(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers));
	say_rate("read strings of variable length", strlen(texts[0]), records, since);
	for (int i = 0; i < records; i++)
		expect(strcmp(pointers[i], texts[i]) == 0, "a string is not what was written");
	H5(H5Treclaim(type, space, H5P_DEFAULT, pointers));
	H5(H5Dclose(dataset));
	H5(H5Tclose(type));
	H5(H5Sclose(space));
	free(pointers);
	free(texts);
	finish(file);
}

/* Reads and writes of 4 KiB in a dataset of 64 MiB, each as one call. */
static void calls(void)
{
	hsize_t floats = CALLS_FLOATS;
	hid_t file = create(), space = H5(H5Screate_simple(1, &floats, NULL));
	hid_t dataset = H5(H5Dcreate2(file, "floats", H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
	float *memory = calloc(SLAB_FLOATS, sizeof(float)), piece[PIECE_FLOATS] = { 1 };
	hsize_t count = PIECE_FLOATS, from;
	hid_t small = H5(H5Screate_simple(1, &count, NULL));
	double since;

	expect(memory != NULL, "no memory");
	for (from = 0; from < floats; from += SLAB_FLOATS)
		slab(dataset, true, from, SLAB_FLOATS, memory);
	H5(H5Fflush(file, H5F_SCOPE_LOCAL));
	for (int is_write = 0; is_write < 2; is_write++) {
		since = now();
		for (int i = 0; i < PIECES; i++) {
			from = next_random() % (floats / PIECE_FLOATS) * PIECE_FLOATS;
			H5(H5Sselect_hyperslab(space, H5S_SELECT_SET, &from, NULL, &count, NULL));
			if (is_write)
				H5(H5Dwrite(dataset, H5T_NATIVE_FLOAT, small, space, H5P_DEFAULT, piece));
			else
				H5(H5Dread(dataset, H5T_NATIVE_FLOAT, small, space, H5P_DEFAULT, piece));
		}
		say(is_write ? "one H5Dwrite" : "one H5Dread", PIECE_BYTES, "us", (now() - since) / PIECES * 1e6);
	}
	free(memory);
	H5(H5Sclose(small));
	H5(H5Dclose(dataset));
	H5(H5Sclose(space));
	finish(file);
}

/* An array of bytes below numbers as dkeys, as the elements of a dataset are. */
static void direct_piece(daos_handle_t object, bool is_write, uint64_t record, uint64_t count, float *floats)
{
	uint64_t number = record / DKEY_FLOATS;
	daos_key_t dkey;
	d_iov_t iov;
	d_sg_list_t list = { .sg_nr = 1, .sg_iovs = &iov };
	daos_recx_t range = { .rx_idx = record % DKEY_FLOATS * sizeof(float), .rx_nr = count * sizeof(float) };
	daos_iod_t iod = { .iod_type = DAOS_IOD_ARRAY, .iod_size = 1, .iod_nr = 1, .iod_recxs = &range };

	d_iov_set(&dkey, &number, sizeof(number));
	d_iov_set(&iod.iod_name, "b", 1);
	d_iov_set(&iov, floats, count * sizeof(float));
	if (is_write)
		DAOS(daos_obj_update(object, DAOS_TX_NONE, 0, &dkey, 1, &iod, &list, NULL));
	else
		DAOS(daos_obj_fetch(object, DAOS_TX_NONE, 0, &dkey, 1, &iod, &list, NULL, NULL));
}

static void direct_calls(const char *pool_name, const char *container_name)
{
	daos_handle_t pool, container, object;
	daos_obj_id_t id = { .lo = 0x7e57, .hi = 0 };
	float *memory = calloc(DKEY_FLOATS, sizeof(float)), piece[PIECE_FLOATS] = { 1 };
	double since;

	expect(memory != NULL, "no memory");
	DAOS(daos_init());
	DAOS(daos_pool_connect(pool_name, NULL, DAOS_PC_RW, &pool, NULL, NULL));
	DAOS(daos_cont_open(pool, container_name, DAOS_COO_RW, &container, NULL, NULL));
	DAOS(daos_obj_generate_oid(container, &id, DAOS_OT_DKEY_UINT64, OC_SX, 0, 0));
	DAOS(daos_obj_open(container, id, DAOS_OO_RW, &object, NULL));
	for (uint64_t record = 0; record < CALLS_FLOATS; record += DKEY_FLOATS)
		direct_piece(object, true, record, DKEY_FLOATS, memory);
	for (int is_write = 0; is_write < 2; is_write++) {
		since = now();
		for (int i = 0; i < PIECES; i++)
			direct_piece(object, is_write, next_random() % (CALLS_FLOATS / PIECE_FLOATS) * PIECE_FLOATS, PIECE_FLOATS, piece);
		say(is_write ? "one H5Dwrite, directly" : "one H5Dread, directly", PIECE_BYTES, "us", (now() - since) / PIECES * 1e6);
	}
	DAOS(daos_obj_punch(object, DAOS_TX_NONE, 0, NULL));
	DAOS(daos_obj_close(object, NULL));
	DAOS(daos_cont_close(container, NULL));
	DAOS(daos_pool_disconnect(pool, NULL));
	DAOS(daos_fini());
	free(memory);
}

int main(int argc, char **argv)
{
	static const char *const CONTIGUOUS[] = { "write floats, contiguous", "read floats, contiguous", "read pieces, contiguous" };
	static const char *const CHUNKED[] = { "write floats, chunked", "read floats, chunked", "read pieces, chunked" };
	hsize_t floats;
	int records;

	if (argc != 4 && argc != 6) {
		fprintf(stderr, "usage: figures FILE MEBIBYTES RECORDS [POOL CONTAINER]\n");
		return 2;
	}
	file_name = argv[1];
	floats = strtoull(argv[2], NULL, 10) << 18;
	records = atoi(argv[3]);
	random_state = 0x9e3779b97f4a7c15;
	access_list = H5(H5Pcreate(H5P_FILE_ACCESS));
	/* HDF5's own files find many links and attributes fast only in the later format. */
	H5(H5Pset_libver_bounds(access_list, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST));
	elements(floats, false, CONTIGUOUS);
	elements(floats, true, CHUNKED);
	groups(records);
	small_datasets(records);
	attributes(records);
	strings(records);
	calls();
	if (argc == 6)
		direct_calls(argv[4], argv[5]);
	H5(H5Pclose(access_list));
	return 0;
}
