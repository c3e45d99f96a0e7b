/* Values of all sizes, in one buffer and in many; arrays with holes; overwritten, read in parts, and gone.
 *
 * run: {pool} {container} write
 * rerun: {pool} {container} read
 */
#include "check.h"

static const daos_handle_t none = {0};
static const size_t sizes[] = {1,	2,     7,     8,      63,     64,      4095,	4096,	   4097,
			       16383, 16384, 16385, 65535, 65536, 65537, 1000001, 1 << 20, 20 << 20};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))
#define LARGEST ((size_t)20 << 20)
#define PIECE 100003

static unsigned char written[LARGEST], got[LARGEST + 1];

/* Bytes that differ between sizes and places. */
static void
fill(size_t size)
{
	uint64_t state = size * 0x9e3779b97f4a7c15ULL + 1;
	size_t i;

	for (i = 0; i < size; i++) {
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		written[i] = (unsigned char)(state >> 56);
	}
}

/* A list that cuts a buffer into pieces; gives their count. */
static unsigned int
cut(d_iov_t *iovs, unsigned char *buffer, size_t size, size_t piece)
{
	unsigned int count = 0;
	size_t position;

	for (position = 0; position < size; position += piece)
		d_iov_set(&iovs[count++], buffer + position, size - position < piece ? size - position : piece);
	return count;
}

static void
write_singles(daos_handle_t object)
{
	static d_iov_t iovs[LARGEST / PIECE + 1];
	daos_key_t dkey;
	daos_iod_t iod;
	d_sg_list_t sgl;
	size_t i;

	for (i = 0; i < SIZES; i++) {
		d_iov_set(&dkey, (void *)(uintptr_t)&sizes[i], sizeof(sizes[i]));
		fill(sizes[i]);
		single(&iod, &sgl, iovs, "single", written, sizes[i]);
		OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
		/* The same in pieces, and over what was there. */
		sgl.sg_nr = cut(iovs, written, sizes[i], PIECE);
		OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
	}
}

static void
read_singles(daos_handle_t object)
{
	static d_iov_t iovs[LARGEST / PIECE + 1];
	daos_key_t dkey;
	daos_iod_t iod;
	d_sg_list_t sgl;
	size_t i;

	for (i = 0; i < SIZES; i++) {
		d_iov_set(&dkey, (void *)(uintptr_t)&sizes[i], sizeof(sizes[i]));
		fill(sizes[i]);
		memset(got, 0xee, sizes[i] + 1);
		single(&iod, &sgl, iovs, "single", got, sizes[i] + 1);
		iod.iod_size = DAOS_REC_ANY;
		OK(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, &sgl, NULL, NULL));
		TRUE(iod.iod_size == sizes[i] && iovs[0].iov_len == sizes[i] && sgl.sg_nr_out == 1);
		TRUE(memcmp(got, written, sizes[i]) == 0 && got[sizes[i]] == 0xee);

		memset(got, 0xee, sizes[i] + 1);
		sgl.sg_nr = cut(iovs, got, sizes[i], PIECE);
		OK(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, &sgl, NULL, NULL));
		TRUE(sgl.sg_nr_out == sgl.sg_nr && memcmp(got, written, sizes[i]) == 0 && got[sizes[i]] == 0xee);

		if (sizes[i] > 1) {
			memset(got, 0xee, sizes[i] + 1);
			single(&iod, &sgl, iovs, "single", got, sizes[i] - 1);
			EXPECT(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, &sgl, NULL, NULL), -DER_REC2BIG);
			TRUE(iod.iod_size == sizes[i] && got[sizes[i] - 1] == 0xee);
		}
	}
}

/* A size of zero removes a value, and reads as one that is not there. */
static void
no_bytes(daos_handle_t object)
{
	daos_key_t dkey = key_of("no bytes");
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;

	single(&iod, &sgl, &iov, "a", written, 10);
	OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
	single(&iod, &sgl, &iov, "a", written, 0);
	OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
	single(&iod, &sgl, &iov, "a", got, 10);
	OK(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, &sgl, NULL, NULL));
	TRUE(iod.iod_size == 0);
	/* A list without buffers asks for the size. */
	sgl.sg_nr = 0;
	OK(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, &sgl, NULL, NULL));
	TRUE(iod.iod_size == 0);
}

#define RECORD 1000
#define EXTENTS 500

/* Every second extent of an array is written, in an order that is neither up nor down. */
static void
write_sparse(daos_handle_t object)
{
	static daos_recx_t recxs[EXTENTS];
	daos_key_t dkey = key_of("sparse");
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;
	int i;

	for (i = 0; i < EXTENTS; i++) {
		recxs[i].rx_idx = (uint64_t)((i * 7) % EXTENTS) * 20;
		recxs[i].rx_nr = 10;
	}
	fill(LARGEST);
	single(&iod, &sgl, &iov, "sparse", written, (size_t)EXTENTS * 10 * RECORD);
	iod.iod_type = DAOS_IOD_ARRAY;
	iod.iod_size = RECORD;
	iod.iod_nr = EXTENTS;
	iod.iod_recxs = recxs;
	OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
}

static void
read_sparse(daos_handle_t object)
{
	static daos_recx_t found[EXTENTS + 1];
	daos_key_t dkey = key_of("sparse");
	daos_recx_t all = {0, EXTENTS * 20 + 5};
	daos_iod_t iod;
	daos_iom_t iom;
	d_sg_list_t sgl;
	d_iov_t iov;
	int i, j;

	fill(LARGEST);
	memset(got, 0xee, sizeof(got));
	single(&iod, &sgl, &iov, "sparse", got, (size_t)all.rx_nr * RECORD);
	iod.iod_type = DAOS_IOD_ARRAY;
	iod.iod_size = DAOS_REC_ANY;
	iod.iod_recxs = &all;
	memset(&iom, 0, sizeof(iom));
	iom.iom_flags = DAOS_IOMF_DETAIL;
	iom.iom_nr = EXTENTS + 1;
	iom.iom_recxs = found;
	OK(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, &sgl, &iom, NULL));
	TRUE(iod.iod_size == RECORD && iom.iom_nr_out == EXTENTS);
	for (i = 0; i < EXTENTS; i++) {
		size_t place = (size_t)((i * 7) % EXTENTS) * 20 * RECORD;

		TRUE(memcmp(got + place, written + (size_t)i * 10 * RECORD, 10 * RECORD) == 0);
		for (j = 10 * RECORD; j < 20 * RECORD; j++)
			TRUE(got[place + j] == 0xee);
		TRUE(found[i].rx_idx == (uint64_t)i * 20 && found[i].rx_nr == 10);
	}
	/* Room for one extent of many: no more is written, and the count is that of all. */
	found[1].rx_nr = 77;
	iom.iom_nr = 1;
	OK(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, NULL, &iom, NULL));
	TRUE(found[1].rx_nr == 77);
}

/* A value that is fetched or listed as what it is not is missing. mpiFileUtils, which copies akeys that it knows nothing of, asks so
 * what each is; it was refused. */
static void
other_kind(daos_handle_t object)
{
	daos_key_t dkey = key_of("kinds"), akey = key_of("single");
	daos_recx_t recx = {.rx_idx = 3, .rx_nr = 4}, found[2];
	daos_epoch_range_t epochs[2];
	daos_anchor_t anchor = {0};
	daos_size_t size = 0;
	uint32_t count = 2;
	char bytes[4] = "abc";
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;

	single(&iod, &sgl, &iov, "single", bytes, 4);
	OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));
	single(&iod, &sgl, &iov, "array", bytes, 4);
	iod.iod_type = DAOS_IOD_ARRAY;
	iod.iod_size = 1;
	iod.iod_recxs = &recx;
	OK(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL));

	iod.iod_name = key_of("single");
	iod.iod_size = DAOS_REC_ANY;
	OK(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, NULL, NULL, NULL));
	TRUE(iod.iod_size == 0);
	OK(daos_obj_list_recx(object, none, &dkey, &akey, &size, &count, found, epochs, &anchor, true, NULL));
	TRUE(count == 0 && daos_anchor_is_eof(&anchor));
	/* The size of records alone is told without room for their extents, which it asks for so. */
	akey = key_of("array");
	memset(&anchor, 0, sizeof(anchor));
	count = 1;
	OK(daos_obj_list_recx(object, none, &dkey, &akey, &size, &count, NULL, epochs, &anchor, true, NULL));
	TRUE(count == 1 && size == 1 && epochs[0].epr_lo != 0);
	single(&iod, &sgl, &iov, "array", bytes, 4);
	iod.iod_size = DAOS_REC_ANY;
	OK(daos_obj_fetch(object, none, 0, &dkey, 1, &iod, NULL, NULL, NULL));
	TRUE(iod.iod_size == 0);
	/* A change of a value into the other kind is refused. */
	iod.iod_size = 4;
	EXPECT(daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL), -DER_NO_PERM);
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container, object;

	if (argc < 4)
		return 2;
	open_container(argv[1], argv[2], &pool, &container);
	object = open_object(container, 40, DAOS_OT_DKEY_UINT64, OC_SX);
	if (strcmp(argv[3], "write") == 0)
		write_singles(object);
	read_singles(object);
	OK(daos_obj_close(object, NULL));
	object = open_object(container, 41, DAOS_OT_MULTI_HASHED, OC_SX);
	if (strcmp(argv[3], "write") == 0)
		write_sparse(object);
	read_sparse(object);
	no_bytes(object);
	if (strcmp(argv[3], "write") == 0)
		other_kind(object);
	OK(daos_obj_close(object, NULL));
	close_container(pool, container);
	puts("done");
	return 0;
}
