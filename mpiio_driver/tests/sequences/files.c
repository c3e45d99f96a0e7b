/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "files.h"

MPI_File files[2];
const char *directories[2];
int file_count;

unsigned char model[FILE_BYTES];
int model_size, mode;

struct shape view;
int view_start, view_extent;
bool is_disjoint;
/* From the bytes of one rank to those of the next one. */
static int view_shift;

unsigned draw(unsigned below)
{
	return test_draw(below);
}

int place(int rank, int at)
{
	return view_start + (is_disjoint ? rank * view_shift : 0) + at / view.bytes * view_extent + view.place[at % view.bytes];
}

int elements_max(void)
{
	int tiles = (FILE_BYTES - view_start - test_ranks * (view.span + view_shift)) / view_extent;

	return tiles * view.bytes / view.unit;
}

void judge_local(int is_wrong, const char *what)
{
	int any;

	MPI_Allreduce(&is_wrong, &any, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
	if (!any)
		return;
	if (test_rank == 0)
		printf("the local file is left: %s: %s\n", what, test_doing);
	MPI_File_close(&files[1]);
	file_count = 1;
}

int class_of(int code)
{
	int class = MPI_SUCCESS;

	if (code != MPI_SUCCESS) {
		MPI_Error_class(code, &class);
		if (getenv("TEST_VERBOSE") != NULL) {
			char sentence[MPI_MAX_ERROR_STRING];
			int length;

			MPI_Error_string(code, sentence, &length);
			fprintf(stderr, "rank %d: %s\n", test_rank, sentence);
		}
	}
	return class;
}

MPI_Offset number_of(int (*call)(MPI_File, MPI_Offset *), const char *what)
{
	MPI_Offset numbers[2];

	for (int i = 0; i < file_count; i++)
		CALL(call(files[i], &numbers[i]));
	MPI_Barrier(MPI_COMM_WORLD);
	if (file_count > 1)
		judge_local(numbers[1] != numbers[0], what);
	return numbers[0];
}

void set_view(int unit, bool is_plain)
{
	MPI_Datatype type, filetype;
	MPI_Aint lower, extent;
	int refused = 0, any;

	if (view.unit != 0)
		shape_free(&view);
	if (is_plain)
		view = (struct shape){ .type = MPI_BYTE, .element = MPI_BYTE, .unit = 1, .bytes = 1, .span = 1, .extent = 1 };
	else
		shape_draw(&view, unit, true);
	view_start = is_plain ? 0 : (int)draw(300);
	is_disjoint = !is_plain && draw(2) == 0;
	view_extent = view.extent;
	view_shift = 0;
	filetype = type = view.type;
	if (is_disjoint) {
		MPI_Type_get_extent(view.type, &lower, &extent);
		view_shift = (int)(lower + extent);
		view_extent = view_shift * test_ranks;
		MPI_Type_create_resized(view.type, 0, view_extent, &filetype);
		MPI_Type_commit(&filetype);
	}
	for (int i = 0; i < file_count; i++)
		refused = MPI_File_set_view(files[i], view_start + test_rank * view_shift, view.element, filetype, "native",
			MPI_INFO_NULL) != MPI_SUCCESS;
	CHECK(!refused || file_count == 2);
	if (filetype != type)
		MPI_Type_free(&filetype);
	MPI_Allreduce(&refused, &any, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
	/* MPICH's own finds overlaps where empty blocks are. */
	if (any) {
		set_view(unit, is_plain);
		return;
	}
	CHECK(POSITION() == 0 && SHARED_POSITION() == 0);
}

bool may_read(void)
{
	return (mode & MPI_MODE_WRONLY) == 0;
}

bool may_write(void)
{
	return (mode & MPI_MODE_RDONLY) == 0;
}

/* Whether all bytes of a file are those of the array. */
static bool is_as_the_array(MPI_File file)
{
	static unsigned char bytes[FILE_BYTES];
	MPI_Status status;
	int count;

	CALL(MPI_File_read_at(file, 0, bytes, FILE_BYTES, MPI_BYTE, &status));
	MPI_Get_count(&status, MPI_BYTE, &count);
	for (int at = 0; at < model_size && count == model_size; at++) {
		if (bytes[at] == model[at])
			continue;
		fprintf(stderr, "byte %d of %d is %d, not %d\n", at, model_size, bytes[at], model[at]);
		return false;
	}
	return count == model_size;
}

void compare_files(void)
{
	if (!may_read())
		return;
	set_view(1, true);
	CHECK(number_of(MPI_File_get_size, "size") == model_size);
	CHECK(is_as_the_array(files[0]));
	if (file_count > 1)
		judge_local(!is_as_the_array(files[1]), "its bytes");
	MPI_Barrier(MPI_COMM_WORLD);
}

int open_files(int new_mode)
{
	char name[4096];
	int classes[2] = { 0 };

	mode = new_mode;
	for (int i = 0; i < file_count; i++) {
		snprintf(name, sizeof name, "%s/sequences", directories[i]);
		classes[i] = class_of(MPI_File_open(MPI_COMM_WORLD, name, mode, MPI_INFO_NULL, &files[i]));
	}
	CHECK(file_count == 1 || classes[0] == classes[1]);
	return classes[0];
}

void close_files(void)
{
	for (int i = 0; i < file_count; i++)
		CALL(MPI_File_close(&files[i]));
	MPI_Barrier(MPI_COMM_WORLD);
}
