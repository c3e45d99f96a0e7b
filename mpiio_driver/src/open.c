/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* To open and to close a file, which all ranks of a communicator do together, and to delete one. */
#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* What the rank that opens tells the others, before the bytes of its handles. */
struct opened {
	struct mpiio_failure failure;
	daos_obj_id_t shared_id;
	uint64_t chunk_bytes;
	uint64_t handle_bytes;
	/* With MPI_MODE_APPEND, where the file ends. */
	uint64_t end;
	int flags;
};

static int flags_of(int mode)
{
	if (mode & ADIO_RDONLY)
		return O_RDONLY;
	return mode & ADIO_WRONLY ? O_WRONLY : O_RDWR;
}

static mode_t permissions(ADIO_File fd)
{
	mode_t mask;

	if (fd->perm != ADIO_PERM_NULL)
		return (mode_t)fd->perm;
	mask = umask(022);
	umask(mask);
	return 0666 & ~mask;
}

/* Opens a file that is there. A link is followed. */
static int look_up(dfs_t *dfs, const struct mpiio_name *name, int flags, dfs_obj_t **object,
	struct mpiio_failure *failure)
{
	dfs_obj_t *found;
	mode_t mode;
	int rc = dfs_lookup(dfs, name->path, flags == O_RDWR ? O_RDWR : O_RDONLY, &found, &mode, NULL);

	if (rc == 0 && !S_ISREG(mode)) {
		dfs_release(found);
		rc = EISDIR;
	} else if (rc == 0 && flags == O_WRONLY) {
		/* A path is looked up for reading, or for both. */
		rc = dfs_dup(dfs, found, O_WRONLY, object);
		dfs_release(found);
	} else if (rc == 0) {
		*object = found;
	}
	if (rc != 0)
		return mpiio_fail(failure, rc, "cannot open %s in container %s of pool %s", name->path, name->container,
			name->pool);
	return 0;
}

static int create(ADIO_File fd, dfs_t *dfs, const struct mpiio_name *name, int flags, dfs_obj_t **object,
	struct mpiio_failure *failure)
{
	char directory[PATH_MAX];
	const char *last = mpiio_last_part(name->path, directory);
	dfs_obj_t *parent = NULL;
	mode_t mode;
	int rc = 0;

	if (strcmp(directory, "/") != 0)
		rc = dfs_lookup(dfs, directory, O_RDWR, &parent, &mode, NULL);
	if (rc == 0)
		rc = dfs_open(dfs, parent, last, S_IFREG | permissions(fd), flags | O_CREAT,
			(daos_oclass_id_t)fd->hints->fs_hints.daos.obj_class,
			(daos_size_t)fd->hints->fs_hints.daos.chunk_size, NULL, object);
	if (parent != NULL)
		dfs_release(parent);
	if (rc != 0)
		return mpiio_fail(failure, rc, "cannot create %s in container %s of pool %s", name->path, name->container,
			name->pool);
	return 0;
}

static int open_mounted(ADIO_File fd, int mode, const struct mpiio_name *name, struct mpiio_file *file,
	struct mpiio_failure *failure)
{
	dfs_t *dfs = file->mount->dfs;
	int flags = flags_of(mode), number;

	if (!(mode & ADIO_CREATE)) {
		number = look_up(dfs, name, flags, &file->object, failure);
	} else if (mode & ADIO_EXCL) {
		number = create(fd, dfs, name, flags | O_EXCL, &file->object, failure);
	} else {
		/* What is there already may be a link, which creating would not follow. */
		number = look_up(dfs, name, flags, &file->object, failure);
		if (number == ENOENT) {
			*failure = (struct mpiio_failure){ 0 };
			number = create(fd, dfs, name, flags, &file->object, failure);
		}
	}
	return number;
}

static int open_file(ADIO_File fd, int mode, struct mpiio_file *file, struct mpiio_failure *failure)
{
	struct mpiio_name *name = malloc(sizeof *name);
	bool is_again = false;
	int number;

	if (name == NULL)
		return mpiio_fail(failure, ENOMEM, "no memory for the name of a file");
	number = mpiio_parse(fd->filename, name, failure);
	while (number == 0) {
		number = mpiio_mount(name, flags_of(mode), &file->mount, failure);
		if (number != 0)
			break;
		number = open_mounted(fd, mode, name, file, failure);
		if (number == 0)
			break;
		/* A connection that another file of this process uses as well may have been taken from it; libdfs does not say so. */
		if (number == EINVAL && !is_again && mpiio_ask_if_lost(file->mount)) {
			is_again = true;
			number = 0;
			*failure = (struct mpiio_failure){ 0 };
		}
		mpiio_unmount(file->mount);
	}
	free(name);
	return number;
}

/* The array behind a file that is open. */
static int find_array(struct mpiio_file *file, struct mpiio_failure *failure)
{
	int rc = dfs_get_file_oh(file->object, &file->array);

	return rc == 0 ? 0 : mpiio_fail(failure, rc, "the file has no array");
}

/* The object of the shared file pointer costs nothing until it is used; its number is taken now, so that all know it. */
static int reserve_shared(struct mpiio_file *file, struct mpiio_failure *failure)
{
	int rc;

	file->shared_id = (daos_obj_id_t){ 0 };
	if (file->mount->flags == O_RDONLY)
		return 0;
	rc = daos_cont_alloc_oids(file->mount->container, 1, &file->shared_id.lo, NULL);
	if (rc == 0)
		rc = daos_obj_generate_oid(file->mount->container, &file->shared_id, DAOS_OT_KV_HASHED, OC_S1, 0, 0);
	if (rc != 0)
		return mpiio_fail_der(failure, rc, "container %s gives no object id", file->mount->container_name);
	return 0;
}

/* Undoes what was opened. */
static void give_up(struct mpiio_file *file)
{
	dfs_release(file->object);
	mpiio_unmount(file->mount);
}

/* The part of the rank that opens for all. */
static void lead(ADIO_File fd, int mode, struct mpiio_file *file, struct opened *opened, void **bytes)
{
	size_t size = 0;
	int number = open_file(fd, mode, file, &opened->failure);

	if (number != 0)
		return;
	number = find_array(file, &opened->failure);
	if (number == 0)
		number = reserve_shared(file, &opened->failure);
	if (number == 0)
		number = mpiio_export(file->mount, file->object, bytes, &size, &opened->failure);
	if (number == 0)
		dfs_get_chunk_size(file->object, &opened->chunk_bytes);
	if (number == 0 && (mode & ADIO_APPEND)) {
		number = dfs_get_size(file->mount->dfs, file->object, &opened->end);
		if (number != 0)
			mpiio_fail(&opened->failure, number, "the end of the file cannot be found");
	}
	opened->shared_id = file->shared_id;
	opened->handle_bytes = size;
	opened->flags = flags_of(mode);
	if (number != 0)
		give_up(file);
}

static void follow(struct mpiio_file *file, struct opened *opened, const void *bytes)
{
	int number = mpiio_import(bytes, opened->handle_bytes, opened->flags, &file->mount, &file->object,
		&opened->failure);

	if (number != 0)
		return;
	file->shared_id = opened->shared_id;
	if (find_array(file, &opened->failure) != 0)
		give_up(file);
}

/* All ranks have the file, or none has: a rank that failed alone tells the others. */
static void agree(ADIO_File fd, struct mpiio_file *file, struct mpiio_failure *failure)
{
	bool is_mine = failure->number != 0;

	mpiio_agree(failure, fd->comm);
	if (failure->number != 0 && !is_mine)
		give_up(file);
}

static void note_chunk(ADIO_File fd, uint64_t bytes)
{
	char text[32];

	if (bytes == 0 || bytes > INT_MAX)
		return;
	fd->blksize = (long)bytes;
	/* Two-phase collective buffering cuts the file at these, unless the user has said where. */
	if (fd->hints->striping_unit == 0)
		fd->hints->striping_unit = (int)bytes;
	snprintf(text, sizeof text, "%d", (int)bytes);
	ADIOI_Info_set(fd->info, "romio_daos_chunk_size", text);
}

/*
 * The part of the ranks behind the one that opens, which brings its own along. They take part in the broadcast with memory for it or not at all,
 * so they say first whether they have it.
 */
static void follow_all(ADIO_File fd, bool is_leader, int leader, struct mpiio_file *file, struct opened *opened, void **bytes)
{
	if (!is_leader)
		*bytes = file != NULL ? malloc(opened->handle_bytes) : NULL;
	if (*bytes == NULL)
		mpiio_fail(&opened->failure, ENOMEM, "no memory for an open file");
	mpiio_agree(&opened->failure, fd->comm);
	if (opened->failure.number != 0) {
		if (is_leader)
			give_up(file);
		return;
	}
	MPI_Bcast(*bytes, (int)opened->handle_bytes, MPI_BYTE, leader, fd->comm);
	if (!is_leader)
		follow(file, opened, *bytes);
	agree(fd, file, &opened->failure);
}

void mpiio_open_all(ADIO_File fd, int rank, int mode, int *code)
{
	struct mpiio_file *file = calloc(1, sizeof *file);
	struct opened opened = { 0 };
	void *bytes = NULL;
	int leader = fd->hints->ranklist[0], size;

	fd->access_mode = mode;
	MPI_Comm_size(fd->comm, &size);
	if (rank == leader && file != NULL)
		lead(fd, mode, file, &opened, &bytes);
	else if (rank == leader)
		mpiio_fail(&opened.failure, ENOMEM, "no memory for an open file");
	MPI_Bcast(&opened, sizeof opened, MPI_BYTE, leader, fd->comm);
	if (opened.failure.number == 0 && size > 1)
		follow_all(fd, rank == leader, leader, file, &opened, &bytes);
	free(bytes);
	if (opened.failure.number != 0) {
		free(file);
		*code = mpiio_code(&opened.failure, "MPI_File_open");
		return;
	}
	fd->fs_ptr = file;
	fd->is_open = 1;
	fd->blksize = 1 << 20;
	note_chunk(fd, opened.chunk_bytes);
	if (mode & ADIO_APPEND)
		fd->fp_ind = (ADIO_Offset)opened.end;
	*code = MPI_SUCCESS;
}

void mpiio_open_alone(ADIO_File fd, int *code)
{
	int rank;

	MPI_Comm_rank(fd->comm, &rank);
	mpiio_open_all(fd, rank, fd->access_mode, code);
}

void mpiio_close(ADIO_File fd, int *code)
{
	struct mpiio_file *file = mpiio_file(fd);
	struct mpiio_failure failure = { 0 };
	int rank, used = file->shared_is_open, any = 0;
	bool is_guest;
	int rc;

	MPI_Comm_rank(fd->comm, &rank);
	/* The handles of the others are those of the first, which must be the last to give them up. */
	MPI_Allreduce(&used, &any, 1, MPI_INT, MPI_MAX, fd->comm);
	mpiio_end_life(file);
	mpiio_close_shared(fd, any != 0, rank == fd->hints->ranklist[0]);
	rc = dfs_release(file->object);
	if (rc != 0)
		mpiio_fail(&failure, rc, "the file cannot be closed");
	/* What is not a guest's goes last. */
	is_guest = file->mount->is_guest;
	if (is_guest)
		mpiio_unmount(file->mount);
	mpiio_agree(&failure, fd->comm);
	if (!is_guest)
		mpiio_unmount(file->mount);
	free(file);
	fd->fs_ptr = NULL;
	fd->is_open = 0;
	*code = mpiio_code(&failure, "MPI_File_close");
}

static int remove_file(const struct mpiio_name *name, struct mpiio_mount *mount)
{
	char directory[PATH_MAX];
	const char *last = mpiio_last_part(name->path, directory);
	dfs_obj_t *parent = NULL;
	struct stat status;
	mode_t mode;
	int rc = 0;

	if (strcmp(directory, "/") != 0)
		rc = dfs_lookup(mount->dfs, directory, O_RDWR, &parent, &mode, NULL);
	if (rc == 0)
		rc = dfs_stat(mount->dfs, parent, last, &status);
	/* MPI deletes files; an empty directory would go as well. */
	if (rc == 0 && S_ISDIR(status.st_mode))
		rc = EISDIR;
	if (rc == 0)
		rc = dfs_remove(mount->dfs, parent, last, false, NULL);
	if (parent != NULL)
		dfs_release(parent);
	return rc;
}

void mpiio_delete(const char *text, int *code)
{
	struct mpiio_name *name = malloc(sizeof *name);
	struct mpiio_failure failure = { 0 };
	struct mpiio_mount *mount;
	int rc;

	if (name == NULL) {
		mpiio_fail(&failure, ENOMEM, "no memory for the name of a file");
	} else if (mpiio_parse(text, name, &failure) == 0 && mpiio_mount(name, O_RDWR, &mount, &failure) == 0) {
		rc = remove_file(name, mount);
		if (rc != 0)
			mpiio_fail(&failure, rc, "cannot delete %s in container %s of pool %s", name->path, name->container,
				name->pool);
		mpiio_unmount(mount);
	}
	free(name);
	*code = mpiio_code(&failure, "MPI_File_delete");
}
