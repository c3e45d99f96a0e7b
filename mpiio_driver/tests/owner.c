/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Who holds the lock of atomic mode and is lost. A rank that was killed kept all others waiting for two minutes, and then
 * they got errors.
 *
 * This program has a daos_tx_commit of its own, which the driver calls to write with the lock held, and to give the lock back: there
 * the last rank cannot give it back, and has it again with its next access, which waited for two minutes for itself; then it loses
 * its connection and goes on late, after another rank has written; and in the end is killed. Only in containers.
 */
#include "test.h"

#include <daos.h>
#include <dlfcn.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* More than two chunks of 1 MiB, so that the lock is held over several commits; after these it is given back. */
enum { BYTES = 5 << 19, CHUNKS = 3 };

static enum { NOTHING, KEEP_LOCK, BE_CUT_OFF, BE_KILLED } next;
static int commits_before;
static daos_handle_t last_pool;

static void *library(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	CHECK(function != NULL);
	return function;
}

/* The last connection of this rank, by which the others know that it is there. The header gives this name a number at its end. */
int daos_pool_connect(const char *pool, const char *system, unsigned int flags, daos_handle_t *handle,
	daos_pool_info_t *info, daos_event_t *event)
{
	int (*connect)(const char *, const char *, unsigned int, daos_handle_t *, daos_pool_info_t *, daos_event_t *) =
		library("daos_pool_connect2");
	int rc = connect(pool, system, flags, handle, info, event);

	if (rc == 0)
		last_pool = *handle;
	return rc;
}

static void tell(int rank)
{
	MPI_Send(NULL, 0, MPI_BYTE, rank, 0, MPI_COMM_WORLD);
}

static void hear_from(int rank)
{
	MPI_Recv(NULL, 0, MPI_BYTE, rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

int daos_tx_commit(daos_handle_t transaction, daos_event_t *event)
{
	int (*commit)(daos_handle_t, daos_event_t *) = library("daos_tx_commit");
	int (*disconnect)(daos_handle_t, daos_event_t *) = library("daos_pool_disconnect");
	int now = next;

	if (commits_before > 0) {
		commits_before--;
		return commit(transaction, event);
	}
	next = NOTHING;
	if (now == KEEP_LOCK)
		return -DER_TIMEDOUT;
	if (now == BE_CUT_OFF) {
		CHECK(disconnect(last_pool, NULL) == 0);
		tell(0);
		hear_from(0);
	} else if (now == BE_KILLED) {
		tell(0);
		raise(SIGKILL);
	}
	return commit(transaction, event);
}

static void write_all_of(MPI_File file, int value)
{
	static char data[BYTES];

	memset(data, value, sizeof data);
	CALL(MPI_File_write_at(file, 0, data, BYTES, MPI_BYTE, MPI_STATUS_IGNORE));
}

static void check_all_of(MPI_File file, int value)
{
	static char data[BYTES];

	CALL(MPI_File_read_at(file, 0, data, BYTES, MPI_BYTE, MPI_STATUS_IGNORE));
	for (int i = 0; i < BYTES; i++)
		CHECK(data[i] == value);
}

/*
 * The launcher ends all ranks when one of its children is killed. So each rank is a child of such a child, which stays when
 * its own is killed, until the first rank ends it.
 */
static void become_grandchild(void)
{
	int status;
	pid_t rank = fork();

	if (rank == 0)
		return;
	waitpid(rank, &status, 0);
	if (WIFSIGNALED(status))
		pause();
	_exit(WEXITSTATUS(status));
}

/* The part of the rank that is lost. */
static void be_lost(MPI_File file)
{
	static char data[BYTES];

	next = KEEP_LOCK;
	commits_before = CHUNKS;
	write_all_of(file, 6);
	CHECK(next == NOTHING);
	check_all_of(file, 6);
	memset(data, 1, sizeof data);
	next = BE_CUT_OFF;
	FAILS(MPI_ERR_IO, MPI_File_write_at(file, 0, data, BYTES, MPI_BYTE, MPI_STATUS_IGNORE));
	/* It can go on: it is known anew. */
	check_all_of(file, 2);
	write_all_of(file, 3);
	tell(0);
	next = BE_KILLED;
	write_all_of(file, 4);
	CHECK(!"killed");
}

int main(int count, char **arguments)
{
	MPI_File file;
	int last, parent;

	become_grandchild();
	test_begin(&count, &arguments);
	last = test_ranks - 1;
	if (strncmp(test_directory, "daos:", 5) != 0)
		return test_end();
	file = test_open("owner", MPI_MODE_CREATE | MPI_MODE_RDWR);
	CALL(MPI_File_set_atomicity(file, 1));
	parent = (int)getppid();
	MPI_Bcast(&parent, 1, MPI_INT, last, MPI_COMM_WORLD);
	if (test_rank == last)
		be_lost(file);
	if (test_rank == 0) {
		hear_from(last);
		write_all_of(file, 2);
		tell(last);
		hear_from(last);
		check_all_of(file, 3);
		/* Killed before its first commit, it has written nothing. */
		hear_from(last);
		check_all_of(file, 3);
		write_all_of(file, 5);
		check_all_of(file, 5);
		printf("passed\n");
		fflush(stdout);
		kill(parent, SIGKILL);
	}
	/* With a rank less there is no more to be done together; the launcher ends the others. */
	if (test_rank != 0)
		pause();
	_exit(0);
}
