/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The driver: the `daos:` file system of ROMIO, whose operations stand in operations.c. A file is one of a POSIX
 * container, reached by libdfs.
 */
#ifndef MPIIO_DRIVER_H
#define MPIIO_DRIVER_H

#include <adio.h>
#include <daos.h>
#include <daos_fs.h>
#include <stdbool.h>

/** Bytes of a sentence about a failure; the MPI library cuts what is longer. */
#define MPIIO_SENTENCE_BYTES 512

/**
 * What went wrong: an errno, zero when nothing did, and a sentence that says what failed, on what, and what to do. It has
 * no pointers, so that the rank that failed can tell the others.
 */
struct mpiio_failure {
	int number;
	char sentence[MPIIO_SENTENCE_BYTES];
};

/** Fills in a failure and gives its number. */
int mpiio_fail(struct mpiio_failure *failure, int number, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/** The same for a call of libdaos that gave a negative DER number; the sentence gets that one's text too. */
int mpiio_fail_der(struct mpiio_failure *failure, int der, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/** The error code of MPI for a failure; MPI_SUCCESS for none. */
int mpiio_code(const struct mpiio_failure *failure, const char *where);
/** Tells the failure of rank `from` to all ranks of a communicator. */
void mpiio_tell(struct mpiio_failure *failure, int from, MPI_Comm communicator);

/** A file's name taken apart. */
struct mpiio_name {
	char pool[DAOS_PROP_LABEL_MAX_LEN + 1];
	char container[DAOS_PROP_LABEL_MAX_LEN + 1];
	/* Absolute in the container. */
	char path[PATH_MAX];
};

/** Takes a name apart; what ROMIO gives has no prefix any more. */
int mpiio_parse(const char *text, struct mpiio_name *name, struct mpiio_failure *failure);
/** Splits a path at its last slash: `directory` gets what is before, "/" for the root; gives the last part. */
const char *mpiio_last_part(const char *path, char *directory);

/** A container that is mounted. */
struct mpiio_mount {
	daos_handle_t pool;
	daos_handle_t container;
	dfs_t *dfs;
	/* O_RDONLY or O_RDWR. */
	int flags;
	/* Only of those that this process has connected itself: the list of them, and how many files use it. */
	struct mpiio_mount *next;
	unsigned users;
	bool is_guest;
	char pool_name[DAOS_PROP_LABEL_MAX_LEN + 1];
	char container_name[DAOS_PROP_LABEL_MAX_LEN + 1];
};

/** Connects, or shares the connection of another file of this process. Read-only when `flags` say so and no more is allowed. */
int mpiio_mount(const struct mpiio_name *name, int flags, struct mpiio_mount **mount, struct mpiio_failure *failure);
/** Writes a mount and a file as bytes for other processes; the caller frees them. */
int mpiio_export(struct mpiio_mount *mount, dfs_obj_t *object, void **bytes, size_t *size,
	struct mpiio_failure *failure);
/** Makes a mount and a file of such bytes. */
int mpiio_import(const void *bytes, size_t size, int flags, struct mpiio_mount **mount, dfs_obj_t **object,
	struct mpiio_failure *failure);
/** Ends the use of a mount. */
void mpiio_unmount(struct mpiio_mount *mount);

/** An open file: what ADIO_File's fs_ptr points to. */
struct mpiio_file {
	struct mpiio_mount *mount;
	dfs_obj_t *object;
	/* The object with the shared file pointer and the lock of atomic mode, see shared.c. */
	daos_obj_id_t shared_id;
	daos_handle_t shared;
	bool shared_is_open;
};

/** The file behind ROMIO's. */
static inline struct mpiio_file *mpiio_file(ADIO_File fd)
{
	return fd->fs_ptr;
}

/** Releases the object of a shared pointer; the rank with `last` set removes it. */
void mpiio_close_shared(struct mpiio_file *file, bool was_used, bool last);
/** Locks a file for one access in atomic mode, and unlocks it. Nothing without atomic mode. */
int mpiio_lock(ADIO_File fd, struct mpiio_failure *failure);
void mpiio_unlock(ADIO_File fd);

/** Bytes in the file and the memory that they come from or go to, in the same order. */
struct mpiio_layout {
	daos_range_t *ranges;
	size_t range_count;
	size_t range_room;
	d_iov_t *pieces;
	size_t piece_count;
	size_t piece_room;
	/* Bytes of all ranges, which are those of all pieces. */
	daos_size_t bytes;
	/* Where the individual file pointer stands after the access. */
	ADIO_Offset next;
};

/** Lays out an access of `count` elements of `type`, from an offset in etypes or, with ADIO_INDIVIDUAL, from the pointer. */
int mpiio_lay_out(ADIO_File fd, const void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	struct mpiio_layout *layout, struct mpiio_failure *failure);
void mpiio_free_layout(struct mpiio_layout *layout);
/** Reads or writes what was laid out. `done` gets the bytes up to the end of the file. */
int mpiio_transfer(ADIO_File fd, struct mpiio_layout *layout, bool is_write, daos_size_t *done,
	struct mpiio_failure *failure);

/* The operations. */
void mpiio_open_all(ADIO_File fd, int rank, int mode, int *code);
void mpiio_open_alone(ADIO_File fd, int *code);
void mpiio_close(ADIO_File fd, int *code);
void mpiio_delete(const char *name, int *code);
void mpiio_control(ADIO_File fd, int what, ADIO_Fcntl_t *argument, int *code);
void mpiio_flush(ADIO_File fd, int *code);
void mpiio_resize(ADIO_File fd, ADIO_Offset size, int *code);
int mpiio_feature(ADIO_File fd, int feature);
void mpiio_set_hints(ADIO_File fd, MPI_Info info, int *code);
void mpiio_read(ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	ADIO_Status *status, int *code);
void mpiio_write(ADIO_File fd, const void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	ADIO_Status *status, int *code);
void mpiio_read_strided(ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	ADIO_Status *status, int *code);
void mpiio_write_strided(ADIO_File fd, const void *buffer, int count, MPI_Datatype type, int pointer,
	ADIO_Offset offset, ADIO_Status *status, int *code);
void mpiio_read_all(ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	ADIO_Status *status, int *code);
void mpiio_write_all(ADIO_File fd, const void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	ADIO_Status *status, int *code);
void mpiio_start_read(ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset,
	ADIO_Request *request, int *code);
void mpiio_start_write(ADIO_File fd, const void *buffer, int count, MPI_Datatype type, int pointer,
	ADIO_Offset offset, ADIO_Request *request, int *code);
void mpiio_start_read_strided(ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer,
	ADIO_Offset offset, ADIO_Request *request, int *code);
void mpiio_start_write_strided(ADIO_File fd, const void *buffer, int count, MPI_Datatype type, int pointer,
	ADIO_Offset offset, ADIO_Request *request, int *code);

#endif
