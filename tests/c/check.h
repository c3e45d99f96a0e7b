/* What the C tests share. */
#ifndef TESTS_C_CHECK_H
#define TESTS_C_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <daos.h>

/* The call must return this number. */
#define EXPECT(call, number) \
	do { \
		int rc_ = (call), expected_ = (number); \
		if (rc_ != expected_) { \
			fprintf(stderr, "%s:%d: %s is %s (%d), not %s (%d)\n", __FILE__, __LINE__, #call, d_errstr(rc_), \
				rc_, d_errstr(expected_), expected_); \
			exit(1); \
		} \
	} while (0)

#define OK(call) EXPECT(call, 0)

/* The condition must hold. */
#define TRUE(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
			exit(1); \
		} \
	} while (0)

/* Connects, and opens a container that is made first when it is not there. */
static inline void
open_container(const char *pool_label, const char *label, daos_handle_t *pool, daos_handle_t *container)
{
	int rc;

	OK(daos_init());
	OK(daos_pool_connect(pool_label, NULL, DAOS_PC_RW, pool, NULL, NULL));
	rc = daos_cont_create_with_label(*pool, label, NULL, NULL, NULL);
	TRUE(rc == 0 || rc == -DER_EXIST);
	OK(daos_cont_open(*pool, label, DAOS_COO_RW, container, NULL, NULL));
}

static inline void
close_container(daos_handle_t pool, daos_handle_t container)
{
	OK(daos_cont_close(container, NULL));
	OK(daos_pool_disconnect(pool, NULL));
	OK(daos_fini());
}

/* Opens an object of a type under an id of ours. */
static inline daos_handle_t
open_object(daos_handle_t container, uint64_t number, enum daos_otype_t type, daos_oclass_id_t cid)
{
	daos_obj_id_t oid;
	daos_handle_t object;

	memset(&oid, 0, sizeof(oid));
	oid.lo = number;
	OK(daos_obj_generate_oid(container, &oid, type, cid, 0, 0));
	OK(daos_obj_open(container, oid, DAOS_OO_RW, &object, NULL));
	return object;
}

/* A key of a string without its zero. */
static inline daos_key_t
key_of(const char *text)
{
	daos_key_t key;

	d_iov_set(&key, (void *)(uintptr_t)text, strlen(text));
	return key;
}

/* A descriptor of a single value with its list of one buffer. */
static inline void
single(daos_iod_t *iod, d_sg_list_t *sgl, d_iov_t *iov, const char *akey, void *value, size_t size)
{
	memset(iod, 0, sizeof(*iod));
	iod->iod_name = key_of(akey);
	iod->iod_type = DAOS_IOD_SINGLE;
	iod->iod_nr = 1;
	iod->iod_size = size;
	d_iov_set(iov, value, size);
	sgl->sg_nr = 1;
	sgl->sg_nr_out = 0;
	sgl->sg_iovs = iov;
}

/* Stores a single value under a dkey that is a number. */
static inline int
put_at(daos_handle_t object, uint64_t number, void *value, size_t size)
{
	const daos_handle_t none = {0};
	daos_key_t dkey;
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;

	d_iov_set(&dkey, &number, sizeof(number));
	single(&iod, &sgl, &iov, "a", value, size);
	return daos_obj_update(object, none, 0, &dkey, 1, &iod, &sgl, NULL);
}

/* Reads it; its size is zero when there is none. */
static inline int
get_at(daos_handle_t object, daos_handle_t th, uint64_t number, void *value, size_t room, size_t *size)
{
	daos_key_t dkey;
	daos_iod_t iod;
	d_sg_list_t sgl;
	d_iov_t iov;
	int rc;

	d_iov_set(&dkey, &number, sizeof(number));
	single(&iod, &sgl, &iov, "a", value, room);
	rc = daos_obj_fetch(object, th, 0, &dkey, 1, &iod, &sgl, NULL, NULL);
	*size = iod.iod_size;
	return rc;
}
#endif
