/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The files of sequences.c: the two that are compared, the array of bytes that both must be like, and the view of both. */
#ifndef SEQUENCES_FILES_H
#define SEQUENCES_FILES_H

#include "../access.h"
#include "../test.h"

/** Bytes of a file at most, and of a rank's memory. */
enum { FILE_BYTES = 1 << 17, MEMORY_BYTES = 32768 };

/** The file of each kind, and where it is; how many of them are compared. */
extern MPI_File files[2];
extern const char *directories[2];
extern int file_count;

/** What the bytes of both files must be, how many there are, and the mode with which the files are open. */
extern unsigned char model[FILE_BYTES];
extern int model_size, mode;

/** The view of both files: its type, where it begins, and from one copy of the type to the next one. */
extern struct shape view;
extern int view_start, view_extent;
/** Each rank sees other bytes than the others. */
extern bool is_disjoint;

/** A number below a bound, the same on all ranks. */
unsigned draw(unsigned below);
/** Where a byte of a rank's view is in the file. */
int place(int rank, int at);
/** Elements of the view that lie within the file's bound. */
int elements_max(void);
bool may_read(void);
bool may_write(void);

/** Leaves the local file when any rank has found it to be wrong. */
void judge_local(int is_wrong, const char *what);
/** The class of an error code. */
int class_of(int code);
/** The same call on all files, which must end the same; gives the class of error. */
#define BOTH(call) \
	({ \
		int classes[2] = { 0 }; \
		for (int which = 0; which < file_count; which++) { \
			MPI_File file = files[which]; \
			classes[which] = class_of(call); \
			MPI_Barrier(MPI_COMM_WORLD); \
		} \
		if (file_count > 1) \
			judge_local(classes[1] != classes[0], #call); \
		classes[0]; \
	})
#define BOTH_WELL(call) CHECK(BOTH(call) == MPI_SUCCESS)

/** A number that a call gives, the same of all files. */
MPI_Offset number_of(int (*call)(MPI_File, MPI_Offset *), const char *what);
#define POSITION() number_of(MPI_File_get_position, "position")
#define SHARED_POSITION() number_of(MPI_File_get_position_shared, "shared position")

/** Gives both files a view of elements of so many bytes: a random one, or a plain one. */
void set_view(int unit, bool is_plain);
/** Looks whether both files are like the array. */
void compare_files(void);
/** Opens both files, which must end the same; gives the class of error. */
int open_files(int new_mode);
void close_files(void);

/** A random access to both files. */
void access_files(void);

#endif
