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
#include <string.h>

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

enum { LINK_HARD = 0, LINK_SOFT = 1, STAT_SOFT_LINK = 3, STAT_USER_LINK = 4, INFO_ALL = 7, INFO_BASIC = 1, REFERENCE_OBJECT = 0 };

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

EXPORT herr_t H5Rcreate(void *reference, hid_t loc, const char *name, int type, hid_t space)
{
	struct object2 object;
	herr_t result;
	haddr_t value;

	if (type != REFERENCE_OBJECT || is_native(CALLER, loc))
		return CALL(herr_t, "H5Rcreate", (void *, hid_t, const char *, int, hid_t), (reference, loc, name, type, space));
	result = CALL(herr_t, "H5Oget_info_by_name3", (hid_t, const char *, struct object2 *, unsigned, hid_t),
		(loc, name, &object, INFO_BASIC, 0));
	if (result >= 0) {
		value = address(&object.token);
		memcpy(reference, &value, sizeof value);
	}
	return result;
}

EXPORT hid_t H5Rdereference2(hid_t loc, hid_t list, int type, const void *reference)
{
	haddr_t value;

	if (type != REFERENCE_OBJECT || is_native(CALLER, loc))
		return CALL(hid_t, "H5Rdereference2", (hid_t, hid_t, int, const void *), (loc, list, type, reference));
	memcpy(&value, reference, sizeof value);
	return CALL(hid_t, "H5Oopen_by_token", (hid_t, token_t), (loc, token(value)));
}

EXPORT herr_t H5Rget_obj_type2(hid_t loc, int type, const void *reference, int *kind)
{
	struct object2 object;
	haddr_t value;
	herr_t result;
	hid_t id;

	if (type != REFERENCE_OBJECT || is_native(CALLER, loc))
		return CALL(herr_t, "H5Rget_obj_type2", (hid_t, int, const void *, int *), (loc, type, reference, kind));
	memcpy(&value, reference, sizeof value);
	id = CALL(hid_t, "H5Oopen_by_token", (hid_t, token_t), (loc, token(value)));
	if (id < 0)
		return -1;
	result = CALL(herr_t, "H5Oget_info3", (hid_t, struct object2 *, unsigned), (id, &object, INFO_BASIC));
	if (result >= 0)
		*kind = object.type;
	CALL(herr_t, "H5Oclose", (hid_t), (id));
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
		(loc, name, &object, INFO_BASIC, 0));
	if (result < 0)
		return result;
	/* The numbers of group, dataset and datatype are those of H5O_type_t. */
	value = address(&object.token);
	info->fileno[0] = object.fileno;
	info->objno[0] = value;
	info->nlink = object.rc;
	info->type = object.type;
	return 0;
}
