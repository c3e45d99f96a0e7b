/* Parallel HDF5 on files of a container: CASE FILE, on two ranks or more. Each case makes the file or opens it, and ends with exit status 0 where all
 * ranks have seen what they should; otherwise one of them says what it has seen. A case that hangs is ended by whoever has started it. */

#include <dlfcn.h>
#include <hdf5.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int rank, size;

#define require(condition)                                                                                             \
	do {                                                                                                               \
		if (!(condition)) {                                                                                            \
			fprintf(stderr, "rank %d, line %d: not so: %s\n", rank, __LINE__, #condition);                             \
			MPI_Abort(MPI_COMM_WORLD, 1);                                                                              \
		}                                                                                                              \
	} while (0)

/* Runs a call that must fail, without its stack of errors. */
#define refused(call)                                                                                                  \
	do {                                                                                                               \
		hid_t result_;                                                                                                 \
		H5E_BEGIN_TRY { result_ = (call); }                                                                            \
		H5E_END_TRY                                                                                                    \
		require(result_ < 0);                                                                                          \
	} while (0)

static hid_t list_of(MPI_Comm communicator, const char *metadata)
{
	MPI_Info information = MPI_INFO_NULL;
	hid_t list = H5Pcreate(H5P_FILE_ACCESS);

	if (metadata != NULL) {
		MPI_Info_create(&information);
		MPI_Info_set(information, "daos_metadata", metadata);
	}
	require(H5Pset_fapl_mpio(list, communicator, information) >= 0);
	if (metadata != NULL)
		MPI_Info_free(&information);
	return list;
}

static hid_t create(const char *name, hid_t list)
{
	hid_t file = H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, list);
	require(file >= 0);
	return file;
}

static hid_t collective(void)
{
	hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
	require(H5Pset_dxpl_mpio(transfer, H5FD_MPIO_COLLECTIVE) >= 0);
	return transfer;
}

/* Rows of 10 numbers, as many as there are ranks, times how many each has. */
enum { COLUMNS = 10 };

static hid_t rows(hid_t file, const char *name, hsize_t each, hid_t creation, hid_t type)
{
	hsize_t dimensions[] = {each * (hsize_t)size, COLUMNS};
	hid_t space = H5Screate_simple(2, dimensions, NULL);
	hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
	require(dataset >= 0);
	H5Sclose(space);
	return dataset;
}

static int value(int row, int column)
{
	return 1000 * row + column + 7;
}

/* Writes or reads the rows of one rank. */
static void move_rows(hid_t dataset, int each, int whose, hid_t transfer, int is_write)
{
	hsize_t start[] = {(hsize_t)(each * whose), 0}, count[] = {(hsize_t)each, COLUMNS};
	hid_t space = H5Dget_space(dataset), memory = H5Screate_simple(2, count, NULL);
	int *values = malloc(sizeof(int) * (size_t)each * COLUMNS);

	require(H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0);
	for (int i = 0; i < each * COLUMNS; i++)
		values[i] = is_write ? value(each * whose + i / COLUMNS, i % COLUMNS) : -1;
	if (is_write)
		require(H5Dwrite(dataset, H5T_NATIVE_INT, memory, space, transfer, values) >= 0);
	else
		require(H5Dread(dataset, H5T_NATIVE_INT, memory, space, transfer, values) >= 0);
	for (int i = 0; i < each * COLUMNS; i++)
		require(values[i] == value(each * whose + i / COLUMNS, i % COLUMNS));
	free(values);
	H5Sclose(memory);
	H5Sclose(space);
}

/* What is made with a committed datatype has it on all ranks, and is counted, also when its link is gone. */
static void committed(hid_t file, hid_t type)
{
	hid_t scalar = H5Screate(H5S_SCALAR), dataset, attribute, found;
	H5O_info2_t information;

	dataset = H5Dcreate2(file, "of type", type, scalar, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	require(dataset >= 0);
	attribute = H5Acreate2(dataset, "of type", type, scalar, H5P_DEFAULT, H5P_DEFAULT);
	require(attribute >= 0);
	require(H5Oget_info3(type, &information, H5O_INFO_BASIC) >= 0 && information.rc == 3);
	found = H5Dget_type(dataset);
	require(H5Tcommitted(found) > 0 && H5Tequal(found, type) > 0 && H5Tclose(found) >= 0);
	require(H5Ldelete(file, "type", H5P_DEFAULT) >= 0);
	found = H5Aget_type(attribute);
	require(H5Tcommitted(found) > 0 && H5Oget_info3(found, &information, H5O_INFO_BASIC) >= 0 && information.rc == 2);
	require(H5Tclose(found) >= 0 && H5Aclose(attribute) >= 0);
	require(H5Adelete(dataset, "of type") >= 0);
	require(H5Oget_info3(type, &information, H5O_INFO_BASIC) >= 0 && information.rc == 1);
	require(H5Dclose(dataset) >= 0);
	H5Sclose(scalar);
}

/* All ranks make the same things; what one has made the others find, by the handles that they have and by name. */
static void metadata(const char *name)
{
	hid_t list = list_of(MPI_COMM_WORLD, NULL), file = create(name, list), group, dataset, attribute, type;
	hid_t scalar = H5Screate(H5S_SCALAR), links = H5Pcreate(H5P_LINK_CREATE), grown;
	hsize_t dimensions[] = {4}, most[] = {H5S_UNLIMITED}, chunk[] = {4}, larger[] = {40};
	hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
	H5O_info2_t information;
	int number = 42;

	require(H5Pset_create_intermediate_group(links, 1) >= 0);
	group = H5Gcreate2(file, "a/b/c", links, H5P_DEFAULT, H5P_DEFAULT);
	require(group >= 0);
	require(H5Lexists(file, "a/b", H5P_DEFAULT) > 0);
	attribute = H5Acreate2(group, "number", H5T_NATIVE_INT, scalar, H5P_DEFAULT, H5P_DEFAULT);
	require(attribute >= 0 && H5Awrite(attribute, H5T_NATIVE_INT, &number) >= 0);
	number = 0;
	require(H5Aread(attribute, H5T_NATIVE_INT, &number) >= 0 && number == 42);
	require(H5Aclose(attribute) >= 0);
	require(H5Arename(group, "number", "other") >= 0 && H5Aexists(group, "other") > 0 && H5Aexists(group, "number") == 0);
	require(H5Adelete(group, "other") >= 0 && H5Aexists(group, "other") == 0);
	require(H5Lcreate_hard(file, "a/b", file, "hard", H5P_DEFAULT, H5P_DEFAULT) >= 0);
	require(H5Lcreate_soft("/a/b/c", file, "soft", H5P_DEFAULT, H5P_DEFAULT) >= 0);
	require(H5Lmove(file, "soft", file, "softer", H5P_DEFAULT, H5P_DEFAULT) >= 0);
	require(H5Oget_info_by_name3(file, "hard", &information, H5O_INFO_BASIC, H5P_DEFAULT) >= 0 && information.rc == 2);
	require(H5Ldelete(file, "hard", H5P_DEFAULT) >= 0);
	require(H5Oget_info_by_name3(file, "a/b", &information, H5O_INFO_BASIC, H5P_DEFAULT) >= 0 && information.rc == 1);
	type = H5Tcopy(H5T_NATIVE_INT);
	require(H5Tcommit2(file, "type", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT) >= 0 && H5Tcommitted(type) > 0);
	committed(file, type);
	require(H5Pset_chunk(creation, 1, chunk) >= 0);
	grown = H5Screate_simple(1, dimensions, most);
	dataset = H5Dcreate2(file, "grown", H5T_NATIVE_INT, grown, H5P_DEFAULT, creation, H5P_DEFAULT);
	require(dataset >= 0 && H5Dset_extent(dataset, larger) >= 0);
	H5Sclose(grown);
	grown = H5Dget_space(dataset);
	require(H5Sget_simple_extent_npoints(grown) == 40);
	require(H5Ocopy(file, "a", file, "copy", H5P_DEFAULT, H5P_DEFAULT) >= 0 && H5Lexists(file, "copy/b/c", H5P_DEFAULT) > 0);
	/* An error is one on all. */
	refused(H5Gcreate2(file, "a/b/c", links, H5P_DEFAULT, H5P_DEFAULT));
	refused(H5Gcreate2(file, "nowhere/c", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
	refused(H5Ldelete(file, "hard", H5P_DEFAULT));
	require(H5Dclose(dataset) >= 0 && H5Gclose(group) >= 0 && H5Tclose(type) >= 0 && H5Fclose(file) >= 0);
	file = H5Fopen(name, H5F_ACC_RDONLY, list);
	require(file >= 0 && H5Lexists(file, "softer", H5P_DEFAULT) > 0 && H5Lexists(file, "copy/b/c", H5P_DEFAULT) > 0);
	refused(H5Gcreate2(file, "more", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
	require(H5Fclose(file) >= 0);
	H5Sclose(grown);
	H5Sclose(scalar);
	H5Pclose(creation);
	H5Pclose(links);
	H5Pclose(list);
}

/* Each rank writes some rows, and after a barrier another one reads them, without a flush between. Ranks share chunks. */
static void elements(const char *name)
{
	hid_t list = list_of(MPI_COMM_WORLD, NULL), file = create(name, list), transfer = collective();
	hsize_t chunk[] = {5, COLUMNS};
	struct {
		const char *name;
		int is_chunked, is_filtered, is_converted, each;
	} kinds[] = {{"small", 0, 0, 0, 3}, {"contiguous", 0, 0, 0, 5000}, {"chunked", 1, 0, 0, 33}, {"converted", 1, 0, 1, 33},
		{"filtered", 1, 1, 0, 33}, {"both", 1, 1, 1, 3}};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		for (int is_together = 0; is_together < 2; is_together++) {
			hid_t creation = H5Pcreate(H5P_DATASET_CREATE), dataset;
			char text[32];
			int each = kinds[i].each;

			if (kinds[i].is_filtered && !is_together)
				continue;
			snprintf(text, sizeof text, "%s %d", kinds[i].name, is_together);
			if (kinds[i].is_chunked)
				require(H5Pset_chunk(creation, 2, chunk) >= 0);
			if (kinds[i].is_filtered)
				require(H5Pset_shuffle(creation) >= 0 && H5Pset_fletcher32(creation) >= 0);
			dataset = rows(file, text, (hsize_t)each, creation, kinds[i].is_converted ? H5T_IEEE_F64BE : H5T_NATIVE_INT);
			move_rows(dataset, each, rank, is_together ? transfer : H5P_DEFAULT, 1);
			MPI_Barrier(MPI_COMM_WORLD);
			for (int other = 0; other < size; other++)
				move_rows(dataset, each, (rank + other) % size, H5P_DEFAULT, 0);
			require(H5Dclose(dataset) >= 0);
			H5Pclose(creation);
		}
	require(H5Fclose(file) >= 0);
	/* And once more by those that come later. */
	file = H5Fopen(name, H5F_ACC_RDONLY, list);
	require(file >= 0);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		char text[32];
		hid_t dataset;

		snprintf(text, sizeof text, "%s 1", kinds[i].name);
		dataset = H5Dopen2(file, text, H5P_DEFAULT);
		require(dataset >= 0);
		for (int other = 0; other < size; other++)
			move_rows(dataset, kinds[i].each, other, H5P_DEFAULT, 0);
		require(H5Dclose(dataset) >= 0);
	}
	require(H5Fclose(file) >= 0);
	H5Pclose(transfer);
	H5Pclose(list);
}

/* One rank has nothing to write, and parts of filtered chunks by one rank alone are refused, and whole ones are not. */
static void filtered(const char *name)
{
	hid_t list = list_of(MPI_COMM_WORLD, NULL), file = create(name, list), transfer = collective(), dataset, none;
	hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
	hsize_t chunk[] = {4, COLUMNS};
	int one = 0;

	require(H5Pset_chunk(creation, 2, chunk) >= 0 && H5Pset_shuffle(creation) >= 0);
	dataset = rows(file, "rows", 2, creation, H5T_NATIVE_INT);
	none = H5Dget_space(dataset);
	require(H5Sselect_none(none) >= 0);
	if (rank == 0)
		move_rows(dataset, 2, 0, transfer, 1);
	else
		require(H5Dwrite(dataset, H5T_NATIVE_INT, none, none, transfer, &one) >= 0);
	MPI_Barrier(MPI_COMM_WORLD);
	move_rows(dataset, 2, 0, H5P_DEFAULT, 0);
	MPI_Barrier(MPI_COMM_WORLD);
	if (rank == 1) {
		hsize_t start[] = {0, 0}, count[] = {1, 1};
		require(H5Sselect_hyperslab(none, H5S_SELECT_SET, start, NULL, count, NULL) >= 0);
		hid_t memory = H5Screate_simple(2, count, NULL);
		refused(H5Dwrite(dataset, H5T_NATIVE_INT, memory, none, H5P_DEFAULT, &one));
		H5Sclose(memory);
	}
	require(H5Dclose(dataset) >= 0);
	dataset = rows(file, "whole", 4, creation, H5T_NATIVE_INT);
	move_rows(dataset, 4, rank, H5P_DEFAULT, 1);
	MPI_Barrier(MPI_COMM_WORLD);
	move_rows(dataset, 4, (rank + 1) % size, H5P_DEFAULT, 0);
	require(H5Dclose(dataset) >= 0 && H5Fclose(file) >= 0);
	H5Sclose(none);
	H5Pclose(creation);
	H5Pclose(transfer);
	H5Pclose(list);
}

/* Texts of each rank, read by all. */
static void texts(const char *name)
{
	hid_t list = list_of(MPI_COMM_WORLD, NULL), file = create(name, list), type = H5Tcopy(H5T_C_S1), dataset, space, memory;
	hsize_t dimensions[] = {(hsize_t)size}, start[] = {(hsize_t)rank}, one[] = {1};
	char own[64], *all[64];
	const char *text = own;

	require(size <= 64 && H5Tset_size(type, H5T_VARIABLE) >= 0);
	space = H5Screate_simple(1, dimensions, NULL);
	memory = H5Screate_simple(1, one, NULL);
	dataset = H5Dcreate2(file, "texts", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	require(dataset >= 0 && H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, one, NULL) >= 0);
	for (int round = 0; round < 6; round++) {
		snprintf(own, sizeof own, "rank %d says %d", rank, round);
		/* What an event set has waited for others find as well. */
		if (round % 2 == 1) {
			hid_t set = H5EScreate();
			size_t left = 1;
			hbool_t has_failed = 1;

			require(H5Dwrite_async(dataset, type, memory, space, H5P_DEFAULT, &text, set) >= 0);
			require(H5ESwait(set, H5ES_WAIT_FOREVER, &left, &has_failed) >= 0 && left == 0 && !has_failed);
			require(H5ESclose(set) >= 0);
		} else
			require(H5Dwrite(dataset, type, memory, space, H5P_DEFAULT, &text) >= 0);
		MPI_Barrier(MPI_COMM_WORLD);
		require(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, all) >= 0);
		for (int other = 0; other < size; other++) {
			snprintf(own, sizeof own, "rank %d says %d", other, round);
			require(all[other] != NULL && strcmp(all[other], own) == 0);
			H5free_memory(all[other]);
		}
		MPI_Barrier(MPI_COMM_WORLD);
	}
	require(H5Dclose(dataset) >= 0 && H5Fclose(file) >= 0);
	H5Sclose(memory);
	H5Sclose(space);
	H5Tclose(type);
	H5Pclose(list);
}

/* Communicators: one that the program frees while the file is open, one of a single rank, and a file that one rank alone opens. */
static void communicators(const char *name)
{
	MPI_Comm own, half;
	hid_t list, file, group;
	char text[1024];

	require(MPI_Comm_dup(MPI_COMM_WORLD, &own) == MPI_SUCCESS);
	list = list_of(own, NULL);
	file = create(name, list);
	require(H5Pclose(list) >= 0 && MPI_Comm_free(&own) == MPI_SUCCESS);
	group = H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	/* The group outlives the file's identifier. */
	require(group >= 0 && H5Fclose(file) >= 0 && H5Gclose(group) >= 0);

	list = list_of(MPI_COMM_SELF, NULL);
	snprintf(text, sizeof text, "%s.%d", name, rank);
	file = create(text, list);
	for (int i = 0; i <= rank; i++) {
		snprintf(text, sizeof text, "%d", i);
		group = H5Gcreate2(file, text, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
		require(group >= 0 && H5Gclose(group) >= 0);
	}
	require(H5Fclose(file) >= 0);
	if (rank == 1) {
		file = H5Fopen(name, H5F_ACC_RDWR, H5P_DEFAULT);
		require(file >= 0 && H5Lexists(file, "group", H5P_DEFAULT) > 0);
		group = H5Gcreate2(file, "alone", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
		require(group >= 0 && H5Gclose(group) >= 0 && H5Fclose(file) >= 0);
	}
	MPI_Barrier(MPI_COMM_WORLD);
	H5Pclose(list);

	/* Two halves open two files at the same time. */
	require(MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &half) == MPI_SUCCESS);
	list = list_of(half, NULL);
	MPI_Comm_free(&half);
	snprintf(text, sizeof text, "%s.half%d", name, rank % 2);
	file = create(text, list);
	group = H5Gcreate2(file, "half", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	require(group >= 0 && H5Gclose(group) >= 0 && H5Fclose(file) >= 0);
	H5Pclose(list);

	/* The same file twice is one file. */
	list = list_of(MPI_COMM_WORLD, NULL);
	file = H5Fopen(name, H5F_ACC_RDWR, list);
	hid_t again = H5Fopen(name, H5F_ACC_RDWR, list);
	require(file >= 0 && again >= 0 && H5Lexists(file, "alone", H5P_DEFAULT) > 0);
	group = H5Gcreate2(file, "once", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	require(group >= 0 && H5Gclose(group) >= 0 && H5Fclose(file) >= 0 && H5Lexists(again, "once", H5P_DEFAULT) > 0);
	require(H5Fclose(again) >= 0);
	require(H5Fis_accessible(name, list) > 0 && H5Fdelete(name, list) >= 0 && H5Fis_accessible(name, list) == 0);
	H5Pclose(list);
}

/* A file that cannot be opened or made is an error on all ranks, and all of them go on. */
static void refusals(const char *name)
{
	hid_t list = list_of(MPI_COMM_WORLD, NULL), file, group;

	refused(H5Fopen(name, H5F_ACC_RDWR, list));
	file = create(name, list);
	group = H5Gopen2(file, "/", H5P_DEFAULT);
	refused(H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, list));
	require(group >= 0 && H5Gclose(group) >= 0 && H5Fclose(file) >= 0);
	refused(H5Fcreate(name, H5F_ACC_EXCL, H5P_DEFAULT, list));
	refused(H5Fopen("daos://no/such/file.h5", H5F_ACC_RDONLY, list));
	file = H5Fopen(name, H5F_ACC_RDONLY, list);
	require(file >= 0 && H5Fclose(file) >= 0);
	H5Pclose(list);
}

/* A link does not go from a file that all ranks have open to one that each has alone, nor back: all would change the first one. A copy of it does. */
static void moves(const char *name)
{
	hid_t list = list_of(MPI_COMM_WORLD, NULL), self = list_of(MPI_COMM_SELF, NULL), file = create(name, list), own;
	char text[1024];

	snprintf(text, sizeof text, "%s.%d", name, rank);
	own = create(text, self);
	require(H5Lcreate_soft("/all", file, "all", H5P_DEFAULT, H5P_DEFAULT) >= 0);
	require(H5Lcreate_soft("/own", own, "own", H5P_DEFAULT, H5P_DEFAULT) >= 0);
	require(H5Lcopy(file, "all", own, "copy", H5P_DEFAULT, H5P_DEFAULT) >= 0);
	MPI_Barrier(MPI_COMM_WORLD);
	refused(H5Lmove(file, "all", own, "moved", H5P_DEFAULT, H5P_DEFAULT));
	MPI_Barrier(MPI_COMM_WORLD);
	refused(H5Lmove(own, "own", file, "moved", H5P_DEFAULT, H5P_DEFAULT));
	require(H5Lexists(file, "all", H5P_DEFAULT) > 0 && H5Lexists(file, "moved", H5P_DEFAULT) == 0);
	require(H5Lexists(own, "own", H5P_DEFAULT) > 0 && H5Lexists(own, "moved", H5P_DEFAULT) == 0);
	require(H5Lexists(own, "copy", H5P_DEFAULT) > 0 && H5Fclose(own) >= 0 && H5Fclose(file) >= 0);
	H5Pclose(self);
	H5Pclose(list);
}

/* What a list says of locking. */
static int locks(hid_t list)
{
	hbool_t is_used = 2, is_optional = 2;

	require(H5Pget_file_locking(list, &is_used, &is_optional) >= 0);
	return is_used;
}

/* What is said of locking files is kept for a handle that one rank asks for, and is the same for all who have a file open. */
static void locking(const char *name)
{
	hid_t list = list_of(MPI_COMM_WORLD, NULL), file, group, asked, told;

	for (int is_used = 0; is_used < 2; is_used++) {
		require(H5Pset_file_locking(list, is_used, 0) >= 0);
		file = create(name, list);
		group = H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
		require(H5Pset_file_locking(list, rank == 1 ? !is_used : is_used, 0) >= 0);
		refused(H5Fopen(name, H5F_ACC_RDWR, list));
		require(group >= 0 && H5Fclose(file) >= 0);
		if (rank == 1) {
			asked = H5Iget_file_id(group);
			told = H5Fget_access_plist(asked);
			require(asked >= 0 && told >= 0 && locks(told) == is_used);
			require(H5Pclose(told) >= 0 && H5Fclose(asked) >= 0);
		}
		require(H5Gclose(group) >= 0);
		MPI_Barrier(MPI_COMM_WORLD);
	}
	H5Pclose(list);
}

/* Run with a rank 1 that finds no engine: nobody opens the file, and nobody waits for ever. */
static void one_lost(const char *name)
{
	hid_t list = list_of(MPI_COMM_WORLD, NULL);

	refused(H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, list));
	H5Pclose(list);
}

/* Each rank makes groups and attributes of its own, without the others; later all find all of it. */
static void independent(const char *name)
{
	enum { GROUPS = 20 };
	hid_t list = list_of(MPI_COMM_WORLD, "independent"), creation = H5Pcreate(H5P_GROUP_CREATE), file, group, attribute;
	hid_t scalar = H5Screate(H5S_SCALAR), files = H5Pcreate(H5P_FILE_CREATE);
	H5G_info_t information;
	char text[64];

	require(H5Pset_link_creation_order(creation, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >= 0);
	require(H5Pset_link_creation_order(files, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >= 0);
	file = H5Fcreate(name, H5F_ACC_TRUNC, files, list);
	require(file >= 0);
	for (int i = 0; i < GROUPS + rank; i++) {
		snprintf(text, sizeof text, "%d of %d", i, rank);
		group = H5Gcreate2(file, text, H5P_DEFAULT, creation, H5P_DEFAULT);
		attribute = H5Acreate2(group, "rank", H5T_NATIVE_INT, scalar, H5P_DEFAULT, H5P_DEFAULT);
		require(group >= 0 && attribute >= 0 && H5Awrite(attribute, H5T_NATIVE_INT, &rank) >= 0);
		require(H5Aclose(attribute) >= 0 && H5Gclose(group) >= 0);
	}
	MPI_Barrier(MPI_COMM_WORLD);
	require(H5Gget_info(file, &information) >= 0);
	require(information.nlinks == (hsize_t)(GROUPS * size + size * (size - 1) / 2));
	for (hsize_t i = 0; i < information.nlinks; i++)
		require(H5Lget_name_by_idx(file, ".", H5_INDEX_CRT_ORDER, H5_ITER_INC, i, text, sizeof text, H5P_DEFAULT) > 0);
	for (int other = 0; other < size; other++) {
		int number = -1;

		snprintf(text, sizeof text, "%d of %d", GROUPS + other - 1, other);
		attribute = H5Aopen_by_name(file, text, "rank", H5P_DEFAULT, H5P_DEFAULT);
		require(attribute >= 0 && H5Aread(attribute, H5T_NATIVE_INT, &number) >= 0 && number == other);
		require(H5Aclose(attribute) >= 0);
	}
	require(H5Fclose(file) >= 0);
	H5Sclose(scalar);
	H5Pclose(files);
	H5Pclose(creation);
	H5Pclose(list);
}

/* A file of one rank alone with a group, which has a link and an attribute. */
static void make_other(const char *name, hid_t list)
{
	hid_t file = create(name, list), group = H5Gcreate2(file, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	hid_t scalar = H5Screate(H5S_SCALAR), attribute = H5Acreate2(group, "a", H5T_NATIVE_INT, scalar, H5P_DEFAULT, H5P_DEFAULT);

	require(attribute >= 0 && H5Aclose(attribute) >= 0 && H5Sclose(scalar) >= 0);
	require(H5Lcreate_soft("/", group, "in", H5P_DEFAULT, H5P_DEFAULT) >= 0);
	require(H5Gclose(group) >= 0 && H5Fclose(file) >= 0);
}

/* Nothing else is in it. */
static void look_at_other(const char *name, hid_t list)
{
	hid_t file = H5Fopen(name, H5F_ACC_RDONLY, list);
	H5G_info_t links;
	H5O_info2_t information;

	require(file >= 0 && H5Gget_info(file, &links) >= 0 && links.nlinks == 1);
	require(H5Gget_info_by_name(file, "g", &links, H5P_DEFAULT) >= 0 && links.nlinks == 1);
	require(H5Lexists(file, "g/in", H5P_DEFAULT) > 0 && H5Aexists_by_name(file, "g", "a", H5P_DEFAULT) > 0);
	require(H5Oget_info_by_name3(file, "g", &information, H5O_INFO_ALL, H5P_DEFAULT) >= 0);
	require(information.num_attrs == 1 && information.rc == 1);
	require(H5Fclose(file) >= 0);
}

/* Sources of a virtual dataset, each with the rows of all ranks. */
enum { SOURCES = 3 };

/* All rows of a virtual dataset, read by each rank for itself and by all together. */
static void look_at_mapped(hid_t file)
{
	hid_t dataset = H5Dopen2(file, "mapped", H5P_DEFAULT), transfers[] = {H5P_DEFAULT, collective()};
	int *values = malloc(sizeof(int) * SOURCES * (size_t)size * COLUMNS);

	for (int way = 0; way < 2; way++) {
		memset(values, 0, sizeof(int) * SOURCES * (size_t)size * COLUMNS);
		require(dataset >= 0 && H5Dread(dataset, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, transfers[way], values) >= 0);
		for (int i = 0; i < SOURCES * size * COLUMNS; i++)
			require(values[i] == value(i / COLUMNS % size, i % COLUMNS));
	}
	free(values);
	require(H5Dclose(dataset) >= 0 && H5Pclose(transfers[1]) >= 0);
}

/* Makes a file with the rows of all ranks, by one of them. */
static void make_source(const char *name)
{
	hid_t file = create(name, H5P_DEFAULT), dataset = rows(file, "there", 1, H5P_DEFAULT, H5T_NATIVE_INT);

	for (int i = 0; i < size; i++)
		move_rows(dataset, 1, i, H5P_DEFAULT, 1);
	require(H5Dclose(dataset) >= 0 && H5Fclose(file) >= 0);
}

/* A virtual dataset with a source in the file of all ranks, and ones in a file of a container and in one of HDF5's own, which each of them opens for
 * itself: all read it, and none may write to it, as others would not know of that. */
static void mapped(const char *name)
{
	hid_t list = list_of(MPI_COMM_WORLD, NULL), creation = H5Pcreate(H5P_DATASET_CREATE);
	hsize_t all[] = {SOURCES * (hsize_t)size, COLUMNS}, part[] = {(hsize_t)size, COLUMNS}, start[] = {0, 0};
	hid_t space = H5Screate_simple(2, all, NULL), source = H5Screate_simple(2, part, NULL);
	char other[1000], local[] = "/tmp/ranks-XXXXXX", native[sizeof local + 16];
	const char *files[SOURCES] = {".", other, native};
	hid_t file, dataset;
	int zeros[COLUMNS] = {0};

	snprintf(other, sizeof other, "%s.source", name);
	if (rank == 0)
		require(mkdtemp(local) != NULL);
	MPI_Bcast(local, sizeof local, MPI_CHAR, 0, MPI_COMM_WORLD);
	snprintf(native, sizeof native, "%s/native.h5", local);
	if (rank == 0) {
		make_source(other);
		make_source(native);
	}
	MPI_Barrier(MPI_COMM_WORLD);
	file = create(name, list);
	dataset = rows(file, "here", 1, H5P_DEFAULT, H5T_NATIVE_INT);
	move_rows(dataset, 1, rank, H5P_DEFAULT, 1);
	require(H5Dclose(dataset) >= 0);
	for (int i = 0; i < SOURCES; i++) {
		start[0] = (hsize_t)(i * size);
		require(H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, part, NULL) >= 0);
		require(H5Pset_virtual(creation, space, files[i], i == 0 ? "here" : "there", source) >= 0);
	}
	dataset = H5Dcreate2(file, "mapped", H5T_NATIVE_INT, space, H5P_DEFAULT, creation, H5P_DEFAULT);
	require(dataset >= 0);
	MPI_Barrier(MPI_COMM_WORLD);
	look_at_mapped(file);
	part[0] = 1;
	require(H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, part, NULL) >= 0);
	refused(H5Dwrite(dataset, H5T_NATIVE_INT, H5S_BLOCK, space, H5P_DEFAULT, zeros));
	require(H5Dclose(dataset) >= 0 && H5Fclose(file) >= 0);
	file = H5Fopen(name, H5F_ACC_RDONLY, list);
	require(file >= 0);
	look_at_mapped(file);
	require(H5Fclose(file) >= 0 && H5Sclose(space) >= 0 && H5Sclose(source) >= 0 && H5Pclose(creation) >= 0);
	H5Pclose(list);
	MPI_Barrier(MPI_COMM_WORLD);
	if (rank == 0)
		require(remove(native) == 0 && rmdir(local) == 0);
}

/* Changes behind an external link, in a file that the ranks have not opened together, are an error on all, and change nothing: one of them would
 * make them, or all at the same time. */
static void behind(const char *name)
{
	hid_t list = list_of(MPI_COMM_WORLD, NULL), alone = list_of(MPI_COMM_SELF, NULL), file, group;
	hid_t scalar = H5Screate(H5S_SCALAR), links = H5Pcreate(H5P_LINK_CREATE);
	char other[1024], local[] = "/tmp/ranks-XXXXXX";

	snprintf(other, sizeof other, "%s.other", name);
	if (rank == 0) {
		require(mkdtemp(local) != NULL);
		make_other(other, alone);
	}
	MPI_Bcast(local, sizeof local, MPI_CHAR, 0, MPI_COMM_WORLD);
	char native[sizeof local + 16];
	snprintf(native, sizeof native, "%s/native.h5", local);
	if (rank == 0)
		make_other(native, H5P_DEFAULT);
	MPI_Barrier(MPI_COMM_WORLD);

	require(H5Pset_create_intermediate_group(links, 1) >= 0);
	file = create(name, list);
	group = H5Gcreate2(file, "own", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	require(group >= 0);
	require(H5Lcreate_external(other, "/g", file, "in a container", H5P_DEFAULT, H5P_DEFAULT) >= 0);
	require(H5Lcreate_external(native, "/g", file, "elsewhere", H5P_DEFAULT, H5P_DEFAULT) >= 0);
	for (int which = 0; which < 2; which++) {
		const char *out = which == 0 ? "in a container" : "elsewhere";
		char new[64], deep[64], in[64];

		snprintf(new, sizeof new, "%s/new", out);
		snprintf(deep, sizeof deep, "%s/deep/new", out);
		snprintf(in, sizeof in, "%s/in", out);
		require(H5Lexists(file, in, H5P_DEFAULT) > 0);
		/* All have it open at the same time. */
		hid_t opened = H5Oopen(file, out, H5P_DEFAULT);
		require(opened >= 0);
		MPI_Barrier(MPI_COMM_WORLD);
		require(H5Oclose(opened) >= 0);
		refused(H5Gcreate2(file, new, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
		refused(H5Gcreate2(file, deep, links, H5P_DEFAULT, H5P_DEFAULT));
		refused(H5Acreate_by_name(file, out, "b", H5T_NATIVE_INT, scalar, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
		refused(H5Adelete_by_name(file, out, "a", H5P_DEFAULT));
		refused(H5Adelete_by_idx(file, out, H5_INDEX_NAME, H5_ITER_INC, 0, H5P_DEFAULT));
		refused(H5Arename_by_name(file, out, "a", "b", H5P_DEFAULT));
		refused(H5Lcreate_soft("/", file, new, H5P_DEFAULT, H5P_DEFAULT));
		refused(H5Lcreate_soft("/", file, deep, links, H5P_DEFAULT));
		refused(H5Lcreate_external(name, "/", file, new, H5P_DEFAULT, H5P_DEFAULT));
		refused(H5Lcreate_hard(file, "own", file, new, H5P_DEFAULT, H5P_DEFAULT));
		refused(H5Lcreate_hard(file, out, file, "hard", H5P_DEFAULT, H5P_DEFAULT));
		refused(H5Lcreate_hard(file, out, file, new, H5P_DEFAULT, H5P_DEFAULT));
		refused(H5Lcopy(file, in, file, new, H5P_DEFAULT, H5P_DEFAULT));
		refused(H5Lmove(file, in, file, new, H5P_DEFAULT, H5P_DEFAULT));
		refused(H5Lmove(file, in, file, "moved", H5P_DEFAULT, H5P_DEFAULT));
		refused(H5Ldelete(file, in, H5P_DEFAULT));
		refused(H5Ldelete_by_idx(file, out, H5_INDEX_NAME, H5_ITER_INC, 0, H5P_DEFAULT));
		refused(H5Ocopy(file, "own", file, new, H5P_DEFAULT, H5P_DEFAULT));
		refused(H5Ocopy(file, "own", file, deep, H5P_DEFAULT, links));
		require(H5Lexists(file, "moved", H5P_DEFAULT) == 0 && H5Lexists(file, "hard", H5P_DEFAULT) == 0);
	}
	require(H5Gclose(group) >= 0 && H5Fclose(file) >= 0);
	MPI_Barrier(MPI_COMM_WORLD);
	if (rank == 0) {
		look_at_other(other, alone);
		look_at_other(native, H5P_DEFAULT);
		require(remove(native) == 0 && rmdir(local) == 0);
	}
	H5Sclose(scalar);
	H5Pclose(links);
	H5Pclose(alone);
	H5Pclose(list);
}

/* What a rank cannot find that the others find is an error on all, changes nothing, and nobody waits for ever. */
static void mistakes(const char *name)
{
	hid_t list = list_of(MPI_COMM_WORLD, NULL), file = create(name, list), group, attribute, scalar = H5Screate(H5S_SCALAR);
	const char *path = rank == 1 ? "nowhere" : "own";

	group = H5Gcreate2(file, "own", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	attribute = H5Acreate2(group, "a", H5T_NATIVE_INT, scalar, H5P_DEFAULT, H5P_DEFAULT);
	require(group >= 0 && attribute >= 0 && H5Aclose(attribute) >= 0);
	refused(H5Adelete_by_name(file, path, "a", H5P_DEFAULT));
	refused(H5Adelete_by_idx(file, path, H5_INDEX_NAME, H5_ITER_INC, 0, H5P_DEFAULT));
	refused(H5Arename_by_name(file, path, "a", "b", H5P_DEFAULT));
	require(H5Aexists(group, "a") > 0 && H5Aexists(group, "b") == 0);
	require(H5Adelete_by_name(file, "own", "a", H5P_DEFAULT) >= 0 && H5Aexists(group, "a") == 0);
	require(H5Gclose(group) >= 0 && H5Fclose(file) >= 0);
	H5Sclose(scalar);
	H5Pclose(list);
}

#define DEFINED ((H5L_type_t)100)

/* How often this rank was told that a link is removed. */
static int removals;

static herr_t note_removal(const char *name, hid_t file, const void *value, size_t bytes)
{
	(void)value;
	require(name != NULL && bytes == 0 && H5Iget_type(file) == H5I_FILE);
	removals++;
	return 0;
}

static hid_t follow_to_root(const char *name, hid_t group, const void *value, size_t bytes, hid_t access, hid_t transfer)
{
	(void)name, (void)value, (void)bytes, (void)transfer;
	return H5Oopen(group, "/", access);
}

/* Handles of a file that one rank has alone: that which a function of the program's gets when a user-defined link is removed, and one that is asked for
 * when the file's own handle is closed already. */
static void alone(const char *name)
{
	const H5L_class_t class = {.version = H5L_LINK_CLASS_T_VERS, .id = DEFINED, .comment = "defined", .trav_func = follow_to_root,
		.del_func = note_removal};
	hid_t list = list_of(MPI_COMM_WORLD, NULL), file = create(name, list), group;
	int all = 0;

	require(H5Lregister(&class) >= 0);
	group = H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	require(group >= 0 && H5Lcreate_ud(file, "link", DEFINED, NULL, 0, H5P_DEFAULT, H5P_DEFAULT) >= 0);
	require(H5Lexists(file, "link/group", H5P_DEFAULT) > 0);
	require(H5Lmove(file, "link", file, "moved", H5P_DEFAULT, H5P_DEFAULT) >= 0);
	require(H5Ldelete(file, "moved", H5P_DEFAULT) >= 0 && H5Lexists(file, "moved", H5P_DEFAULT) == 0);
	/* Once for each, on the rank that does it. */
	MPI_Allreduce(&removals, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	require(all == 2);
	require(H5Fclose(file) >= 0);
	if (rank == 1) {
		file = H5Iget_file_id(group);
		require(file >= 0 && H5Fclose(file) >= 0);
	}
	/* Each waits for all the others here, if it has not waited above. */
	file = H5Gcreate2(group, "below", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	require(file >= 0 && H5Gclose(file) >= 0 && H5Gclose(group) >= 0 && H5Lunregister(DEFINED) >= 0);
	H5Pclose(list);
}

/* A function of the connector's for programs, which HDF5 has loaded. */
static void *connector_function(const char *name)
{
	char path[4096];
	void *connector;

	snprintf(path, sizeof path, "%s/libhdf5_vol_daos.so", getenv("HDF5_PLUGIN_PATH"));
	connector = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
	require(connector != NULL && dlsym(connector, name) != NULL);
	return dlsym(connector, name);
}

/* All ranks make a snapshot together, and see the file as it was then, beside what it is now. */
static void snapshot(const char *name)
{
	herr_t (*snap_create)(hid_t, uint64_t *), (*snap_open)(hid_t, uint64_t), (*independent)(hid_t, hbool_t);
	hid_t list = list_of(MPI_COMM_WORLD, NULL), old_list = list_of(MPI_COMM_WORLD, NULL), file = create(name, list), old, dataset;
	uint64_t epoch = 0, first = 0, least = 0;
	hbool_t is_independent = 0;

	*(void **)&snap_create = connector_function("H5daos_snap_create");
	*(void **)&snap_open = connector_function("H5Pset_daos_snap_open");
	*(void **)&independent = connector_function("H5daos_set_all_ind_metadata_ops");
	dataset = rows(file, "rows", 3, H5P_DEFAULT, H5T_NATIVE_INT);
	move_rows(dataset, 3, rank, H5P_DEFAULT, 1);
	require(snap_create(dataset, &epoch) >= 0 && epoch > 0);
	first = epoch;
	MPI_Bcast(&first, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD);
	require(first == epoch);
	/* Then all is replaced by zeros. */
	hsize_t start[] = {(hsize_t)(3 * rank), 0}, count[] = {3, COLUMNS};
	int values[3 * COLUMNS];
	hid_t space = H5Dget_space(dataset), memory = H5Screate_simple(2, count, NULL);
	H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
	memset(values, 0, sizeof values);
	require(H5Dwrite(dataset, H5T_NATIVE_INT, memory, space, H5P_DEFAULT, values) >= 0);
	require(H5Gclose(H5Gcreate2(file, "later", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)) >= 0);
	require(H5Dclose(dataset) >= 0);
	MPI_Barrier(MPI_COMM_WORLD);

	require(snap_open(old_list, epoch) >= 0);
	refused(H5Fopen(name, H5F_ACC_RDWR, old_list));
	old = H5Fopen(name, H5F_ACC_RDONLY, old_list);
	require(old >= 0 && H5Lexists(old, "later", H5P_DEFAULT) == 0 && H5Lexists(file, "later", H5P_DEFAULT) > 0);
	dataset = H5Dopen2(old, "rows", H5P_DEFAULT);
	for (int whose = 0; whose < size; whose++)
		move_rows(dataset, 3, whose, H5P_DEFAULT, 0);
	require(H5Dclose(dataset) >= 0 && H5Fclose(old) >= 0);
	dataset = H5Dopen2(file, "rows", H5P_DEFAULT);
	memset(values, 1, sizeof values);
	require(H5Dread(dataset, H5T_NATIVE_INT, memory, space, H5P_DEFAULT, values) >= 0);
	for (int i = 0; i < 3 * COLUMNS; i++)
		require(values[i] == 0);
	require(H5Dclose(dataset) >= 0 && H5Fclose(file) >= 0);
	/* What the information of MPI can say a property can, too: each makes a group of its own. */
	char group[32];
	require(independent(list, 1) >= 0);
	file = create(name, list);
	sprintf(group, "%d", rank);
	/* The new file keeps its name beside what had it at the snapshot. */
	old = H5Fopen(name, H5F_ACC_RDONLY, old_list);
	require(old >= 0 && H5Lexists(old, "rows", H5P_DEFAULT) > 0 && H5Fclose(old) >= 0);
	require(H5Gclose(H5Gcreate2(file, group, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)) >= 0);
	MPI_Barrier(MPI_COMM_WORLD);
	sprintf(group, "%d", (rank + 1) % size);
	is_independent = H5Lexists(file, group, H5P_DEFAULT) > 0;
	/* It is one snapshot for all still. */
	require(is_independent && snap_create(file, &epoch) >= 0);
	MPI_Allreduce(&epoch, &least, 1, MPI_UINT64_T, MPI_MIN, MPI_COMM_WORLD);
	require(least == epoch);
	MPI_Barrier(MPI_COMM_WORLD);
	/* A forked process is none of the ranks: what it closes tells the others nothing. */
	if (rank == 0) {
		int status = -1;
		pid_t child = fork();

		if (child == 0)
			_exit(H5Fclose(file) >= 0 ? 0 : 1);
		require(child > 0 && waitpid(child, &status, 0) == child && status == 0);
	}
	require(H5Fclose(file) >= 0);
	/* Ranks that do not say the same of metadata are told so, and the file stays. */
	require(independent(list, rank == 0) >= 0);
	refused(H5Fopen(name, H5F_ACC_RDWR, list));
	refused(H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, list));
	require(independent(list, 0) >= 0);
	file = H5Fopen(name, H5F_ACC_RDWR, list);
	require(file >= 0 && H5Lexists(file, group, H5P_DEFAULT) > 0 && H5Fclose(file) >= 0);
	H5Sclose(space);
	H5Sclose(memory);
	H5Pclose(list);
	H5Pclose(old_list);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(const char *);
	} cases[] = {{"metadata", metadata}, {"elements", elements}, {"filtered", filtered}, {"texts", texts},
		{"communicators", communicators}, {"refusals", refusals}, {"lost", one_lost}, {"independent", independent},
		{"behind", behind}, {"mapped", mapped}, {"mistakes", mistakes},
		{"alone", alone}, {"moves", moves}, {"locking", locking}, {"snapshot", snapshot}};

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	for (size_t i = 0; argc == 3 && i < sizeof cases / sizeof *cases; i++)
		if (strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run(argv[2]);
			MPI_Finalize();
			return 0;
		}
	fprintf(stderr, "%s: CASE FILE\n", argv[0]);
	MPI_Abort(MPI_COMM_WORLD, 2);
	return 2;
}
