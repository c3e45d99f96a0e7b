/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* MPI's functions about files: ours go to ROMIO, all others to the MPI library. */
#include "glue.h"

#include <stdlib.h>

/* Fortran's conversions are macros in some versions of mpi.h. */
#undef MPI_File_c2f
#undef MPI_File_f2c
#undef PMPI_File_c2f
#undef PMPI_File_f2c

/*
 * The function under both of its names. A function that the MPI library does not have gives an error to who calls it,
 * which cannot be: it would have to be called by a program that was linked with that library.
 */
#define FORWARD(name, parameters, arguments, before, afterwards) \
	int romio_MPI_File_##name parameters; \
	int PMPI_File_##name parameters \
	{ \
		static int(*native) parameters; \
		if (mpiio_is_ours(file)) { \
			int code; \
			before; \
			code = romio_MPI_File_##name arguments; \
			afterwards; \
			return code; \
		} \
		if (native == NULL) \
			native = (int(*) parameters)mpiio_native("PMPI_File_" #name); \
		return native != NULL ? native arguments : MPI_ERR_INTERN; \
	} \
	int MPI_File_##name parameters __attribute__((alias("PMPI_File_" #name)));
#define FUNCTION(name, parameters, arguments) FORWARD(name, parameters, arguments, (void)0, (void)0)
#define FUNCTION_VIEW(name, parameters, arguments) \
	FORWARD(name, parameters, arguments, mpiio_show_representation(file), mpiio_take_representation(file))
/*
 * ROMIO makes an internal error of all that can happen to the shared pointer. In ordered access, it passes the turn to move
 * the pointer from rank to rank, and a rank that fails to move it passes it to nobody, so that the others wait for ever. The
 * driver keeps the failure until the access that follows.
 */
#define FUNCTION_SHARED(name, parameters, arguments) \
	FORWARD(name, parameters, arguments, mpiio_begin_shared(file), mpiio_end_shared(file))
/* A split access that could not be begun is not under way; ROMIO would refuse all that follow. */
#define FUNCTION_SPLIT(name, parameters, arguments) \
	FORWARD(name, parameters, arguments, mpiio_begin_split(file), mpiio_begun_split(file, code))
#define FUNCTION_SPLIT_SHARED(name, parameters, arguments) \
	FORWARD(name, parameters, arguments, mpiio_begin_split(file); mpiio_begin_shared(file), \
		mpiio_begun_split(file, code); mpiio_end_shared(file))
/*
 * ROMIO lets the ranks move the shared pointer one after the other, and counts on the access that follows to hold the first
 * of them back until the last one has moved it. The driver's access waits for nobody: the first rank would come to its next
 * access, and take the place of a rank that is still in this one.
 */
#define TOGETHER(name, parameters, arguments) \
	FORWARD(name, parameters, arguments, mpiio_begin_shared(file), mpiio_end_shared(file); mpiio_meet(file))
/*
 * ROMIO ends the program by an assertion when a count does not fit into an int. What is counted is then made one element of a
 * larger type.
 */
#define SMALL_COUNT MPI_Datatype larger = mpiio_count_one(&count, &type)
#define FREE_LARGER mpiio_free_larger(larger)
#define FUNCTION_C(name, parameters, arguments) FORWARD(name, parameters, arguments, SMALL_COUNT, FREE_LARGER)
#define FUNCTION_SHARED_C(name, parameters, arguments) \
	FORWARD(name, parameters, arguments, SMALL_COUNT; mpiio_begin_shared(file), mpiio_end_shared(file); FREE_LARGER)
#define FUNCTION_SPLIT_C(name, parameters, arguments) \
	FORWARD(name, parameters, arguments, SMALL_COUNT; mpiio_begin_split(file), mpiio_begun_split(file, code); FREE_LARGER)
#define FUNCTION_SPLIT_SHARED_C(name, parameters, arguments) \
	FORWARD(name, parameters, arguments, SMALL_COUNT; mpiio_begin_split(file); mpiio_begin_shared(file), \
		mpiio_begun_split(file, code); mpiio_end_shared(file); FREE_LARGER)
#define TOGETHER_C(name, parameters, arguments) \
	FORWARD(name, parameters, arguments, SMALL_COUNT; mpiio_begin_shared(file), \
		mpiio_end_shared(file); mpiio_meet(file); FREE_LARGER)

#include "functions.h"

int romio_MPI_File_open(MPI_Comm communicator, const char *name, int mode, MPI_Info info, MPI_File *file);
int romio_MPI_File_close(MPI_File *file);
int romio_MPI_File_delete(const char *name, MPI_Info info);

int PMPI_File_open(MPI_Comm communicator, const char *name, int mode, MPI_Info info, MPI_File *file)
{
	int (*native)(MPI_Comm, const char *, int, MPI_Info, MPI_File *) =
		(int (*)(MPI_Comm, const char *, int, MPI_Info, MPI_File *))mpiio_native("PMPI_File_open");
	char *prefixed;
	int code;

	if (!mpiio_is_our_name(name))
		return native(communicator, name, mode, info, file);
	prefixed = mpiio_prefixed(name);
	if (prefixed == NULL)
		return MPI_ERR_NO_MEM;
	mpiio_begin_open();
	code = romio_MPI_File_open(communicator, prefixed, mode, info, file);
	free(prefixed);
	if (code == MPI_SUCCESS)
		mpiio_inherit_handler(*file);
	else
		mpiio_forget_failed();
	return code;
}

int PMPI_File_close(MPI_File *file)
{
	int (*native)(MPI_File *) = (int (*)(MPI_File *))mpiio_native("PMPI_File_close");

	if (file == NULL || !mpiio_is_ours(*file))
		return native(file);
	return romio_MPI_File_close(file);
}

int PMPI_File_delete(const char *name, MPI_Info info)
{
	int (*native)(const char *, MPI_Info) = (int (*)(const char *, MPI_Info))mpiio_native("PMPI_File_delete");
	char *prefixed;
	int code;

	if (!mpiio_is_our_name(name))
		return native(name, info);
	prefixed = mpiio_prefixed(name);
	if (prefixed == NULL)
		return MPI_ERR_NO_MEM;
	code = romio_MPI_File_delete(prefixed, info);
	free(prefixed);
	return code;
}

MPI_Fint PMPI_File_c2f(MPI_File file)
{
	MPI_Fint (*native)(MPI_File) = (MPI_Fint(*)(MPI_File))mpiio_native("PMPI_File_c2f");
	MPI_Fint number;

	return mpiio_number(file, &number) ? number : native(file);
}

MPI_File PMPI_File_f2c(MPI_Fint number)
{
	MPI_File (*native)(MPI_Fint) = (MPI_File(*)(MPI_Fint))mpiio_native("PMPI_File_f2c");

	return mpiio_is_our_number(number) ? mpiio_numbered(number) : native(number);
}

int romio_MPI_File_preallocate(MPI_File file, MPI_Offset size);

int PMPI_File_preallocate(MPI_File file, MPI_Offset size)
{
	int (*native)(MPI_File, MPI_Offset) = (int (*)(MPI_File, MPI_Offset))mpiio_native("PMPI_File_preallocate");

	if (!mpiio_is_ours(file))
		return native(file, size);
	/* ROMIO lets rank 0 do it, and tells the others nothing. */
	return mpiio_share_code(file, romio_MPI_File_preallocate(file, size));
}

int romio_MPI_File_seek(MPI_File file, MPI_Offset offset, int whence);

int PMPI_File_seek(MPI_File file, MPI_Offset offset, int whence)
{
	int (*native)(MPI_File, MPI_Offset, int) = (int (*)(MPI_File, MPI_Offset, int))mpiio_native("PMPI_File_seek");
	MPI_Offset end;
	int code;

	if (!mpiio_is_ours(file))
		return native(file, offset, whence);
	if (whence != MPI_SEEK_END)
		return romio_MPI_File_seek(file, offset, whence);
	code = mpiio_find_end(file, &end);
	return code != MPI_SUCCESS ? mpiio_raise(file, code) : romio_MPI_File_seek(file, end + offset, MPI_SEEK_SET);
}

int romio_MPI_File_sync(MPI_File file);

int PMPI_File_sync(MPI_File file)
{
	int (*native)(MPI_File) = (int (*)(MPI_File))mpiio_native("PMPI_File_sync");

	if (!mpiio_is_ours(file))
		return native(file);
	/* ROMIO refuses it for a file that is only read, whose readers have to call it to see what others write. */
	return mpiio_is_only_read(file) ? MPI_SUCCESS : romio_MPI_File_sync(file);
}

int romio_MPI_File_set_view(MPI_File file, MPI_Offset offset, MPI_Datatype etype, MPI_Datatype filetype,
	const char *representation, MPI_Info info);

int PMPI_File_seek_shared(MPI_File file, MPI_Offset offset, int whence)
{
	int (*native)(MPI_File, MPI_Offset, int) =
		(int (*)(MPI_File, MPI_Offset, int))mpiio_native("PMPI_File_seek_shared");

	if (!mpiio_is_ours(file))
		return native(file, offset, whence);
	mpiio_meet(file);
	return mpiio_raise(file, mpiio_seek_shared(file, offset, whence));
}

int PMPI_File_set_view(MPI_File file, MPI_Offset offset, MPI_Datatype etype, MPI_Datatype filetype,
	const char *representation, MPI_Info info)
{
	int (*native)(MPI_File, MPI_Offset, MPI_Datatype, MPI_Datatype, const char *, MPI_Info) =
		(int (*)(MPI_File, MPI_Offset, MPI_Datatype, MPI_Datatype, const char *, MPI_Info))mpiio_native(
			"PMPI_File_set_view");
	MPI_Comm communicator;
	int code;

	if (!mpiio_is_ours(file))
		return native(file, offset, etype, filetype, representation, info);
	mpiio_meet(file);
	/* A rank whose view is refused leaves ROMIO's function at once; no other one may wait for it in there. */
	communicator = mpiio_exchange_communicator(file, MPI_COMM_SELF);
	code = romio_MPI_File_set_view(file, offset, etype, filetype, representation, MPI_INFO_NULL);
	mpiio_exchange_communicator(file, communicator);
	if (code == MPI_SUCCESS)
		mpiio_take_representation(file);
	/* All come here, whatever came of the view. */
	mpiio_reset_shared(file);
	mpiio_take_hints(file, info);
	return code;
}

/* A representation of data is registered with both, because it may be used with files of both. */

int romio_MPI_Register_datarep(const char *name, MPI_Datarep_conversion_function *read,
	MPI_Datarep_conversion_function *write, MPI_Datarep_extent_function *extent, void *state);
int romio_MPI_Register_datarep_c(const char *name, MPI_Datarep_conversion_function_c *read,
	MPI_Datarep_conversion_function_c *write, MPI_Datarep_extent_function *extent, void *state);

int PMPI_Register_datarep(const char *name, MPI_Datarep_conversion_function *read,
	MPI_Datarep_conversion_function *write, MPI_Datarep_extent_function *extent, void *state)
{
	int (*native)(const char *, MPI_Datarep_conversion_function *, MPI_Datarep_conversion_function *,
		MPI_Datarep_extent_function *, void *) =
		(int (*)(const char *, MPI_Datarep_conversion_function *, MPI_Datarep_conversion_function *,
			MPI_Datarep_extent_function *, void *))mpiio_native("PMPI_Register_datarep");
	int code = native(name, read, write, extent, state);

	return code != MPI_SUCCESS ? code : romio_MPI_Register_datarep(name, read, write, extent, state);
}

int PMPI_Register_datarep_c(const char *name, MPI_Datarep_conversion_function_c *read,
	MPI_Datarep_conversion_function_c *write, MPI_Datarep_extent_function *extent, void *state)
{
	int (*native)(const char *, MPI_Datarep_conversion_function_c *, MPI_Datarep_conversion_function_c *,
		MPI_Datarep_extent_function *, void *) =
		(int (*)(const char *, MPI_Datarep_conversion_function_c *, MPI_Datarep_conversion_function_c *,
			MPI_Datarep_extent_function *, void *))mpiio_native("PMPI_Register_datarep_c");
	int code = native(name, read, write, extent, state);

	return code != MPI_SUCCESS ? code : romio_MPI_Register_datarep_c(name, read, write, extent, state);
}

/* The other names. */
#define ALIAS(result, name, parameters) result MPI_##name parameters __attribute__((alias("PMPI_" #name)));

ALIAS(int, File_open, (MPI_Comm communicator, const char *name, int mode, MPI_Info info, MPI_File *file))
ALIAS(int, File_close, (MPI_File *file))
ALIAS(int, File_delete, (const char *name, MPI_Info info))
ALIAS(int, File_preallocate, (MPI_File file, MPI_Offset size))
ALIAS(int, File_sync, (MPI_File file))
ALIAS(int, File_seek, (MPI_File file, MPI_Offset offset, int whence))
ALIAS(int, File_seek_shared, (MPI_File file, MPI_Offset offset, int whence))
ALIAS(int, File_set_view,
	(MPI_File file, MPI_Offset offset, MPI_Datatype etype, MPI_Datatype filetype, const char *representation,
		MPI_Info info))
ALIAS(MPI_Fint, File_c2f, (MPI_File file))
ALIAS(MPI_File, File_f2c, (MPI_Fint number))
ALIAS(int, Register_datarep,
	(const char *name, MPI_Datarep_conversion_function *read, MPI_Datarep_conversion_function *write,
		MPI_Datarep_extent_function *extent, void *state))
ALIAS(int, Register_datarep_c,
	(const char *name, MPI_Datarep_conversion_function_c *read, MPI_Datarep_conversion_function_c *write,
		MPI_Datarep_extent_function *extent, void *state))
