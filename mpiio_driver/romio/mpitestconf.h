/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* What MPICH's tests want to know of the system, for the few of them that we build without their configure script. */
#ifndef MPITESTCONF_H
#define MPITESTCONF_H

#define HAVE_STDARG_H 1
#define HAVE_STRING_H 1
#define HAVE_MEMORY_H 1
#define HAVE_UNISTD_H 1
#define HAVE_SYS_TIME_H 1
#define HAVE_SYS_RESOURCE_H 1
#define HAVE_GETRUSAGE 1
#define HAVE_MPI_WIN_CREATE 1
#define HAVE_MPI_INIT_THREAD 1
/* The number of POSIX among the kinds of threads that these tests know. */
#define THREAD_PACKAGE_NAME 2

#endif
