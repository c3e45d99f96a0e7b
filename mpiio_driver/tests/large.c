/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Counts of the type MPI_Count: types that were made with them, as mpi4py does, and calls that take them. */
#include "test.h"

#include <sys/mman.h>

#if MPI_VERSION < 4
int main(int count, char **arguments)
{
	test_begin(&count, &arguments);
	return test_end();
}
#else

enum { INTS = 24 };

static void check(MPI_Datatype view)
{
	MPI_File file = test_open("large", MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE);
	int numbers[INTS], back[INTS], count;
	MPI_Datatype type, inner;
	MPI_Offset at;
	char representation[MPI_MAX_DATAREP_STRING];
	MPI_Status status;

	MPI_Type_commit(&view);
	for (int i = 0; i < INTS; i++)
		numbers[i] = test_rank * INTS + i;
	CALL(MPI_File_set_view(file, 4 * test_rank, MPI_INT, view, "native", MPI_INFO_NULL));
	CALL(MPI_File_get_view(file, &at, &inner, &type, representation));
	CHECK(at == 4 * test_rank && inner == MPI_INT);
	MPI_Type_free(&type);
	CALL(MPI_File_write_all_c(file, numbers, INTS, MPI_INT, &status));
	MPI_Get_count(&status, MPI_INT, &count);
	CHECK(count == INTS);
	MPI_Barrier(MPI_COMM_WORLD);
	CALL(MPI_File_read_at_all_c(file, 0, back, INTS, MPI_INT, &status));
	CHECK(memcmp(numbers, back, sizeof back) == 0);
	/* Two ints of each four are let through; what the other rank wrote stands between them. */
	CALL(MPI_File_set_view(file, 0, MPI_INT, MPI_INT, "native", MPI_INFO_NULL));
	for (int i = 0; i < INTS; i++) {
		int place = i / 2 * 2 * test_ranks + i % 2 * test_ranks + test_rank;

		CALL(MPI_File_read_at(file, place, back, 1, MPI_INT, &status));
		CHECK(back[0] == numbers[i]);
	}
	CALL(MPI_File_close(&file));
	MPI_Type_free(&view);
}

/*
 * Counts that no int holds. ROMIO ended the program by an assertion. The file is small, so that reading touches little of the memory,
 * which is given without being there, and what is written has no data.
 */
static void check_counts(void)
{
	enum { SMALL = 100000 };
	MPI_Count many = (1LL << 31) + 4096, got;
	MPI_File file = test_open("counts", MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE);
	char *memory = mmap(NULL, (size_t)many, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	MPI_Request request;
	MPI_Datatype empty;
	MPI_Offset position;
	MPI_Status status;

	CHECK(memory != MAP_FAILED);
	memset(memory, 7, SMALL);
	CALL(MPI_File_write_at_all(file, 0, memory, SMALL, MPI_BYTE, &status));
	MPI_Barrier(MPI_COMM_WORLD);
	memset(memory, 0, SMALL);
	CALL(MPI_File_read_at_c(file, 0, memory, many, MPI_BYTE, &status));
	MPI_Get_count_c(&status, MPI_BYTE, &got);
	CHECK(got == SMALL && memory[0] == 7 && memory[SMALL - 1] == 7 && memory[SMALL] == 0);
	CALL(MPI_File_read_all_c(file, memory, many, MPI_CHAR, &status));
	MPI_Get_elements_c(&status, MPI_CHAR, &got);
	CHECK(got == SMALL);
	CALL(MPI_File_iread_at_c(file, 10, memory, many, MPI_BYTE, &request));
	MPI_Wait(&request, &status);
	MPI_Get_count_c(&status, MPI_BYTE, &got);
	CHECK(got == SMALL - 10);
	CALL(MPI_File_read_at_all_begin_c(file, 20, memory, many, MPI_BYTE));
	CALL(MPI_File_read_at_all_end(file, memory, &status));
	MPI_Get_count_c(&status, MPI_BYTE, &got);
	CHECK(got == SMALL - 20);
	MPI_Type_contiguous(0, MPI_INT, &empty);
	MPI_Type_commit(&empty);
	CALL(MPI_File_write_at_c(file, 0, memory, many, empty, &status));
	CALL(MPI_File_write_ordered_c(file, memory, many, empty, &status));
	CALL(MPI_File_get_position_shared(file, &position));
	CHECK(position == 0);
	CHECK(MPI_File_write_at_c(file, 0, memory, -many, MPI_BYTE, &status) != MPI_SUCCESS);
	MPI_Type_free(&empty);
	CALL(MPI_File_close(&file));
	munmap(memory, (size_t)many);
}

int main(int count, char **arguments)
{
	MPI_Datatype type, view;
	MPI_Count lengths[] = { 1, 1 }, places[2], both = 2;
	MPI_Datatype types[] = { MPI_INT, MPI_INT };

	test_begin(&count, &arguments);
	places[0] = 0;
	places[1] = 4 * test_ranks;
	MPI_Type_vector_c(2, 1, test_ranks, MPI_INT, &type);
	MPI_Type_create_resized_c(type, 0, 8 * test_ranks, &view);
	check(view);
	MPI_Type_free(&type);
	MPI_Type_create_hindexed_c(both, lengths, places, MPI_INT, &type);
	MPI_Type_create_resized_c(type, 0, 8 * test_ranks, &view);
	check(view);
	MPI_Type_free(&type);
	MPI_Type_create_struct_c(both, lengths, places, types, &type);
	MPI_Type_create_resized_c(type, 0, 8 * test_ranks, &view);
	check(view);
	MPI_Type_free(&type);
	MPI_Type_create_hvector_c(2, 1, 4 * test_ranks, MPI_INT, &type);
	MPI_Type_create_resized_c(type, 0, 8 * test_ranks, &view);
	check(view);
	MPI_Type_free(&type);
	check_counts();
	return test_end();
}
#endif
