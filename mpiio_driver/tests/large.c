/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/* Counts of the type MPI_Count: types that were made with them, as mpi4py does, and calls that take them. */
#include "test.h"

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
	return test_end();
}
#endif
