/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Every function of MPI whose first argument is an open file: FUNCTION(name, parameters, arguments). Those that are more
 * than a choice between two libraries stand in forward.c, and those about error handlers in error_handlers.c.
 *
 * FUNCTION_VIEW shows the view. FUNCTION_SHARED has those that move the shared pointer, and TOGETHER those that do so or come after that, and in which the ranks
 * meet. FUNCTION_SPLIT and FUNCTION_SPLIT_SHARED begin an access. Each of these with _C behind its name has those with a count of the type
 * MPI_Count, which came with MPI 4.
 */
#define ARGS_IO (file, buffer, count, type, status)
#define ARGS_IO_AT (file, offset, buffer, count, type, status)
#define ARGS_BEGIN (file, buffer, count, type)
#define ARGS_BEGIN_AT (file, offset, buffer, count, type)
#define ARGS_REQUEST (file, buffer, count, type, request)
#define ARGS_REQUEST_AT (file, offset, buffer, count, type, request)
#define ARGS_END (file, buffer, status)

#define READS(COUNT) (MPI_File file, void *buffer, COUNT count, MPI_Datatype type, MPI_Status *status)
#define READS_AT(COUNT) \
	(MPI_File file, MPI_Offset offset, void *buffer, COUNT count, MPI_Datatype type, MPI_Status *status)
#define READS_BEGIN(COUNT) (MPI_File file, void *buffer, COUNT count, MPI_Datatype type)
#define READS_BEGIN_AT(COUNT) (MPI_File file, MPI_Offset offset, void *buffer, COUNT count, MPI_Datatype type)
#define READS_REQUEST(COUNT) (MPI_File file, void *buffer, COUNT count, MPI_Datatype type, MPI_Request *request)
#define READS_REQUEST_AT(COUNT) \
	(MPI_File file, MPI_Offset offset, void *buffer, COUNT count, MPI_Datatype type, MPI_Request *request)
#define WRITES(COUNT) (MPI_File file, const void *buffer, COUNT count, MPI_Datatype type, MPI_Status *status)
#define WRITES_AT(COUNT) \
	(MPI_File file, MPI_Offset offset, const void *buffer, COUNT count, MPI_Datatype type, MPI_Status *status)
#define WRITES_BEGIN(COUNT) (MPI_File file, const void *buffer, COUNT count, MPI_Datatype type)
#define WRITES_BEGIN_AT(COUNT) \
	(MPI_File file, MPI_Offset offset, const void *buffer, COUNT count, MPI_Datatype type)
#define WRITES_REQUEST(COUNT) \
	(MPI_File file, const void *buffer, COUNT count, MPI_Datatype type, MPI_Request *request)
#define WRITES_REQUEST_AT(COUNT) \
	(MPI_File file, MPI_Offset offset, const void *buffer, COUNT count, MPI_Datatype type, MPI_Request *request)

FUNCTION(set_size, (MPI_File file, MPI_Offset size), (file, size))
FUNCTION(get_size, (MPI_File file, MPI_Offset *size), (file, size))
FUNCTION(get_group, (MPI_File file, MPI_Group *group), (file, group))
FUNCTION(get_amode, (MPI_File file, int *mode), (file, mode))
FUNCTION(set_info, (MPI_File file, MPI_Info info), (file, info))
FUNCTION(get_info, (MPI_File file, MPI_Info *info), (file, info))
FUNCTION_VIEW(get_view,
	(MPI_File file, MPI_Offset *offset, MPI_Datatype *etype, MPI_Datatype *filetype, char *representation),
	(file, offset, etype, filetype, representation))
FUNCTION(get_position, (MPI_File file, MPI_Offset *offset), (file, offset))
FUNCTION(get_byte_offset, (MPI_File file, MPI_Offset offset, MPI_Offset *bytes), (file, offset, bytes))
FUNCTION(get_position_shared, (MPI_File file, MPI_Offset *offset), (file, offset))
FUNCTION(get_type_extent, (MPI_File file, MPI_Datatype type, MPI_Aint *extent), (file, type, extent))
FUNCTION(set_atomicity, (MPI_File file, int flag), (file, flag))
FUNCTION(get_atomicity, (MPI_File file, int *flag), (file, flag))

FUNCTION(read_at_all_end, (MPI_File file, void *buffer, MPI_Status *status), ARGS_END)
FUNCTION(read_all_end, (MPI_File file, void *buffer, MPI_Status *status), ARGS_END)
FUNCTION(write_at_all_end, (MPI_File file, const void *buffer, MPI_Status *status), ARGS_END)
FUNCTION(write_all_end, (MPI_File file, const void *buffer, MPI_Status *status), ARGS_END)

/* In both widths of the count. */
#define BOTH(name, parameters, arguments) \
	FUNCTION(name, parameters(int), arguments) \
	FUNCTION_C(name##_c, parameters(MPI_Count), arguments)

BOTH(read, READS, ARGS_IO)
BOTH(read_all, READS, ARGS_IO)
BOTH(read_at, READS_AT, ARGS_IO_AT)
BOTH(read_at_all, READS_AT, ARGS_IO_AT)
BOTH(iread, READS_REQUEST, ARGS_REQUEST)
BOTH(iread_all, READS_REQUEST, ARGS_REQUEST)
BOTH(iread_at, READS_REQUEST_AT, ARGS_REQUEST_AT)
BOTH(iread_at_all, READS_REQUEST_AT, ARGS_REQUEST_AT)
BOTH(write, WRITES, ARGS_IO)
BOTH(write_all, WRITES, ARGS_IO)
BOTH(write_at, WRITES_AT, ARGS_IO_AT)
BOTH(write_at_all, WRITES_AT, ARGS_IO_AT)
BOTH(iwrite, WRITES_REQUEST, ARGS_REQUEST)
BOTH(iwrite_all, WRITES_REQUEST, ARGS_REQUEST)
BOTH(iwrite_at, WRITES_REQUEST_AT, ARGS_REQUEST_AT)
BOTH(iwrite_at_all, WRITES_REQUEST_AT, ARGS_REQUEST_AT)

/* Those that return when the shared pointer stands behind what all ranks access, see forward.c. */
TOGETHER(read_ordered, READS(int), ARGS_IO)
TOGETHER_C(read_ordered_c, READS(MPI_Count), ARGS_IO)
TOGETHER(write_ordered, WRITES(int), ARGS_IO)
TOGETHER_C(write_ordered_c, WRITES(MPI_Count), ARGS_IO)
FUNCTION_SHARED(read_shared, READS(int), ARGS_IO)
FUNCTION_SHARED_C(read_shared_c, READS(MPI_Count), ARGS_IO)
FUNCTION_SHARED(write_shared, WRITES(int), ARGS_IO)
FUNCTION_SHARED_C(write_shared_c, WRITES(MPI_Count), ARGS_IO)
FUNCTION_SHARED(iread_shared, READS_REQUEST(int), ARGS_REQUEST)
FUNCTION_SHARED_C(iread_shared_c, READS_REQUEST(MPI_Count), ARGS_REQUEST)
FUNCTION_SHARED(iwrite_shared, WRITES_REQUEST(int), ARGS_REQUEST)
FUNCTION_SHARED_C(iwrite_shared_c, WRITES_REQUEST(MPI_Count), ARGS_REQUEST)
/* Those that begin what another one ends. */
#define SPLIT(name, parameters, arguments) \
	FUNCTION_SPLIT(name, parameters(int), arguments) \
	FUNCTION_SPLIT_C(name##_c, parameters(MPI_Count), arguments)

SPLIT(read_all_begin, READS_BEGIN, ARGS_BEGIN)
SPLIT(read_at_all_begin, READS_BEGIN_AT, ARGS_BEGIN_AT)
SPLIT(write_all_begin, WRITES_BEGIN, ARGS_BEGIN)
SPLIT(write_at_all_begin, WRITES_BEGIN_AT, ARGS_BEGIN_AT)

FUNCTION_SPLIT_SHARED(read_ordered_begin, READS_BEGIN(int), ARGS_BEGIN)
FUNCTION_SPLIT_SHARED_C(read_ordered_begin_c, READS_BEGIN(MPI_Count), ARGS_BEGIN)
FUNCTION_SPLIT_SHARED(write_ordered_begin, WRITES_BEGIN(int), ARGS_BEGIN)
FUNCTION_SPLIT_SHARED_C(write_ordered_begin_c, WRITES_BEGIN(MPI_Count), ARGS_BEGIN)
TOGETHER(read_ordered_end, (MPI_File file, void *buffer, MPI_Status *status), ARGS_END)
TOGETHER(write_ordered_end, (MPI_File file, const void *buffer, MPI_Status *status), ARGS_END)

FUNCTION(get_type_extent_c, (MPI_File file, MPI_Datatype type, MPI_Count *extent), (file, type, extent))
