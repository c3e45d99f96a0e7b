/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Hints that are wrong, or not the same on all ranks. ROMIO compares them by broadcasts in which only those ranks take part that were given
 * the hint, so ranks with different ones waited for ever; a buffer of -1 bytes ended the program; and romio_cb_pfr ended it when the file was
 * closed. A view that one rank was refused left the others in a barrier.
 */
#include "test.h"

enum { PIECE = 1000, PIECES = 50, BYTES = PIECE * PIECES };

struct given {
	const char *key, *value;
};

static MPI_Info info_of(const struct given *given)
{
	MPI_Info info = MPI_INFO_NULL;

	for (; given != NULL && given->key != NULL; given++) {
		if (info == MPI_INFO_NULL)
			MPI_Info_create(&info);
		MPI_Info_set(info, given->key, given->value);
	}
	return info;
}

static void free_info(MPI_Info *info)
{
	if (*info != MPI_INFO_NULL)
		MPI_Info_free(info);
}

/* What the file says of a hint; empty when it says nothing. */
static const char *used(MPI_File file, const char *key)
{
	static char value[MPI_MAX_INFO_VAL + 1];
	MPI_Info info;
	int found;

	CALL(MPI_File_get_info(file, &info));
	MPI_Info_get(info, key, MPI_MAX_INFO_VAL, value, &found);
	MPI_Info_free(&info);
	if (!found)
		value[0] = '\0';
	return value;
}

/* Pieces by turns, written and read by all ranks together. */
static void use(MPI_File file)
{
	char *data = malloc(BYTES), *back = calloc(1, BYTES);
	MPI_Datatype view;

	for (int i = 0; i < BYTES; i++)
		data[i] = (char)(i * 7 + i / PIECE + test_rank);
	MPI_Type_vector(PIECES, PIECE, PIECE * test_ranks, MPI_BYTE, &view);
	MPI_Type_commit(&view);
	CALL(MPI_File_set_view(file, (MPI_Offset)test_rank * PIECE, MPI_BYTE, view, "native", MPI_INFO_NULL));
	CALL(MPI_File_write_at_all(file, 0, data, BYTES, MPI_BYTE, MPI_STATUS_IGNORE));
	CALL(MPI_File_read_at_all(file, 0, back, BYTES, MPI_BYTE, MPI_STATUS_IGNORE));
	CHECK(memcmp(data, back, BYTES) == 0);
	MPI_Type_free(&view);
	free(data);
	free(back);
}

static MPI_File open_with(const struct given *given)
{
	MPI_Info info = info_of(given);
	MPI_File file;

	CALL(MPI_File_open(MPI_COMM_WORLD, test_name("hints"), MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE, info, &file));
	free_info(&info);
	return file;
}

static const struct given BUFFERED[] = {
	{ "romio_cb_write", "enable" }, { "romio_cb_read", "enable" }, { "cb_buffer_size", "8192" }, { "cb_nodes", "1" }, { NULL, NULL }
};
static const struct given OTHERWISE[] = {
	{ "romio_cb_write", "disable" }, { "cb_buffer_size", "4096" }, { "striping_unit", "65536" }, { NULL, NULL }
};

/* Rank 0 is given some, and the others are given others. */
static void different(const struct given *first, const struct given *others)
{
	const struct given *mine = test_rank == 0 ? first : others;
	MPI_File file = open_with(mine);
	MPI_Info info;

	for (const struct given *given = first; given != NULL && given->key != NULL; given++)
		CHECK(strcmp(used(file, given->key), given->value) == 0);
	use(file);
	info = info_of(mine);
	CALL(MPI_File_set_info(file, info));
	use(file);
	CALL(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", info));
	free_info(&info);
	use(file);
	CALL(MPI_File_close(&file));
}

/* Values that nothing can be done with count as not given. */
static void useless(void)
{
	static const struct given BAD[] = {
		{ "cb_buffer_size", "-1" }, { "cb_buffer_size", "0" }, { "cb_buffer_size", "many" }, { "cb_buffer_size", "8192abc" },
		{ "cb_buffer_size", "99999999999999999999" }, { "ind_rd_buffer_size", "0" }, { "ind_wr_buffer_size", "-7" },
		{ "cb_nodes", "0" }, { "cb_nodes", "1000000" }, { "striping_unit", "-5" }, { "striping_unit", "" },
		{ "romio_cb_fr_alignment", "0" }, { "romio_daos_chunk_size", "0" }, { "romio_daos_obj_class", "NONE_OF_THEM" },
		{ "romio_cb_write", "perhaps" }, { "romio_cb_pfr", "enable" }, { "no_hint_at_all", "1" },
	};

	for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
		struct given all[] = { BAD[i], { "romio_cb_read", "enable" }, { "romio_ds_read", "enable" }, { NULL, NULL } };
		MPI_File file;

		snprintf(test_doing, sizeof test_doing, "%s = %s", BAD[i].key, BAD[i].value);
		file = open_with(all);
		CHECK(strcmp(used(file, BAD[i].key), BAD[i].value) != 0 || BAD[i].value[0] == '\0');
		/* Nor the number that it begins with. */
		CHECK(atol(BAD[i].value) == 0 || atol(used(file, BAD[i].key)) != atol(BAD[i].value));
		use(file);
		CALL(MPI_File_close(&file));
		/* And when nothing was read or written. */
		file = open_with(all);
		CALL(MPI_File_close(&file));
	}
	test_doing[0] = '\0';
}

/* Opens with a hint on all ranks or on none; whoever has the file can use it. */
static void same_everywhere(const char *key, const char *value)
{
	const struct given given[] = { { key, value }, { NULL, NULL } };
	MPI_Info info = info_of(given);
	MPI_File file = MPI_FILE_NULL;
	int failed, all;

	snprintf(test_doing, sizeof test_doing, "%s = %.20s", key, value);
	failed = MPI_File_open(MPI_COMM_WORLD, test_name("hints"), MPI_MODE_CREATE | MPI_MODE_RDWR, info, &file) != MPI_SUCCESS;
	MPI_Allreduce(&failed, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	CHECK(all == 0 || all == test_ranks);
	/* Only a list of hosts can be refused; what else cannot be used is no hint. */
	CHECK(!failed || strcmp(key, "cb_config_list") == 0);
	if (!failed) {
		use(file);
		CALL(MPI_File_close(&file));
	}
	MPI_Info_free(&info);
	test_doing[0] = '\0';
}

/* Values that are as long as they can be, of bytes that are no ASCII, and a list of hosts that cannot be read. */
static void odd(void)
{
	static const char *KEYS[] = { "cb_config_list", "cb_buffer_size", "romio_cb_write", "striping_unit", "romio_daos_obj_class" };
	static const char FILLS[] = { 'x', '9', '\xff' };
	char longest[MPI_MAX_INFO_VAL];

	same_everywhere("cb_config_list", ":::");
	for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
		same_everywhere(KEYS[i], "\xc3\xa4\x80\xff");
		for (size_t fill = 0; fill < sizeof FILLS; fill++) {
			memset(longest, FILLS[fill], sizeof longest - 1);
			longest[sizeof longest - 1] = '\0';
			same_everywhere(KEYS[i], longest);
		}
	}
}

/* One rank gives what is no hints at all: nobody has the file. */
static void no_info(void)
{
	MPI_File file;
	int code;

	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	code = MPI_File_open(MPI_COMM_WORLD, test_name("hints"), MPI_MODE_CREATE | MPI_MODE_RDWR,
		test_rank == test_ranks - 1 ? (MPI_Info)MPI_COMM_WORLD : MPI_INFO_NULL, &file);
	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_ARE_FATAL);
	CHECK(code != MPI_SUCCESS);
}

/* One rank's view is refused; the others have theirs, and all go on. */
static void refused(void)
{
	bool is_refused = test_rank == test_ranks - 1;
	MPI_File file = open_with(NULL);
	int code;

	code = MPI_File_set_view(file, is_refused ? -8 : 8, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL);
	CHECK((code != MPI_SUCCESS) == is_refused);
	code = MPI_File_set_view(file, 8, MPI_BYTE, MPI_BYTE, is_refused ? "none" : "native", MPI_INFO_NULL);
	CHECK((code != MPI_SUCCESS) == is_refused);
	code = MPI_File_set_view(file, 8, is_refused ? MPI_DATATYPE_NULL : MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL);
	CHECK((code != MPI_SUCCESS) == is_refused);
	use(file);
	CALL(MPI_File_close(&file));
}

int main(int count, char **arguments)
{
	test_begin(&count, &arguments);
	CHECK(strncmp(test_directory, "daos:", 5) == 0);
	different(BUFFERED, NULL);
	different(NULL, BUFFERED);
	different(BUFFERED, OTHERWISE);
	different(OTHERWISE, BUFFERED);
	useless();
	odd();
	no_info();
	refused();
	return test_end();
}
