/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Error handlers of our files. The MPI library makes and counts them; we note what function is behind each, because
 * only the library that opened a file can call its handler with that file.
 */
#include "glue.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* Who made a handler, which decides how its function is called. */
enum language { LANGUAGE_C, LANGUAGE_FORTRAN, LANGUAGE_CXX };

struct made {
	struct made *next;
	MPI_Errhandler handler;
	MPI_File_errhandler_function *function;
	enum language language;
};

/* What the C++ bindings give, to be called with the kind of object (2 is a file), the object, the code, the function. */
typedef void (*cxx_caller)(int kind, MPI_File *file, int *code, mpiio_function function);
#define CXX_KIND_FILE 2

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct made *all;
static cxx_caller call_cxx;

static struct made *find(MPI_Errhandler handler)
{
	struct made *made = all;

	while (made != NULL && made->handler != handler)
		made = made->next;
	return made;
}

static bool is_predefined(MPI_Errhandler handler)
{
	return handler == MPI_ERRORS_RETURN || handler == MPI_ERRORS_ARE_FATAL || handler == MPI_ERRORS_ABORT ||
	       handler == MPI_ERRHANDLER_NULL;
}

/*
 * One more reference to a handler, so that its maker may free it. MPI has no call for that; but to set a handler on a
 * file and to get it from there again is one, and MPI_FILE_NULL is a file for that. Its own handler is put back at once:
 * only a thread that opens a file in this very moment could take the wrong one.
 */
static MPI_Errhandler referenced(MPI_Errhandler handler)
{
	int (*set)(MPI_File, MPI_Errhandler) = (int (*)(MPI_File, MPI_Errhandler))mpiio_native("PMPI_File_set_errhandler");
	int (*get)(MPI_File, MPI_Errhandler *) =
		(int (*)(MPI_File, MPI_Errhandler *))mpiio_native("PMPI_File_get_errhandler");
	MPI_Errhandler before, copy = MPI_ERRORS_RETURN;

	if (is_predefined(handler))
		return handler;
	pthread_mutex_lock(&lock);
	if (get(MPI_FILE_NULL, &before) == MPI_SUCCESS) {
		if (set(MPI_FILE_NULL, handler) == MPI_SUCCESS)
			get(MPI_FILE_NULL, &copy);
		set(MPI_FILE_NULL, before);
		if (!is_predefined(before))
			PMPI_Errhandler_free(&before);
	}
	pthread_mutex_unlock(&lock);
	return copy;
}

static void release(MPI_Errhandler handler)
{
	if (!is_predefined(handler))
		PMPI_Errhandler_free(&handler);
}

void mpiio_inherit_handler(MPI_File file)
{
	int (*get)(MPI_File, MPI_Errhandler *) =
		(int (*)(MPI_File, MPI_Errhandler *))mpiio_native("PMPI_File_get_errhandler");
	MPI_Errhandler handler;

	if (get(MPI_FILE_NULL, &handler) == MPI_SUCCESS)
		release(mpiio_exchange_handler(file, handler));
}

static int abort_with(MPI_File file, int code)
{
	char sentence[MPI_MAX_ERROR_STRING];
	int length = 0;

	(void)file;
	PMPI_Error_string(code, sentence, &length);
	fprintf(stderr, "MPI-IO: %.*s\n", length, sentence);
	PMPI_Abort(MPI_COMM_WORLD, code);
	return code;
}

static void call(struct made *made, MPI_File file, int code)
{
	MPI_Fint number, fortran_code = (MPI_Fint)code;

	switch (made->language) {
	case LANGUAGE_FORTRAN:
		if (mpiio_number(file, &number))
			((void (*)(MPI_Fint *, MPI_Fint *))(mpiio_function)made->function)(&number, &fortran_code);
		break;
	case LANGUAGE_CXX:
		if (call_cxx != NULL)
			call_cxx(CXX_KIND_FILE, &file, &code, (mpiio_function)made->function);
		break;
	case LANGUAGE_C:
		made->function(&file, &code);
		break;
	}
}

int mpiio_raise(MPI_File file, int code)
{
	MPI_Errhandler handler;
	struct made made;
	struct made *found;

	if (code == MPI_SUCCESS)
		return code;
	if (!mpiio_handler(file, &handler)) {
		int (*native)(MPI_File, int) = (int (*)(MPI_File, int))mpiio_native("PMPI_File_call_errhandler");

		native(MPI_FILE_NULL, code);
		return code;
	}
	if (handler == MPI_ERRORS_ARE_FATAL || handler == MPI_ERRORS_ABORT)
		return abort_with(file, code);
	pthread_mutex_lock(&lock);
	found = find(handler);
	if (found != NULL)
		made = *found;
	pthread_mutex_unlock(&lock);
	/* One that nobody has made is MPI_ERRORS_RETURN, or comes from C++ and throws what no C function may let pass. */
	if (found != NULL)
		call(&made, file, code);
	return code;
}

/* The functions of MPI about them. */

int PMPI_File_create_errhandler(MPI_File_errhandler_function *function, MPI_Errhandler *handler)
{
	int (*native)(MPI_File_errhandler_function *, MPI_Errhandler *) =
		(int (*)(MPI_File_errhandler_function *, MPI_Errhandler *))mpiio_native("PMPI_File_create_errhandler");
	int code = native(function, handler);
	struct made *made;

	if (code != MPI_SUCCESS)
		return code;
	pthread_mutex_lock(&lock);
	/* The MPI library gives the value of a handler that was freed to another one. */
	made = find(*handler);
	if (made == NULL) {
		made = malloc(sizeof *made);
		if (made != NULL) {
			made->next = all;
			all = made;
		}
	}
	if (made != NULL) {
		made->handler = *handler;
		made->function = function;
		made->language = LANGUAGE_C;
	}
	pthread_mutex_unlock(&lock);
	return code;
}

int PMPI_File_set_errhandler(MPI_File file, MPI_Errhandler handler)
{
	int (*native)(MPI_File, MPI_Errhandler) =
		(int (*)(MPI_File, MPI_Errhandler))mpiio_native("PMPI_File_set_errhandler");

	if (!mpiio_is_ours(file) || handler == MPI_ERRHANDLER_NULL)
		return native(file, handler);
	release(mpiio_exchange_handler(file, referenced(handler)));
	return MPI_SUCCESS;
}

int PMPI_File_get_errhandler(MPI_File file, MPI_Errhandler *handler)
{
	int (*native)(MPI_File, MPI_Errhandler *) =
		(int (*)(MPI_File, MPI_Errhandler *))mpiio_native("PMPI_File_get_errhandler");
	MPI_Errhandler own;

	if (!mpiio_is_ours(file) || handler == NULL)
		return native(file, handler);
	if (!mpiio_handler(file, &own))
		return native(MPI_FILE_NULL, handler);
	*handler = referenced(own);
	return MPI_SUCCESS;
}

int PMPI_File_call_errhandler(MPI_File file, int code)
{
	int (*native)(MPI_File, int) = (int (*)(MPI_File, int))mpiio_native("PMPI_File_call_errhandler");

	if (!mpiio_is_ours(file))
		return native(file, code);
	mpiio_raise(file, code);
	return MPI_SUCCESS;
}

/* MPICH's bindings for C++ call this after they have made a handler. */

static void note_language(MPI_Errhandler handler, enum language language)
{
	struct made *made;

	pthread_mutex_lock(&lock);
	made = find(handler);
	if (made != NULL)
		made->language = language;
	pthread_mutex_unlock(&lock);
}

void MPII_Errhandler_set_cxx(MPI_Errhandler handler, mpiio_function caller)
{
	void (*native)(MPI_Errhandler, mpiio_function) =
		(void (*)(MPI_Errhandler, mpiio_function))mpiio_native("MPII_Errhandler_set_cxx");

	native(handler, caller);
	call_cxx = (cxx_caller)caller;
	note_language(handler, LANGUAGE_CXX);
}

/* The other names. */
int MPI_File_create_errhandler(MPI_File_errhandler_function *function, MPI_Errhandler *handler)
	__attribute__((alias("PMPI_File_create_errhandler")));
int MPI_File_set_errhandler(MPI_File file, MPI_Errhandler handler)
	__attribute__((alias("PMPI_File_set_errhandler")));
int MPI_File_get_errhandler(MPI_File file, MPI_Errhandler *handler)
	__attribute__((alias("PMPI_File_get_errhandler")));
int MPI_File_call_errhandler(MPI_File file, int code) __attribute__((alias("PMPI_File_call_errhandler")));
