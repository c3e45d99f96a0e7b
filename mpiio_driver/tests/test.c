/* SPDX-License-Identifier: BSD-2-Clause-Patent */
#include "test.h"

int test_rank, test_ranks;
const char *test_directory;
char test_doing[256];

void test_failed(const char *file, int line, const char *text)
{
	fprintf(stderr, "%s:%d: rank %d: failed: %s%s%s\n", file, line, test_rank, text, test_doing[0] != '\0' ? ": " : "",
		test_doing);
	MPI_Abort(MPI_COMM_WORLD, 1);
	exit(1);
}

void test_call(const char *file, int line, const char *text, int code)
{
	char sentence[MPI_MAX_ERROR_STRING];
	int length;

	if (code == MPI_SUCCESS)
		return;
	MPI_Error_string(code, sentence, &length);
	fprintf(stderr, "%s:%d: rank %d: %s\n", file, line, test_rank, sentence);
	test_failed(file, line, text);
}

void test_fails(const char *file, int line, const char *text, int class, int code)
{
	char sentence[MPI_MAX_ERROR_STRING] = "no error";
	int length, found = MPI_SUCCESS;

	if (code != MPI_SUCCESS) {
		MPI_Error_class(code, &found);
		MPI_Error_string(code, sentence, &length);
	}
	if (found != class) {
		fprintf(stderr, "%s:%d: rank %d: class %d and not %d: %s\n", file, line, test_rank, found, class, sentence);
		test_failed(file, line, text);
	}
	if (test_rank == 0)
		printf("as it should be: %s\n", sentence);
}

void test_begin(int *count, char ***arguments)
{
	MPI_Init(count, arguments);
	MPI_Comm_rank(MPI_COMM_WORLD, &test_rank);
	MPI_Comm_size(MPI_COMM_WORLD, &test_ranks);
	CHECK(*count >= 2);
	test_directory = (*arguments)[1];
}

int test_end(void)
{
	MPI_Barrier(MPI_COMM_WORLD);
	if (test_rank == 0)
		printf("passed\n");
	MPI_Finalize();
	return 0;
}

const char *test_name(const char *name)
{
	static char names[2][4096];
	static int next;

	next = !next;
	snprintf(names[next], sizeof names[next], "%s/%s", test_directory, name);
	return names[next];
}

MPI_File test_open(const char *name, int mode)
{
	MPI_File file;

	CALL(MPI_File_open(MPI_COMM_WORLD, test_name(name), mode, MPI_INFO_NULL, &file));
	return file;
}
