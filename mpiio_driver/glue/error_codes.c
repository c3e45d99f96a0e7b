/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Error codes with sentences, and what ROMIO asks for to make and to report them. */
#include "glue.h"

#include <adio.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* MPICH's maker of error codes; its kin have it as well. Others get the class alone as their code, which is one. */
typedef int (*maker)(int previous, int fatal, const char *where, int line, int class, const char *generic,
	const char *specific, ...);

#define SENTENCE_BYTES 1024

/* The name under which MPICH's catalogue has the general sentence of a class. */
static const char *catalogue(int class)
{
	switch (class) {
	case MPI_ERR_NO_SUCH_FILE: return "**filenoexist";
	case MPI_ERR_FILE_EXISTS: return "**fileexist";
	case MPI_ERR_ACCESS: return "**fileaccess";
	case MPI_ERR_NO_SPACE: return "**filenospace";
	case MPI_ERR_QUOTA: return "**filequota";
	case MPI_ERR_BAD_FILE: return "**filename";
	case MPI_ERR_FILE_IN_USE: return "**fileinuse";
	case MPI_ERR_READ_ONLY: return "**filerdonly";
	case MPI_ERR_UNSUPPORTED_OPERATION: return "**iosharedunsupported";
	default: return "**io";
	}
}

static int make(int previous, int class, const char *where, int line, const char *generic, const char *sentence)
{
	maker function = (maker)mpiio_native("MPIR_Err_create_code");

	if (function == NULL)
		return previous != MPI_SUCCESS ? previous : class;
	if (sentence == NULL)
		return function(previous, 0, where, line, class, generic, NULL);
	return function(previous, 0, where, line, class, generic, "%s", sentence);
}

int mpiio_error_code(int previous, int class, const char *where, int line, const char *sentence)
{
	return make(previous, class, where, line, catalogue(class), sentence);
}

/*
 * ROMIO's messages are names in MPICH's catalogue, with what to fill in: "**filename %s". The catalogue is out of reach,
 * but the name says enough when it is read as a word.
 */
int MPIO_Err_create_code(int previous, int fatal, const char *where, int line, int class, const char *generic,
	const char *specific, ...)
{
	char sentence[SENTENCE_BYTES];
	const char *format = specific;
	va_list arguments;

	(void)fatal;
	if (format == NULL)
		return make(previous, class, where, line, generic, NULL);
	while (*format == '*' || *format == ' ')
		format++;
	va_start(arguments, specific);
	vsnprintf(sentence, sizeof sentence, format, arguments);
	va_end(arguments);
	return make(previous, class, where, line, generic, sentence);
}

int MPIO_Err_return_file(MPI_File file, int code)
{
	return mpiio_raise(file, code);
}

int MPIO_Err_return_comm(MPI_Comm communicator, int code)
{
	PMPI_Comm_call_errhandler(communicator, code);
	return code;
}

int mpiio_share_code(MPI_File file, int code)
{
	struct {
		int class;
		char sentence[MPI_MAX_ERROR_STRING];
	} told = { .class = MPI_SUCCESS };
	int rank, length;

	PMPI_Comm_rank(file->comm, &rank);
	if (rank == 0 && code != MPI_SUCCESS) {
		PMPI_Error_class(code, &told.class);
		PMPI_Error_string(code, told.sentence, &length);
	}
	PMPI_Bcast(&told, sizeof told, MPI_BYTE, 0, file->comm);
	if (rank == 0 || told.class == MPI_SUCCESS || code != MPI_SUCCESS)
		return code;
	return mpiio_raise(file, mpiio_error_code(MPI_SUCCESS, told.class, "rank 0", 0, told.sentence));
}
