/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Calls a function about files of an MPI library with another ABI. With our library before it the program has to be told,
 * and ended.
 */
#include <stdint.h>
#include <stdlib.h>

int MPI_File_sync(void *file);

int main(void)
{
	return MPI_File_sync((void *)(uintptr_t)0x100000000) == 0 ? EXIT_SUCCESS : 3;
}
