/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* What the tests of the driver share: checks that name their place, and names of files. */
#ifndef MPIIO_TEST_H
#define MPIIO_TEST_H

#include <mpi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Rank and number of ranks, set by test_begin. */
extern int test_rank, test_ranks;
/** Where files are made: `daos:/POOL/CONTAINER`, or a local directory. */
extern const char *test_directory;
/** What the program does at the moment, said when it fails; empty when the place in the source is enough. */
extern char test_doing[256];

/** Ends the job when a condition does not hold. */
#define CHECK(condition) \
	do { \
		if (!(condition)) \
			test_failed(__FILE__, __LINE__, #condition); \
	} while (0)
/** Ends the job when a call of MPI fails. */
#define CALL(call) test_call(__FILE__, __LINE__, #call, call)
/** Ends the job unless a call fails with a class of error. */
#define FAILS(class, call) test_fails(__FILE__, __LINE__, #call, class, call)

void test_failed(const char *file, int line, const char *text);
void test_call(const char *file, int line, const char *text, int code);
void test_fails(const char *file, int line, const char *text, int class, int code);
/** Starts MPI; the first argument of the program is where files are made. */
void test_begin(int *count, char ***arguments);
/** Says that all went well. */
int test_end(void);
/** The name of a file in the directory; it stays until the second call after this one. */
const char *test_name(const char *name);
/** Opens a file in the directory on all ranks. */
MPI_File test_open(const char *name, int mode);

#endif
