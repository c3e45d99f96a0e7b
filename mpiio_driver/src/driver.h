/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The driver: the `daos:` file system of ROMIO, whose operations stand in operations.c. A file is one of a POSIX
 * container, reached by libdfs.
 */
#ifndef MPIIO_DRIVER_H
#define MPIIO_DRIVER_H

#include <adio.h>
#include <daos.h>
#include <daos_array.h>
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
/** The same for a call about an open file, whose handles others may have closed. */
int mpiio_fail_file(ADIO_File fd, struct mpiio_failure *failure, int der, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/** The error code of MPI for a failure; MPI_SUCCESS for none. */
int mpiio_code(const struct mpiio_failure *failure, const char *where);
/** Tells the failure of rank `from` to all ranks of a communicator. */
void mpiio_tell(struct mpiio_failure *failure, int from, MPI_Comm communicator);
/** Gives all ranks the failure of the first of them that has one. */
void mpiio_agree(struct mpiio_failure *failure, MPI_Comm communicator);

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
	/* Its handles were closed by others. Files that are open can only be closed; new ones need another connection. */
	bool is_lost;
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
/** Whether its handles were closed by others; asks the pool. */
bool mpiio_ask_if_lost(struct mpiio_mount *mount);
/** Ends the use of a mount. */
void mpiio_unmount(struct mpiio_mount *mount);

/** An open file: what ADIO_File's fs_ptr points to. */
struct mpiio_file {
	struct mpiio_mount *mount;
	dfs_obj_t *object;
	/* The bytes of the file as an array, which belongs to the object. Its calls give DER numbers, of which libdfs would only leave an errno. */
	daos_handle_t array;
	/* The object with the shared file pointer and the lock of atomic mode, see shared.c. */
	daos_obj_id_t shared_id;
	daos_handle_t shared;
	bool shared_is_open;
	/* A connection that says to other ranks that this one is there, and the number of its access in atomic mode, see atomic.c. */
	daos_handle_t life;
	bool life_is_open;
	uint64_t turn;
	/* During an access by the shared pointer: what went wrong when that was moved, for the access to say. */
	bool is_shared_access;
	struct mpiio_failure delayed;
	/* During two-phase buffering: where what went wrong is kept until all ranks have done their part, see transfer.c. */
	struct mpiio_failure *held;
	/* The data of the view is in the representation external32, see representation.c. */
	bool is_external32;
	/* Whether a split access was under way when another one was begun. */
	bool had_split;
};

/** The file behind ROMIO's. */
static inline struct mpiio_file *mpiio_file(ADIO_File fd)
{
	return fd->fs_ptr;
}

/** What is waited for is looked at so often at most, with a pause before each time: about two minutes. */
#define MPIIO_WAITS_MAX 120000
void mpiio_pause_before(unsigned attempt);

/** Opens the object that the ranks of a file share. */
int mpiio_open_shared(ADIO_File fd, struct mpiio_failure *failure);
/** Releases it; the rank with `last` set removes it. */
void mpiio_close_shared(ADIO_File fd, bool was_used, bool last);
/** What is done in a transaction: zero, or what ends it with nothing done. */
typedef int mpiio_step(ADIO_File fd, daos_handle_t transaction, void *argument);
/** Does a step in a transaction, again as long as others are in its way. Gives what the step or the commit has given. */
int mpiio_transact(ADIO_File fd, mpiio_step *step, void *argument);

/** Locks a file for one access in atomic mode, and unlocks it. Nothing without atomic mode. */
int mpiio_lock(ADIO_File fd, struct mpiio_failure *failure);
void mpiio_unlock(ADIO_File fd);
/** Gives up what says that this rank is there. */
void mpiio_end_life(struct mpiio_file *file);
/** The most bytes that are written at once with the lock held; all of them within one chunk of the file. */
#define MPIIO_LOCKED_BYTES_MAX (16 << 20)
/** What one call reads or writes. */
struct mpiio_part {
	daos_array_iod_t ranges;
	d_sg_list_t pieces;
	bool is_write;
};
/** Reads or writes in a transaction, or in none; zero or a DER number. */
int mpiio_call(struct mpiio_file *file, daos_handle_t transaction, struct mpiio_part *part);
/** Another rank has the lock, or has had it since. Not an error number of DAOS's. */
#define MPIIO_LOCK_TAKEN 1
/** Reads or writes with the lock held; zero, a DER number, or MPIIO_LOCK_TAKEN. */
int mpiio_call_locked(ADIO_File fd, struct mpiio_part *part);

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
/** Of each block of a type that ADIOI_Flatten_and_find gave, the lengths of all blocks before it together. */
const ADIO_Offset *mpiio_before(const ADIOI_Flatlist_node *flat);
/** The position in the view, in bytes, of the first byte at or behind an offset in the file. */
ADIO_Offset mpiio_position(ADIO_File fd, ADIO_Offset offset);
/** Where the file ends, in etypes of the view: at the first one that begins at or behind its last byte. */
int mpiio_end(ADIO_File fd, ADIO_Offset *end, struct mpiio_failure *failure);
/** Reads or writes what was laid out. `done` gets the bytes up to the end of the file. */
int mpiio_transfer(ADIO_File fd, struct mpiio_layout *layout, bool is_write, daos_size_t *done,
	struct mpiio_failure *failure);

/** An access from end to end: gives the bytes for the status, and an error code. */
typedef int mpiio_access(ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer, ADIO_Offset offset, bool is_write,
	ADIO_Status *status, const char *where);
/** The same with data that is external32 in the file. */
int mpiio_access_external32(mpiio_access *access, ADIO_File fd, void *buffer, int count, MPI_Datatype type, int pointer,
	ADIO_Offset offset, bool is_write, ADIO_Status *status, const char *where);

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
