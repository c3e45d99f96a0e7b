/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* As much of an MPI library with another ABI as our library looks at. */
char ompi_mpi_comm_world[1];

int PMPI_File_sync(void *file)
{
	return file == (void *)0;
}

int MPI_File_sync(void *file) __attribute__((alias("PMPI_File_sync")));
