/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * The constructors of datatypes. MPI 4 has two sets of constructors and two functions to ask about them; the larger one
 * answers for both, the smaller one gives an error for types of the other set. Libraries of MPI 3 have the smaller alone.
 */
#include "types.h"

#include "glue.h"

#include <adio.h>

typedef int (*large_envelope)(MPI_Datatype, MPI_Count *, MPI_Count *, MPI_Count *, MPI_Count *, int *);
typedef int (*large_contents)(MPI_Datatype, MPI_Count, MPI_Count, MPI_Count, MPI_Count, int *, MPI_Aint *,
	MPI_Count *, MPI_Datatype *);
typedef int (*small_envelope)(MPI_Datatype, int *, int *, int *, int *);

static int ask_envelope(MPI_Datatype type, struct mpiio_contents *contents)
{
	large_envelope large = (large_envelope)mpiio_native("PMPI_Type_get_envelope_c");
	small_envelope small;
	int integers, addresses, types, code;

	*contents = (struct mpiio_contents){ 0 };
	if (large != NULL)
		return large(type, &contents->integer_count, &contents->address_count, &contents->count_count,
			&contents->type_count, &contents->combiner);
	small = (small_envelope)mpiio_native("PMPI_Type_get_envelope");
	code = small(type, &integers, &addresses, &types, &contents->combiner);
	contents->integer_count = integers;
	contents->address_count = addresses;
	contents->type_count = types;
	return code;
}

int mpiio_combiner(MPI_Datatype type)
{
	struct mpiio_contents contents;

	ask_envelope(type, &contents);
	return contents.combiner;
}

/* ROMIO asks only whether a type is predefined; the linker gives it this function for MPI's. */
int __wrap_PMPI_Type_get_envelope(MPI_Datatype type, int *integers, int *addresses, int *types, int *combiner)
{
	struct mpiio_contents contents;
	int code = ask_envelope(type, &contents);

	*integers = (int)contents.integer_count;
	*addresses = (int)contents.address_count;
	*types = (int)contents.type_count;
	*combiner = contents.combiner;
	return code;
}

/* Types that a program may not free, and so may not we. */
static bool is_predefined(int combiner)
{
	return combiner == MPI_COMBINER_NAMED || combiner == MPI_COMBINER_F90_REAL ||
	       combiner == MPI_COMBINER_F90_COMPLEX || combiner == MPI_COMBINER_F90_INTEGER;
}

void mpiio_get_contents(MPI_Datatype type, struct mpiio_contents *contents)
{
	large_contents large = (large_contents)mpiio_native("PMPI_Type_get_contents_c");

	ask_envelope(type, contents);
	if (is_predefined(contents->combiner))
		return;
	contents->is_large = contents->count_count > 0;
	contents->integers = ADIOI_Calloc((size_t)contents->integer_count + 1, sizeof *contents->integers);
	contents->addresses = ADIOI_Calloc((size_t)contents->address_count + 1, sizeof *contents->addresses);
	contents->counts = ADIOI_Calloc((size_t)contents->count_count + 1, sizeof *contents->counts);
	contents->types = ADIOI_Calloc((size_t)contents->type_count + 1, sizeof *contents->types);
	if (large != NULL)
		large(type, contents->integer_count, contents->address_count, contents->count_count, contents->type_count,
			contents->integers, contents->addresses, contents->counts, contents->types);
	else
		PMPI_Type_get_contents(type, (int)contents->integer_count, (int)contents->address_count,
			(int)contents->type_count, contents->integers, contents->addresses, contents->types);
}

void mpiio_free_contents(struct mpiio_contents *contents)
{
	if (contents->types == NULL)
		return;
	for (MPI_Count i = 0; i < contents->type_count; i++) {
		if (!is_predefined(mpiio_combiner(contents->types[i])))
			PMPI_Type_free(&contents->types[i]);
	}
	ADIOI_Free(contents->integers);
	ADIOI_Free(contents->addresses);
	ADIOI_Free(contents->counts);
	ADIOI_Free(contents->types);
	contents->types = NULL;
}

MPI_Count mpiio_argument(const struct mpiio_contents *contents, MPI_Count place)
{
	if (contents->is_large)
		return contents->counts[place];
	if (place < contents->integer_count)
		return contents->integers[place];
	return contents->addresses[place - contents->integer_count];
}

MPI_Datatype mpiio_count_one(MPI_Count *count, MPI_Datatype *type)
{
	int (*make)(MPI_Count, MPI_Datatype, MPI_Datatype *);
	MPI_Datatype larger;

	/* Cut off to an int, a negative one might be a positive one. */
	if (*count < 0)
		*count = -1;
	if (*count <= INT_MAX)
		return MPI_DATATYPE_NULL;
	make = (int (*)(MPI_Count, MPI_Datatype, MPI_Datatype *))mpiio_native("PMPI_Type_contiguous_c");
	/* ROMIO says what is wrong with the count, or the type. */
	if (*type == MPI_DATATYPE_NULL || make == NULL || make(*count, *type, &larger) != MPI_SUCCESS) {
		*count = *type == MPI_DATATYPE_NULL ? 1 : -1;
		return MPI_DATATYPE_NULL;
	}
	PMPI_Type_commit(&larger);
	*count = 1;
	*type = larger;
	return larger;
}

void mpiio_free_larger(MPI_Datatype larger)
{
	if (larger != MPI_DATATYPE_NULL)
		PMPI_Type_free(&larger);
}
