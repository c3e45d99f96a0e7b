/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The glue between ROMIO and an MPI library that it was not built into.
 *
 * Our library stands before the MPI library and has its MPI_File_* functions. Each of them asks whether the file is ours:
 * then ROMIO does the work, with the driver in ../src; else the MPI library's own function does.
 */
#ifndef MPIIO_GLUE_H
#define MPIIO_GLUE_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>

/** A function of any type, to be converted to its own before it is called. */
typedef void (*mpiio_function)(void);

/**
 * A function of the MPI library itself, never our own of the same name; NULL when it has none.
 */
mpiio_function mpiio_native(const char *name);

/** Whether a file of this name is ours: by the prefix of the name, or by ROMIO_FSTYPE_FORCE. */
bool mpiio_is_our_name(const char *name);
/** One of our names with the prefix by which ROMIO finds the driver; the caller frees it. */
char *mpiio_prefixed(const char *name);

/** What the glue keeps of an open file of ours. */
struct mpiio_handle {
	MPI_File file;
	/* The error handler; the reference is ours. */
	MPI_Errhandler handler;
	/* A handle that is being opened has the handler of MPI_FILE_NULL. */
	bool has_handler;
};

/** Whether the handle is an open file of ours. Any value may be asked for. */
bool mpiio_is_ours(MPI_File file);

/** The number of a file of ours in Fortran, and back; MPI_FILE_NULL when there is none. */
bool mpiio_number(MPI_File file, MPI_Fint *number);
MPI_File mpiio_numbered(MPI_Fint number);
bool mpiio_is_our_number(MPI_Fint number);

/**
 * Around an attempt to open a file: when it has failed, ROMIO has freed the memory of the handle and tells nobody. The MPI library may get
 * that memory for a file of its own, which must not be taken for ours.
 */
void mpiio_begin_open(void);
void mpiio_forget_failed(void);

/** Changes the error handler of a file of ours, and gives the old one to the caller. */
MPI_Errhandler mpiio_exchange_handler(MPI_File file, MPI_Errhandler handler);
/** The error handler of a file of ours, without a reference; false when it has none of its own yet. */
bool mpiio_handler(MPI_File file, MPI_Errhandler *handler);

/**
 * Waits for the other ranks of a file of ours, before the shared file pointer is set or read for all. ROMIO counts on
 * collective access to have brought the ranks together, which the driver's does not.
 */
void mpiio_meet(MPI_File file);
/** Before and after a split access is begun: when that fails and none was under way, none is. */
void mpiio_begin_split(MPI_File file);
void mpiio_begun_split(MPI_File file, int code);
/** Whether a file of ours was opened with MPI_MODE_RDONLY. */
bool mpiio_is_only_read(MPI_File file);
/**
 * Where the file ends in etypes of the view, and MPI_File_seek_shared; both give an error code. ROMIO's own take no notice of
 * a size that could not be had, and let other ranks wait for ever for one that failed.
 */
int mpiio_find_end(MPI_File file, MPI_Offset *end);
int mpiio_seek_shared(MPI_File file, MPI_Offset offset, int whence);
/** Between these two, a failure to move the shared file pointer is one of the access that follows, see forward.c. */
void mpiio_begin_shared(MPI_File file);
void mpiio_end_shared(MPI_File file);
/** Sets the shared file pointer to zero, on all ranks together, for a new view. */
void mpiio_reset_shared(MPI_File file);

/** Lets ROMIO's calls of a file of ours wait for the ranks of another communicator; gives the one that was. */
MPI_Comm mpiio_exchange_communicator(MPI_File file, MPI_Comm communicator);
/** Takes hints for a file of ours, on all ranks together. */
void mpiio_take_hints(MPI_File file, MPI_Info info);

/**
 * The driver converts data itself, so ROMIO only learns of a view's representation when it is asked for the view. The first one
 * is called behind a call that may have set or shown it, the second one before one that shows it.
 */
void mpiio_take_representation(MPI_File file);
void mpiio_show_representation(MPI_File file);

/** Gives a file that was just opened the handler of MPI_FILE_NULL. */
void mpiio_inherit_handler(MPI_File file);
/** Calls the error handler of a file of ours, or of MPI_FILE_NULL; gives the code back. */
int mpiio_raise(MPI_File file, int code);

/** Tells rank 0's error to the other ranks of a file, which report it as if it were theirs; gives each rank its code. */
int mpiio_share_code(MPI_File file, int code);

/**
 * Makes so many elements of a type one element of a larger type, when the count does not fit into an int. Gives that type, which
 * mpiio_free_larger frees, or MPI_DATATYPE_NULL when there is nothing to be done. A count that cannot be had becomes a negative one.
 */
MPI_Datatype mpiio_count_one(MPI_Count *count, MPI_Datatype *type);
void mpiio_free_larger(MPI_Datatype larger);

/** An error code with a class and a sentence. */
int mpiio_error_code(int previous, int class, const char *where, int line, const char *sentence);

#endif
