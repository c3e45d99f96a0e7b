/* Event sets on files of a container: `events FILE` writes and reads through one; `events FILE full` writes more than the pool has room for. */

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define require(condition)                                                                                             \
	do {                                                                                                               \
		if (!(condition)) {                                                                                            \
			fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition);                                            \
			exit(1);                                                                                                   \
		}                                                                                                              \
	} while (0)

enum { COUNT = 1 << 21 };

static hid_t dataset_of(hid_t file, const char *name, hsize_t count, hid_t type)
{
	hid_t space = H5Screate_simple(1, &count, NULL);
	hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	require(dataset >= 0);
	H5Sclose(space);
	return dataset;
}

static void finish(hid_t set)
{
	size_t left = 1;
	hbool_t has_failed = 1;
	require(H5ESwait(set, H5ES_WAIT_FOREVER, &left, &has_failed) >= 0 && left == 0 && !has_failed);
}

/* What is read in the same set as it is written is what was written, also through conversions; a set may be left to the file's close. */
static void in_order(const char *name)
{
	hid_t file = H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), set = H5EScreate();
	hid_t same = dataset_of(file, "same", COUNT, H5T_NATIVE_INT), other = dataset_of(file, "other", COUNT, H5T_STD_I32BE);
	int *values = malloc(sizeof(int) * COUNT), *again = malloc(sizeof(int) * COUNT), *third = malloc(sizeof(int) * COUNT);
	size_t count = 0, left = 0;
	hbool_t has_failed = 0;

	for (int i = 0; i < COUNT; i++)
		values[i] = 3 * i + 1;
	require(H5Dread_async(same, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, again, set) >= 0);
	finish(set);
	for (int i = 0; i < COUNT; i++)
		require(again[i] == 0);
	require(H5Dwrite_async(same, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values, set) >= 0);
	require(H5ESget_count(set, &count) >= 0 && count == 1);
	require(H5Dread_async(same, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, again, set) >= 0);
	require(H5Dwrite_async(other, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values, set) >= 0);
	/* A read that is waited for comes after what was started before. */
	require(H5Dread(same, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, third) >= 0);
	require(memcmp(values, third, sizeof(int) * COUNT) == 0);
	require(H5ESwait(set, H5ES_WAIT_NONE, &left, &has_failed) >= 0 && !has_failed);
	finish(set);
	require(H5ESget_count(set, &count) >= 0 && count == 0);
	require(memcmp(values, again, sizeof(int) * COUNT) == 0);
	require(H5Dread_async(other, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, third, set) >= 0);
	finish(set);
	require(memcmp(values, third, sizeof(int) * COUNT) == 0);
	/* Closing waits for what nobody has waited for. */
	for (int i = 0; i < COUNT; i++)
		values[i] = -i;
	require(H5Dwrite_async(same, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values, set) >= 0);
	require(H5Dclose(same) >= 0 && H5Dclose(other) >= 0 && H5Fclose(file) >= 0);
	finish(set);
	require(H5ESclose(set) >= 0);
	file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT);
	same = H5Dopen2(file, "same", H5P_DEFAULT);
	require(same >= 0 && H5Dread(same, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, again) >= 0);
	require(memcmp(values, again, sizeof(int) * COUNT) == 0);
	require(H5Dclose(same) >= 0 && H5Fclose(file) >= 0);
	free(values);
	free(again);
	free(third);
}

/* What a dataset still reads when it closes, after its file, is read to its end: the file is open for reading only, so nothing else waits. */
static void to_the_end(const char *name)
{
	/* More requests than are under way at a time. */
	enum { MANY = 24 << 20 };
	int *values = malloc(sizeof(int) * MANY);
	hid_t file = H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), set = H5EScreate();
	hid_t dataset = dataset_of(file, "numbers", MANY, H5T_NATIVE_INT);

	for (int i = 0; i < MANY; i++)
		values[i] = 5 * i + 2;
	require(H5Dwrite(dataset, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
	require(H5Dclose(dataset) >= 0 && H5Fclose(file) >= 0);
	for (int round = 0; round < 2; round++) {
		memset(values, 0, sizeof(int) * MANY);
		file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT);
		dataset = H5Dopen2(file, "numbers", H5P_DEFAULT);
		require(file >= 0 && dataset >= 0 && H5Fclose(file) >= 0);
		require(H5Dread_async(dataset, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values, set) >= 0);
		require(H5Dclose(dataset) >= 0);
		finish(set);
		for (int i = 0; i < MANY; i++)
			require(values[i] == 5 * i + 2);
	}
	require(H5ESclose(set) >= 0);
	free(values);
}

/* An error is told by the set, with a stack that says what happened, and by the file's close. */
static void full(const char *name)
{
	enum { PIECE = 64 << 20, PIECES = 16 };
	hid_t file = H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), set = H5EScreate(), dataset;
	char *bytes = malloc(PIECE);
	size_t left = 0, count = 0, cleared = 0;
	hbool_t has_failed = 0;
	H5ES_err_info_t found;

	memset(bytes, 'x', PIECE);
	dataset = dataset_of(file, "much", (hsize_t)PIECE * PIECES, H5T_NATIVE_CHAR);
	for (hsize_t i = 0; i < PIECES && !has_failed; i++) {
		hsize_t start = i * PIECE, size = PIECE;
		hid_t space = H5Dget_space(dataset), memory = H5Screate_simple(1, &size, NULL);
		require(H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, NULL, &size, NULL) >= 0);
		require(H5Dwrite_async(dataset, H5T_NATIVE_CHAR, memory, space, H5P_DEFAULT, bytes, set) >= 0);
		H5Sclose(memory);
		H5Sclose(space);
		require(H5ESwait(set, H5ES_WAIT_FOREVER, &left, &has_failed) >= 0);
	}
	require(has_failed && H5ESget_err_count(set, &count) >= 0 && count == 1);
	require(H5ESget_err_info(set, 1, &found, &cleared) >= 0 && cleared == 1);
	require(H5Eget_num(found.err_stack_id) > 0 && strcmp(found.api_name, "H5Dwrite_async") == 0);
	H5Eclose_stack(found.err_stack_id);
	H5free_memory(found.api_name);
	H5free_memory(found.api_args);
	H5free_memory(found.app_file_name);
	H5free_memory(found.app_func_name);
	require(H5ESclose(set) >= 0 && H5Dclose(dataset) >= 0);
	H5E_BEGIN_TRY { require(H5Fclose(file) < 0); }
	H5E_END_TRY
	free(bytes);
}

int main(int argc, char **argv)
{
	if (argc == 2) {
		in_order(argv[1]);
		to_the_end(argv[1]);
	} else
		full(argv[1]);
	return 0;
}
