/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Hints. ROMIO compares most of them among the ranks, by a broadcast that only those ranks take part in which were given the hint: ranks that
 * were given different ones wait for ever. And it takes any number: a buffer of -1 bytes ends the program. So the ranks take what rank 0
 * was given, as far as it can be used; what cannot is no hint.
 */
#include "../glue/glue.h"
#include "driver.h"

#include <daos_obj_class.h>
#include <errno.h>
#include <limits.h>

/* What values a hint has. */
enum kind { NUMBER, WORD, CLASS };

/*
 * All hints that have a meaning, with the least number. Not romio_cb_pfr: ROMIO's way to transfer by realms of a file ends the program when a
 * file is closed that was never accessed so.
 */
static const struct known {
	const char *key;
	enum kind kind;
	int least;
} KNOWN[] = {
	{ "cb_buffer_size", NUMBER, 1 },
	{ "cb_nodes", NUMBER, 1 },
	{ "cb_config_list", WORD, 0 },
	{ "ind_rd_buffer_size", NUMBER, 1 },
	{ "ind_wr_buffer_size", NUMBER, 1 },
	{ "romio_cb_alltoall", WORD, 0 },
	{ "romio_cb_ds_threshold", NUMBER, 0 },
	{ "romio_cb_fr_alignment", NUMBER, 1 },
	{ "romio_cb_fr_type", NUMBER, -1 },
	{ "romio_cb_read", WORD, 0 },
	{ "romio_cb_write", WORD, 0 },
	{ "romio_ds_read", WORD, 0 },
	{ "romio_ds_write", WORD, 0 },
	{ "romio_min_fdomain_size", NUMBER, 0 },
	{ "romio_no_indep_rw", WORD, 0 },
	{ "romio_synchronized_flush", WORD, 0 },
	{ "striping_unit", NUMBER, 1 },
	{ "romio_daos_chunk_size", NUMBER, 1 },
	{ "romio_daos_obj_class", CLASS, 0 },
};
enum { COUNT = sizeof KNOWN / sizeof *KNOWN };

/* The value of each that was given, and empty ones. */
struct hints {
	char values[COUNT][MPI_MAX_INFO_VAL + 1];
};

static bool is_usable(const struct known *known, const char *value)
{
	char *end;
	long number;

	if (known->kind == CLASS)
		return daos_oclass_name2id(value) > 0;
	if (known->kind == WORD)
		return value[0] != '\0';
	errno = 0;
	number = strtol(value, &end, 10);
	return errno == 0 && end != value && *end == '\0' && number >= known->least && number <= INT_MAX;
}

static void take(MPI_Info info, struct hints *hints)
{
	int given;

	memset(hints, 0, sizeof *hints);
	for (int i = 0; i < COUNT && info != MPI_INFO_NULL; i++) {
		given = 0;
		ADIOI_Info_get(info, KNOWN[i].key, MPI_MAX_INFO_VAL, hints->values[i], &given);
		if (!given || !is_usable(&KNOWN[i], hints->values[i]))
			memset(hints->values[i], 0, sizeof hints->values[i]);
	}
}

/* Gives all ranks the hints of rank 0. Most of the time they are the same, and mostly none. */
static void agree(struct hints *hints, MPI_Comm communicator)
{
	/* The FNV-1a hash. */
	uint64_t hash = 0xcbf29ce484222325, both[2];

	for (int i = 0; i < COUNT; i++) {
		for (const char *byte = hints->values[i]; *byte != '\0'; byte++)
			hash = (hash ^ (unsigned char)*byte) * 0x100000001b3;
		hash = (hash ^ UCHAR_MAX) * 0x100000001b3;
	}
	both[0] = hash;
	both[1] = ~hash;
	MPI_Allreduce(MPI_IN_PLACE, both, 2, MPI_UINT64_T, MPI_MIN, communicator);
	if (both[0] != ~both[1])
		MPI_Bcast(hints, sizeof *hints, MPI_BYTE, 0, communicator);
}

/* The value of a hint, or NULL. */
static const char *value_of(const struct hints *hints, const char *key)
{
	for (int i = 0; i < COUNT; i++) {
		if (strcmp(KNOWN[i].key, key) == 0)
			return hints->values[i][0] != '\0' ? hints->values[i] : NULL;
	}
	return NULL;
}

/* What matters when a file is made. */
static void take_layout(ADIO_File fd, const struct hints *hints)
{
	const char *chunk = value_of(hints, "romio_daos_chunk_size"), *class = value_of(hints, "romio_daos_obj_class");

	/* The general hint for this. */
	if (chunk == NULL)
		chunk = value_of(hints, "striping_unit");
	if (chunk != NULL)
		fd->hints->fs_hints.daos.chunk_size = atoi(chunk);
	if (class != NULL) {
		fd->hints->fs_hints.daos.obj_class = daos_oclass_name2id(class);
		ADIOI_Info_set(fd->info, "romio_daos_obj_class", class);
	}
}

void mpiio_set_hints(ADIO_File fd, MPI_Info info, int *code)
{
	struct hints hints;
	MPI_Info usable = MPI_INFO_NULL;

	take(info, &hints);
	agree(&hints, fd->comm);
	for (int i = 0; i < COUNT; i++) {
		if (hints.values[i][0] == '\0')
			continue;
		if (usable == MPI_INFO_NULL)
			MPI_Info_create(&usable);
		ADIOI_Info_set(usable, KNOWN[i].key, hints.values[i]);
	}
	ADIOI_GEN_SetInfo(fd, usable, code);
	if (usable != MPI_INFO_NULL)
		MPI_Info_free(&usable);
	if (*code == MPI_SUCCESS && !fd->is_open)
		take_layout(fd, &hints);
}

void mpiio_take_hints(MPI_File file, MPI_Info info)
{
	int code;

	/* ROMIO says nothing about hints of a view either. */
	mpiio_set_hints(file, info, &code);
}
