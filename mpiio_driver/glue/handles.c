/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* The table of our open files: it tells ours from the MPI library's, gives them numbers for Fortran, and keeps what
 * belongs to a handle but not to ROMIO. */
#include "glue.h"

#include <adio.h>
#include <pthread.h>
#include <stdlib.h>

/* Fortran's numbers of our files are above those of an MPI library, which count from zero. */
#define FIRST_NUMBER (1 << 29)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct mpiio_handle *table;
static size_t room;

/* The entry of a file, under the lock; NULL when there is none. MPI_FILE_NULL finds a free one. */
static struct mpiio_handle *entry(MPI_File file)
{
	for (size_t i = 0; i < room; i++) {
		if (table[i].file == file)
			return &table[i];
	}
	return NULL;
}

static struct mpiio_handle *free_entry(void)
{
	struct mpiio_handle *found = entry(MPI_FILE_NULL);
	struct mpiio_handle *larger;
	size_t old = room;

	if (found != NULL)
		return found;
	larger = realloc(table, (2 * room + 8) * sizeof *table);
	if (larger == NULL)
		return NULL;
	table = larger;
	room = 2 * room + 8;
	for (size_t i = old; i < room; i++)
		table[i] = (struct mpiio_handle){ .file = MPI_FILE_NULL };
	return &table[old];
}

/* What this thread has made last, until it is known what has come of it. */
static __thread MPI_File created = MPI_FILE_NULL;

/* ROMIO asks these three for the memory of a handle. */

MPI_File MPIO_File_create(int size)
{
	MPI_File file = ADIOI_Calloc(1, (size_t)size);
	struct mpiio_handle *found;

	if (file == NULL)
		return MPI_FILE_NULL;
	pthread_mutex_lock(&lock);
	found = free_entry();
	if (found != NULL)
		*found = (struct mpiio_handle){ .file = file };
	pthread_mutex_unlock(&lock);
	if (found == NULL) {
		ADIOI_Free(file);
		return MPI_FILE_NULL;
	}
	created = file;
	return file;
}

void mpiio_forget_failed(void)
{
	struct mpiio_handle *found;

	if (created == MPI_FILE_NULL)
		return;
	pthread_mutex_lock(&lock);
	found = entry(created);
	if (found != NULL)
		found->file = MPI_FILE_NULL;
	pthread_mutex_unlock(&lock);
	created = MPI_FILE_NULL;
}

void mpiio_begin_open(void)
{
	created = MPI_FILE_NULL;
}

void MPIO_File_free(MPI_File *file)
{
	struct mpiio_handle *found;

	pthread_mutex_lock(&lock);
	found = entry(*file);
	if (found != NULL)
		found->file = MPI_FILE_NULL;
	pthread_mutex_unlock(&lock);
	ADIOI_Free(*file);
	*file = MPI_FILE_NULL;
}

ADIO_File MPIO_File_resolve(MPI_File file)
{
	return file;
}

bool mpiio_is_ours(MPI_File file)
{
	bool found;

	if (file == MPI_FILE_NULL)
		return false;
	pthread_mutex_lock(&lock);
	found = entry(file) != NULL;
	pthread_mutex_unlock(&lock);
	return found;
}

bool mpiio_number(MPI_File file, MPI_Fint *number)
{
	struct mpiio_handle *found = NULL;

	if (file == MPI_FILE_NULL)
		return false;
	pthread_mutex_lock(&lock);
	found = entry(file);
	if (found != NULL)
		*number = FIRST_NUMBER + (MPI_Fint)(found - table);
	pthread_mutex_unlock(&lock);
	return found != NULL;
}

bool mpiio_is_our_number(MPI_Fint number)
{
	return number >= FIRST_NUMBER;
}

MPI_File mpiio_numbered(MPI_Fint number)
{
	MPI_File file = MPI_FILE_NULL;

	pthread_mutex_lock(&lock);
	if (number >= FIRST_NUMBER && (size_t)(number - FIRST_NUMBER) < room)
		file = table[number - FIRST_NUMBER].file;
	pthread_mutex_unlock(&lock);
	return file;
}

MPI_Errhandler mpiio_exchange_handler(MPI_File file, MPI_Errhandler handler)
{
	MPI_Errhandler old = MPI_ERRHANDLER_NULL;
	struct mpiio_handle *found;

	pthread_mutex_lock(&lock);
	found = entry(file);
	if (found != NULL) {
		if (found->has_handler)
			old = found->handler;
		found->handler = handler;
		found->has_handler = handler != MPI_ERRHANDLER_NULL;
	}
	pthread_mutex_unlock(&lock);
	return old;
}

bool mpiio_handler(MPI_File file, MPI_Errhandler *handler)
{
	struct mpiio_handle *found = NULL;
	bool has = false;

	pthread_mutex_lock(&lock);
	if (file != MPI_FILE_NULL)
		found = entry(file);
	if (found != NULL) {
		*handler = found->handler;
		has = found->has_handler;
	}
	pthread_mutex_unlock(&lock);
	return has;
}
