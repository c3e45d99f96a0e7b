/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * Functions of HDF5 that h5py and others call by their old names, and that HDF5 refuses for files of any connector but its own:
 * they tell of addresses, and only HDF5's own files have such. An address is 8 bytes, and so is a token of the DAOS connector, so these
 * functions can do their work by means of their successors. This library is loaded before all others (LD_PRELOAD); for HDF5's own
 * files it calls what it stands before.
 *
 * The functions are those of the HDF5 that the caller is linked with: a process may hold several.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

typedef int64_t hid_t;
typedef int herr_t;
typedef uint64_t haddr_t;

typedef struct {
	uint8_t bytes[16];
} token_t;

struct link1 {
	int type;
	bool corder_valid;
	int64_t corder;
	int cset;
	union {
		haddr_t address;
		size_t val_size;
	} u;
};

struct link2 {
	int type;
	bool corder_valid;
	int64_t corder;
	int cset;
	union {
		token_t token;
		size_t val_size;
	} u;
};

struct object1 {
	unsigned long fileno;
	haddr_t addr;
	int type;
	unsigned rc;
	int64_t times[4];
	uint64_t num_attrs;
	/* What only HDF5's own files have. */
	unsigned header[4];
	uint64_t header_space[4], header_messages[2], index[2], attributes[2];
};

struct object2 {
	unsigned long fileno;
	token_t token;
	int type;
	unsigned rc;
	int64_t times[4];
	uint64_t num_attrs;
};

typedef herr_t (*link1_visitor)(hid_t, const char *, const struct link1 *, void *);
typedef herr_t (*link2_visitor)(hid_t, const char *, const struct link2 *, void *);
typedef herr_t (*object1_visitor)(hid_t, const char *, const struct object1 *, void *);
typedef herr_t (*object2_visitor)(hid_t, const char *, const struct object2 *, void *);

struct stat1 {
	unsigned long fileno[2], objno[2];
	unsigned nlink;
	int type;
	int64_t mtime;
	size_t linklen;
	/* What only HDF5's own files have. */
	uint64_t header_size, header_free;
	unsigned header_counts[2];
};

enum {
	LINK_HARD = 0,
	LINK_SOFT = 1,
	STAT_SOFT_LINK = 3,
	STAT_USER_LINK = 4,
	INFO_BASIC = 1,
	INFO_TIME = 2,
	INFO_ALL = 7,
	REFERENCE_OBJECT = 0,
	TIME_CHANGED = 2
};

#define EXPORT __attribute__((visibility("default")))
#define CALLER __builtin_return_address(0)

/* A function of the HDF5 that the code at an address is linked with. */
static void *find(void *caller, const char *name)
{
	Dl_info info;
	void *found = NULL;

	if (dladdr(caller, &info) != 0 && info.dli_fname != NULL) {
		void *handle = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);

		if (handle != NULL) {
			found = dlsym(handle, name);
			dlclose(handle);
		}
	}
	return found != NULL ? found : dlsym(RTLD_NEXT, name);
}

/* Calls a function of HDF5; -1 where this HDF5 does not have it. */
#define CALL(result, name, types, arguments) ({                          \
	result(*function_) types = (result(*) types)find(CALLER, name);  \
	function_ != NULL ? function_ arguments : (result)-1;            \
})

static bool is_native(void *caller, hid_t id)
{
	herr_t (*ask)(hid_t, bool *) = (herr_t(*)(hid_t, bool *))find(caller, "H5VLobject_is_native");
	bool native = true;

	return ask == NULL || ask(id, &native) < 0 || native;
}

static haddr_t address(const token_t *token)
{
	haddr_t value;

	memcpy(&value, token->bytes, sizeof value);
	return value;
}

static token_t token(haddr_t value)
{
	token_t made = { { 0 } };

	memcpy(made.bytes, &value, sizeof value);
	return made;
}

static struct link1 old_link(const struct link2 *link)
{
	struct link1 old = { link->type, link->corder_valid, link->corder, link->cset, { 0 } };

	if (link->type == LINK_HARD)
		old.u.address = address(&link->u.token);
	else
		old.u.val_size = link->u.val_size;
	return old;
}

static struct object1 old_object(const struct object2 *object)
{
	struct object1 old;

	memset(&old, 0, sizeof old);
	old.fileno = object->fileno;
	old.addr = address(&object->token);
	old.type = object->type;
	old.rc = object->rc;
	memcpy(old.times, object->times, sizeof old.times);
	old.num_attrs = object->num_attrs;
	return old;
}

struct link_call {
	link1_visitor visitor;
	void *data;
};

static herr_t visit_link(hid_t group, const char *name, const struct link2 *link, void *data)
{
	struct link_call *call = data;
	struct link1 old = old_link(link);

	return call->visitor(group, name, &old, call->data);
}

struct object_call {
	object1_visitor visitor;
	void *data;
};

static herr_t visit_object(hid_t id, const char *name, const struct object2 *object, void *data)
{
	struct object_call *call = data;
	struct object1 old = old_object(object);

	return call->visitor(id, name, &old, call->data);
}

EXPORT herr_t H5Literate1(hid_t group, int index, int order, uint64_t *position, link1_visitor visitor, void *data)
{
	struct link_call call = { visitor, data };

	if (is_native(CALLER, group))
		return CALL(herr_t, "H5Literate1", (hid_t, int, int, uint64_t *, link1_visitor, void *),
			(group, index, order, position, visitor, data));
	return CALL(herr_t, "H5Literate2", (hid_t, int, int, uint64_t *, link2_visitor, void *),
		(group, index, order, position, visit_link, &call));
}

EXPORT herr_t H5Literate_by_name1(hid_t loc, const char *name, int index, int order, uint64_t *position,
	link1_visitor visitor, void *data, hid_t list)
{
	struct link_call call = { visitor, data };

	if (is_native(CALLER, loc))
		return CALL(herr_t, "H5Literate_by_name1", (hid_t, const char *, int, int, uint64_t *, link1_visitor, void *, hid_t),
			(loc, name, index, order, position, visitor, data, list));
	return CALL(herr_t, "H5Literate_by_name2", (hid_t, const char *, int, int, uint64_t *, link2_visitor, void *, hid_t),
		(loc, name, index, order, position, visit_link, &call, list));
}

EXPORT herr_t H5Lvisit1(hid_t group, int index, int order, link1_visitor visitor, void *data)
{
	struct link_call call = { visitor, data };

	if (is_native(CALLER, group))
		return CALL(herr_t, "H5Lvisit1", (hid_t, int, int, link1_visitor, void *), (group, index, order, visitor, data));
	return CALL(herr_t, "H5Lvisit2", (hid_t, int, int, link2_visitor, void *), (group, index, order, visit_link, &call));
}

EXPORT herr_t H5Lvisit_by_name1(hid_t loc, const char *name, int index, int order, link1_visitor visitor, void *data,
	hid_t list)
{
	struct link_call call = { visitor, data };

	if (is_native(CALLER, loc))
		return CALL(herr_t, "H5Lvisit_by_name1", (hid_t, const char *, int, int, link1_visitor, void *, hid_t),
			(loc, name, index, order, visitor, data, list));
	return CALL(herr_t, "H5Lvisit_by_name2", (hid_t, const char *, int, int, link2_visitor, void *, hid_t),
		(loc, name, index, order, visit_link, &call, list));
}

EXPORT herr_t H5Lget_info1(hid_t loc, const char *name, struct link1 *info, hid_t list)
{
	struct link2 link;
	herr_t result;

	if (is_native(CALLER, loc))
		return CALL(herr_t, "H5Lget_info1", (hid_t, const char *, struct link1 *, hid_t), (loc, name, info, list));
	result = CALL(herr_t, "H5Lget_info2", (hid_t, const char *, struct link2 *, hid_t), (loc, name, &link, list));
	if (result >= 0 && info != NULL)
		*info = old_link(&link);
	return result;
}

EXPORT herr_t H5Lget_info_by_idx1(hid_t loc, const char *name, int index, int order, uint64_t number, struct link1 *info,
	hid_t list)
{
	struct link2 link;
	herr_t result;

	if (is_native(CALLER, loc))
		return CALL(herr_t, "H5Lget_info_by_idx1", (hid_t, const char *, int, int, uint64_t, struct link1 *, hid_t),
			(loc, name, index, order, number, info, list));
	result = CALL(herr_t, "H5Lget_info_by_idx2", (hid_t, const char *, int, int, uint64_t, struct link2 *, hid_t),
		(loc, name, index, order, number, &link, list));
	if (result >= 0 && info != NULL)
		*info = old_link(&link);
	return result;
}

EXPORT herr_t H5Oget_info1(hid_t loc, struct object1 *info)
{
	struct object2 object;
	herr_t result;

	if (is_native(CALLER, loc))
		return CALL(herr_t, "H5Oget_info1", (hid_t, struct object1 *), (loc, info));
	result = CALL(herr_t, "H5Oget_info3", (hid_t, struct object2 *, unsigned), (loc, &object, INFO_ALL));
	if (result >= 0 && info != NULL)
		*info = old_object(&object);
	return result;
}

EXPORT herr_t H5Oget_info_by_name1(hid_t loc, const char *name, struct object1 *info, hid_t list)
{
	struct object2 object;
	herr_t result;

	if (is_native(CALLER, loc))
		return CALL(herr_t, "H5Oget_info_by_name1", (hid_t, const char *, struct object1 *, hid_t), (loc, name, info, list));
	result = CALL(herr_t, "H5Oget_info_by_name3", (hid_t, const char *, struct object2 *, unsigned, hid_t),
		(loc, name, &object, INFO_ALL, list));
	if (result >= 0 && info != NULL)
		*info = old_object(&object);
	return result;
}

EXPORT herr_t H5Oget_info_by_idx1(hid_t loc, const char *name, int index, int order, uint64_t number, struct object1 *info,
	hid_t list)
{
	struct object2 object;
	herr_t result;

	if (is_native(CALLER, loc))
		return CALL(herr_t, "H5Oget_info_by_idx1", (hid_t, const char *, int, int, uint64_t, struct object1 *, hid_t),
			(loc, name, index, order, number, info, list));
	result = CALL(herr_t, "H5Oget_info_by_idx3",
		(hid_t, const char *, int, int, uint64_t, struct object2 *, unsigned, hid_t),
		(loc, name, index, order, number, &object, INFO_ALL, list));
	if (result >= 0 && info != NULL)
		*info = old_object(&object);
	return result;
}

EXPORT herr_t H5Ovisit1(hid_t id, int index, int order, object1_visitor visitor, void *data)
{
	struct object_call call = { visitor, data };

	if (is_native(CALLER, id))
		return CALL(herr_t, "H5Ovisit1", (hid_t, int, int, object1_visitor, void *), (id, index, order, visitor, data));
	return CALL(herr_t, "H5Ovisit3", (hid_t, int, int, object2_visitor, void *, unsigned),
		(id, index, order, visit_object, &call, INFO_ALL));
}

EXPORT herr_t H5Ovisit_by_name1(hid_t loc, const char *name, int index, int order, object1_visitor visitor, void *data,
	hid_t list)
{
	struct object_call call = { visitor, data };

	if (is_native(CALLER, loc))
		return CALL(herr_t, "H5Ovisit_by_name1", (hid_t, const char *, int, int, object1_visitor, void *, hid_t),
			(loc, name, index, order, visitor, data, list));
	return CALL(herr_t, "H5Ovisit_by_name3", (hid_t, const char *, int, int, object2_visitor, void *, unsigned, hid_t),
		(loc, name, index, order, visit_object, &call, INFO_ALL, list));
}

EXPORT hid_t H5Oopen_by_addr(hid_t loc, haddr_t value)
{
	if (is_native(CALLER, loc))
		return CALL(hid_t, "H5Oopen_by_addr", (hid_t, haddr_t), (loc, value));
	return CALL(hid_t, "H5Oopen_by_token", (hid_t, token_t), (loc, token(value)));
}

/*
 * A reference to a region has 12 bytes. They name a value that lies among those of variable length: the token of the dataset, and the
 * selection as H5Sencode2 writes it. The connector's name for it has 16 bytes (hdf5_vol/src/heap.rs), of which these are kept:
 *
 *  0  6  number of the block
 *  6  3  first byte within the block
 *  9  3  bytes
 */
enum { REGION_SIZE = 12, BLOB_SIZE = 16, TOKEN_SIZE = 8 };

static herr_t put_region(void *caller, hid_t loc, const void *value, size_t size, uint8_t *reference)
{
	hid_t (*connector_of)(hid_t) = (hid_t(*)(hid_t))find(caller, "H5VLget_connector_id");
	herr_t (*close)(hid_t) = (herr_t(*)(hid_t))find(caller, "H5VLclose");
	void *(*object)(hid_t) = (void *(*)(hid_t))find(caller, "H5VLobject");
	herr_t (*put)(void *, hid_t, const void *, size_t, void *, void *) =
		(herr_t(*)(void *, hid_t, const void *, size_t, void *, void *))find(caller, "H5VLblob_put");
	uint8_t blob[BLOB_SIZE];
	herr_t result;
	hid_t connector;

	if (!connector_of || !close || !object || !put || (connector = connector_of(loc)) < 0)
		return -1;
	result = put(object(loc), connector, value, size, blob, NULL);
	close(connector);
	/* No block has a number, a place or a length that needs more. */
	if (result < 0 || blob[6] || blob[7] || blob[11] || blob[15])
		return -1;
	memcpy(reference, blob, 6);
	memcpy(reference + 6, blob + 8, 3);
	memcpy(reference + 9, blob + 12, 3);
	return 0;
}

/* Gives the value, which the caller frees; NULL for a reference to nothing, and after an error. */
static uint8_t *get_region(void *caller, hid_t loc, const uint8_t *reference, size_t *size)
{
	hid_t (*connector_of)(hid_t) = (hid_t(*)(hid_t))find(caller, "H5VLget_connector_id");
	herr_t (*close)(hid_t) = (herr_t(*)(hid_t))find(caller, "H5VLclose");
	void *(*object)(hid_t) = (void *(*)(hid_t))find(caller, "H5VLobject");
	herr_t (*get)(void *, hid_t, const void *, void *, size_t, void *) =
		(herr_t(*)(void *, hid_t, const void *, void *, size_t, void *))find(caller, "H5VLblob_get");
	uint8_t blob[BLOB_SIZE] = { 0 }, *value;
	hid_t connector;

	*size = reference[9] | reference[10] << 8 | (size_t)reference[11] << 16;
	if (*size <= TOKEN_SIZE || !connector_of || !close || !object || !get || (connector = connector_of(loc)) < 0)
		return NULL;
	memcpy(blob, reference, 6);
	memcpy(blob + 8, reference + 6, 3);
	memcpy(blob + 12, reference + 9, 3);
	value = malloc(*size);
	if (value != NULL && get(object(loc), connector, blob, value, *size, NULL) < 0) {
		free(value);
		value = NULL;
	}
	close(connector);
	return value;
}

/* The token that a reference leads to; zero for one to nothing. */
static haddr_t target(void *caller, hid_t loc, int type, const void *reference)
{
	haddr_t value = 0;
	uint8_t *region;
	size_t size;

	if (type == REFERENCE_OBJECT) {
		memcpy(&value, reference, sizeof value);
		return value;
	}
	region = get_region(caller, loc, reference, &size);
	if (region != NULL)
		memcpy(&value, region, sizeof value);
	free(region);
	return value;
}

EXPORT herr_t H5Rcreate(void *reference, hid_t loc, const char *name, int type, hid_t space)
{
	struct object2 object;
	haddr_t value;
	uint8_t *region;
	size_t size = 0;
	herr_t result;

	if (is_native(CALLER, loc))
		return CALL(herr_t, "H5Rcreate", (void *, hid_t, const char *, int, hid_t), (reference, loc, name, type, space));
	result = CALL(herr_t, "H5Oget_info_by_name3", (hid_t, const char *, struct object2 *, unsigned, hid_t),
		(loc, name, &object, INFO_BASIC, 0));
	if (result < 0)
		return result;
	value = address(&object.token);
	if (type == REFERENCE_OBJECT) {
		memcpy(reference, &value, sizeof value);
		return 0;
	}
	if (CALL(herr_t, "H5Sencode2", (hid_t, void *, size_t *, hid_t), (space, NULL, &size, 0)) < 0)
		return -1;
	region = malloc(TOKEN_SIZE + size);
	if (region == NULL)
		return -1;
	memcpy(region, &value, TOKEN_SIZE);
	result = CALL(herr_t, "H5Sencode2", (hid_t, void *, size_t *, hid_t), (space, region + TOKEN_SIZE, &size, 0));
	if (result >= 0)
		result = put_region(CALLER, loc, region, TOKEN_SIZE + size, reference);
	free(region);
	return result;
}

EXPORT hid_t H5Rdereference2(hid_t loc, hid_t list, int type, const void *reference)
{
	haddr_t value;

	if (is_native(CALLER, loc))
		return CALL(hid_t, "H5Rdereference2", (hid_t, hid_t, int, const void *), (loc, list, type, reference));
	value = target(CALLER, loc, type, reference);
	return CALL(hid_t, "H5Oopen_by_token", (hid_t, token_t), (loc, token(value)));
}

EXPORT hid_t H5Rget_region(hid_t loc, int type, const void *reference)
{
	uint8_t *region;
	size_t size;
	hid_t space;

	if (type == REFERENCE_OBJECT || is_native(CALLER, loc))
		return CALL(hid_t, "H5Rget_region", (hid_t, int, const void *), (loc, type, reference));
	region = get_region(CALLER, loc, reference, &size);
	space = region == NULL ? -1 : CALL(hid_t, "H5Sdecode", (const void *), (region + TOKEN_SIZE));
	free(region);
	return space;
}

EXPORT herr_t H5Rget_obj_type2(hid_t loc, int type, const void *reference, int *kind)
{
	struct object2 object;
	haddr_t value;
	herr_t result;
	hid_t id;

	if (is_native(CALLER, loc))
		return CALL(herr_t, "H5Rget_obj_type2", (hid_t, int, const void *, int *), (loc, type, reference, kind));
	value = target(CALLER, loc, type, reference);
	id = CALL(hid_t, "H5Oopen_by_token", (hid_t, token_t), (loc, token(value)));
	if (id < 0)
		return -1;
	result = CALL(herr_t, "H5Oget_info3", (hid_t, struct object2 *, unsigned), (id, &object, INFO_BASIC));
	if (result >= 0)
		*kind = object.type;
	CALL(herr_t, "H5Oclose", (hid_t), (id));
	return result;
}

EXPORT ssize_t H5Rget_name(hid_t loc, int type, const void *reference, char *name, size_t size)
{
	haddr_t value;
	ssize_t result;
	hid_t id;

	if (is_native(CALLER, loc))
		return CALL(ssize_t, "H5Rget_name", (hid_t, int, const void *, char *, size_t), (loc, type, reference, name, size));
	value = target(CALLER, loc, type, reference);
	id = CALL(hid_t, "H5Oopen_by_token", (hid_t, token_t), (loc, token(value)));
	if (id < 0)
		return -1;
	result = CALL(ssize_t, "H5Iget_name", (hid_t, char *, size_t), (id, name, size));
	CALL(herr_t, "H5Oclose", (hid_t), (id));
	return result;
}

/*
 * HDF5's own library of dimension scales asks this to choose between references of the first kind, and later ones, which h5py and others cannot
 * read in the attributes that it writes. Here those of the first kind work.
 */
EXPORT herr_t H5VLobject_is_native(hid_t id, bool *native)
{
	Dl_info info;
	herr_t result = CALL(herr_t, "H5VLobject_is_native", (hid_t, bool *), (id, native));

	if (result >= 0 && dladdr(CALLER, &info) != 0 && info.dli_fname != NULL && strstr(info.dli_fname, "hdf5_hl") != NULL)
		*native = true;
	return result;
}

EXPORT herr_t H5Gget_objinfo(hid_t loc, const char *name, bool follow, struct stat1 *info)
{
	struct object2 object;
	struct link2 link;
	haddr_t value;
	herr_t result;

	if (is_native(CALLER, loc))
		return CALL(herr_t, "H5Gget_objinfo", (hid_t, const char *, bool, struct stat1 *), (loc, name, follow, info));
	memset(info, 0, sizeof *info);
	if (!follow && strcmp(name, ".") != 0) {
		result = CALL(herr_t, "H5Lget_info2", (hid_t, const char *, struct link2 *, hid_t), (loc, name, &link, 0));
		if (result < 0)
			return result;
		if (link.type != LINK_HARD) {
			info->type = link.type == LINK_SOFT ? STAT_SOFT_LINK : STAT_USER_LINK;
			info->linklen = link.type == LINK_SOFT ? link.u.val_size : 0;
			return 0;
		}
	}
	result = CALL(herr_t, "H5Oget_info_by_name3", (hid_t, const char *, struct object2 *, unsigned, hid_t),
		(loc, name, &object, INFO_BASIC | INFO_TIME, 0));
	if (result < 0)
		return result;
	/* The numbers of group, dataset and datatype are those of H5O_type_t. */
	value = address(&object.token);
	info->fileno[0] = object.fileno;
	info->objno[0] = value;
	info->nlink = object.rc;
	info->type = object.type;
	info->mtime = object.times[TIME_CHANGED];
	return 0;
}
