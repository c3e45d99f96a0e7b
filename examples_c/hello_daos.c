/* A first program for DAOS: it writes values into an object of a container, reads them back and lists the keys.
 *
 *   hello_daos POOL CONTAINER write|read|both
 *
 * run: {pool} {container} both
 * rerun: {pool} {container} read
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <daos.h>

#define RECORDS 1000
#define STEPS 3

/* The object that everything is written to. Its id is ours to choose; type and class are added by the library. */
#define OBJECT_ID 42

/* Every function of DAOS returns zero or a negative error number that has a name and a text. */
#define CHECK(call) \
	do { \
		int rc_ = (call); \
		if (rc_ != 0) { \
			fprintf(stderr, "%s: %s (%s)\n", #call, d_errdesc(rc_), d_errstr(rc_)); \
			exit(1); \
		} \
	} while (0)

static void
fail(const char *what)
{
	fprintf(stderr, "wrong data: %s\n", what);
	exit(1);
}

/* Opens the container, and makes it first when it is not there. */
static daos_handle_t
open_container(daos_handle_t pool, const char *label)
{
	daos_handle_t container;
	int rc = daos_cont_open(pool, label, DAOS_COO_RW, &container, NULL, NULL);

	if (rc == -DER_NONEXIST) {
		CHECK(daos_cont_create_with_label(pool, label, NULL, NULL, NULL));
		printf("made container %s\n", label);
		rc = daos_cont_open(pool, label, DAOS_COO_RW, &container, NULL, NULL);
	}
	CHECK(rc);
	return container;
}

static daos_handle_t
open_object(daos_handle_t container)
{
	daos_obj_id_t id = {.lo = OBJECT_ID, .hi = 0};
	daos_handle_t object;

	CHECK(daos_obj_generate_oid(container, &id, DAOS_OT_MULTI_HASHED, OC_SX, 0, 0));
	CHECK(daos_obj_open(container, id, DAOS_OO_RW, &object, NULL));
	return object;
}

/* One call can touch several akeys of a dkey. This describes two: "name", one value that is replaced as a whole, and
 * "temperatures", an array of records of which any range can be written and read. */
struct step {
	char dkey_text[16];
	char name[32];
	double temperatures[RECORDS];
	daos_key_t dkey;
	daos_recx_t range;
	d_iov_t buffers[2];
	d_sg_list_t lists[2];
	daos_iod_t descriptors[2];
};

static void
describe(struct step *step, int number)
{
	memset(step, 0, sizeof(*step));
	snprintf(step->dkey_text, sizeof(step->dkey_text), "step %d", number);
	d_iov_set(&step->dkey, step->dkey_text, strlen(step->dkey_text));

	d_iov_set(&step->descriptors[0].iod_name, "name", strlen("name"));
	step->descriptors[0].iod_type = DAOS_IOD_SINGLE;
	step->descriptors[0].iod_nr = 1;
	step->descriptors[0].iod_size = sizeof(step->name);
	d_iov_set(&step->buffers[0], step->name, sizeof(step->name));

	d_iov_set(&step->descriptors[1].iod_name, "temperatures", strlen("temperatures"));
	step->descriptors[1].iod_type = DAOS_IOD_ARRAY;
	step->descriptors[1].iod_nr = 1;
	step->descriptors[1].iod_size = sizeof(step->temperatures[0]);
	step->descriptors[1].iod_recxs = &step->range;
	step->range.rx_idx = 0;
	step->range.rx_nr = RECORDS;
	d_iov_set(&step->buffers[1], step->temperatures, sizeof(step->temperatures));

	step->lists[0].sg_nr = 1;
	step->lists[0].sg_iovs = &step->buffers[0];
	step->lists[1].sg_nr = 1;
	step->lists[1].sg_iovs = &step->buffers[1];
}

static void
fill(struct step *step, int number)
{
	int i;

	snprintf(step->name, sizeof(step->name), "run after %d minutes", 10 * number);
	for (i = 0; i < RECORDS; i++)
		step->temperatures[i] = 20.0 + number + i / 1000.0;
}

static void
write_steps(daos_handle_t object)
{
	struct step step;
	int number;

	for (number = 0; number < STEPS; number++) {
		describe(&step, number);
		fill(&step, number);
		CHECK(daos_obj_update(object, DAOS_TX_NONE, 0, &step.dkey, 2, step.descriptors, step.lists, NULL));
		printf("wrote \"%s\": a name and %d temperatures\n", step.dkey_text, RECORDS);
	}
}

static void
read_steps(daos_handle_t object)
{
	struct step step, expected;
	int number;

	for (number = 0; number < STEPS; number++) {
		describe(&expected, number);
		fill(&expected, number);
		describe(&step, number);
		/* The size of a value need not be known before: the fetch tells it. */
		step.descriptors[0].iod_size = DAOS_REC_ANY;
		CHECK(daos_obj_fetch(object, DAOS_TX_NONE, 0, &step.dkey, 2, step.descriptors, step.lists, NULL, NULL));
		if (step.descriptors[0].iod_size != sizeof(step.name))
			fail("size of the name");
		if (strcmp(step.name, expected.name) != 0)
			fail("name");
		if (step.descriptors[1].iod_size != sizeof(double))
			fail("size of a record");
		if (memcmp(step.temperatures, expected.temperatures, sizeof(step.temperatures)) != 0)
			fail("temperatures");
		printf("read \"%s\": \"%s\", temperatures from %.3f to %.3f\n", step.dkey_text, step.name,
		       step.temperatures[0], step.temperatures[RECORDS - 1]);
	}
}

/* Lists dkeys, or the akeys of a dkey, a few at a time; gives their count. */
static unsigned int
list_keys(daos_handle_t object, daos_key_t *dkey)
{
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	unsigned int count = 0;

	while (!daos_anchor_is_eof(&anchor)) {
		char text[256];
		daos_key_desc_t keys[2];
		uint32_t i, nr = 2;
		d_iov_t buffer;
		d_sg_list_t list = {.sg_nr = 1, .sg_nr_out = 0, .sg_iovs = &buffer};
		size_t position = 0;

		d_iov_set(&buffer, text, sizeof(text));
		if (dkey == NULL)
			CHECK(daos_obj_list_dkey(object, DAOS_TX_NONE, &nr, keys, &list, &anchor, NULL));
		else
			CHECK(daos_obj_list_akey(object, DAOS_TX_NONE, dkey, &nr, keys, &list, &anchor, NULL));
		for (i = 0; i < nr; i++) {
			printf("  %s \"%.*s\"\n", dkey == NULL ? "dkey" : "akey", (int)keys[i].kd_key_len,
			       text + position);
			position += keys[i].kd_key_len;
		}
		count += nr;
	}
	return count;
}

int
main(int argc, char **argv)
{
	daos_handle_t pool, container, object;
	daos_key_t dkey;
	char first[] = "step 0";
	const char *what = argc > 3 ? argv[3] : "both";

	if (argc < 3 || (strcmp(what, "write") != 0 && strcmp(what, "read") != 0 && strcmp(what, "both") != 0)) {
		fprintf(stderr, "usage: %s POOL CONTAINER [write|read|both]\n", argv[0]);
		return 2;
	}
	CHECK(daos_init());
	CHECK(daos_pool_connect(argv[1], NULL, DAOS_PC_RW, &pool, NULL, NULL));
	container = open_container(pool, argv[2]);
	object = open_object(container);

	if (strcmp(what, "read") != 0)
		write_steps(object);
	if (strcmp(what, "write") != 0) {
		read_steps(object);
		if (list_keys(object, NULL) != STEPS)
			fail("count of dkeys");
		d_iov_set(&dkey, first, strlen(first));
		if (list_keys(object, &dkey) != 2)
			fail("count of akeys");
	}

	CHECK(daos_obj_close(object, NULL));
	CHECK(daos_cont_close(container, NULL));
	CHECK(daos_pool_disconnect(pool, NULL));
	CHECK(daos_fini());
	printf("done\n");
	return 0;
}
