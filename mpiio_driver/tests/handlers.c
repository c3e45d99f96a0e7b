/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Error handlers of files: they are called with the file and the code, are inherited, and are counted. */
#include "test.h"

static int calls, called_code;
static MPI_File called_file;

static void note(MPI_File *file, int *code, ...)
{
	calls++;
	called_file = *file;
	called_code = *code;
}

/* Reads a file that is for writing, which is an error. */
static int fail(MPI_File file)
{
	char byte;

	return MPI_File_read_at(file, 0, &byte, 1, MPI_BYTE, MPI_STATUS_IGNORE);
}

int main(int count, char **arguments)
{
	MPI_Errhandler handler, own;
	MPI_File file, second, missing;
	int code, class;

	test_begin(&count, &arguments);
	file = test_open("handlers", MPI_MODE_CREATE | MPI_MODE_WRONLY | MPI_MODE_DELETE_ON_CLOSE);
	CALL(MPI_File_get_errhandler(file, &handler));
	CHECK(handler == MPI_ERRORS_RETURN);

	CALL(MPI_File_create_errhandler(note, &own));
	CALL(MPI_File_set_errhandler(file, own));
	CALL(MPI_File_get_errhandler(file, &handler));
	CHECK(handler == own);
	MPI_Errhandler_free(&handler);
	MPI_Errhandler_free(&own);
	code = fail(file);
	MPI_Error_class(code, &class);
	CHECK(class == MPI_ERR_ACCESS && calls == 1 && called_file == file && called_code == code);
	CALL(MPI_File_call_errhandler(file, MPI_ERR_IO));
	CHECK(calls == 2 && called_code == MPI_ERR_IO);

	/* Whoever opens a file after this gets the handler of MPI_FILE_NULL; the first file keeps its own. */
	CALL(MPI_File_create_errhandler(note, &own));
	CALL(MPI_File_set_errhandler(MPI_FILE_NULL, own));
	MPI_Errhandler_free(&own);
	second = test_open("second", MPI_MODE_CREATE | MPI_MODE_WRONLY | MPI_MODE_DELETE_ON_CLOSE);
	fail(second);
	CHECK(calls == 3 && called_file == second);
	code = MPI_File_open(MPI_COMM_WORLD, test_name("missing"), MPI_MODE_RDONLY, MPI_INFO_NULL, &missing);
	MPI_Error_class(code, &class);
	CHECK(class == MPI_ERR_NO_SUCH_FILE && calls == 4 && called_file == MPI_FILE_NULL);
	CALL(MPI_File_close(&second));

	CALL(MPI_File_set_errhandler(MPI_FILE_NULL, MPI_ERRORS_RETURN));
	CALL(MPI_File_set_errhandler(file, MPI_ERRORS_RETURN));
	code = fail(file);
	CHECK(code != MPI_SUCCESS && calls == 4);

	/* Numbers of Fortran. */
	CHECK(MPI_File_f2c(MPI_File_c2f(file)) == file);
	CHECK(MPI_File_f2c(MPI_File_c2f(MPI_FILE_NULL)) == MPI_FILE_NULL);
	CALL(MPI_File_close(&file));
	return test_end();
}
