/*
 * Maps in files of a container: `maps FILE write` makes some, `maps FILE read` looks at them in another process, and `maps FILE ranks` is for several
 * ranks, which fill one map together.
 */

#include <hdf5.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define require(condition)                                                                                             \
	do {                                                                                                               \
		if (!(condition)) {                                                                                            \
			fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition);                                            \
			H5Eprint2(H5E_DEFAULT, stderr);                                                                            \
			exit(1);                                                                                                   \
		}                                                                                                              \
	} while (0)

#define fails(call)                                                                                                    \
	do {                                                                                                               \
		long long result;                                                                                              \
		H5E_BEGIN_TRY { result = call; }                                                                               \
		H5E_END_TRY                                                                                                    \
		require(result < 0);                                                                                           \
	} while (0)

enum { MANY = 5000 };

/* Bytes between members mean nothing. */
struct place {
	char floor;
	double x;
	short y;
};

struct named {
	int number;
	char *name;
};

static hid_t text_type(void)
{
	hid_t type = H5Tcopy(H5T_C_S1);
	H5Tset_size(type, H5T_VARIABLE);
	return type;
}

static hid_t place_type(int is_whole)
{
	hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(struct place));
	H5Tinsert(type, "floor", offsetof(struct place, floor), H5T_NATIVE_CHAR);
	if (is_whole)
		H5Tinsert(type, "x", offsetof(struct place, x), H5T_NATIVE_DOUBLE);
	H5Tinsert(type, "y", offsetof(struct place, y), H5T_NATIVE_SHORT);
	return type;
}

static hid_t named_type(void)
{
	hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(struct named)), text = text_type();
	H5Tinsert(type, "number", offsetof(struct named, number), H5T_NATIVE_INT);
	H5Tinsert(type, "name", offsetof(struct named, name), text);
	H5Tclose(text);
	return type;
}

static struct place place_of(int number, int filler)
{
	struct place place;
	memset(&place, filler, sizeof(place));
	place.floor = number % 7;
	place.x = number / 7;
	place.y = number;
	return place;
}

static hid_t create(hid_t file, const char *name, hid_t key, hid_t value)
{
	hid_t map = H5Mcreate(file, name, key, value, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	require(map >= 0);
	return map;
}

static hsize_t count_of(hid_t map)
{
	hsize_t count = 0;
	require(H5Mget_count(map, &count, H5P_DEFAULT) >= 0);
	return count;
}

/* Keys and values are converted on their way in and out. */
static void write_numbers(hid_t file)
{
	hid_t map = create(file, "numbers", H5T_STD_I64BE, H5T_IEEE_F32LE);
	hbool_t exists = 1;

	for (int key = 0; key < MANY; key++) {
		double value = key / 2.0;
		require(H5Mput(map, H5T_NATIVE_INT, &key, H5T_NATIVE_DOUBLE, &value, H5P_DEFAULT) >= 0);
	}
	for (int key = 0; key < MANY; key += 1000) {
		float value = -1;
		require(H5Mget(map, H5T_NATIVE_INT, &key, H5T_NATIVE_FLOAT, &value, H5P_DEFAULT) >= 0 && value == key / 2.0);
	}
	require(count_of(map) == MANY);
	for (int key = 1; key < MANY; key += 100)
		require(H5Mdelete(map, H5T_NATIVE_INT, &key, H5P_DEFAULT) >= 0);
	int key = 1;
	double value = 0;
	fails(H5Mdelete(map, H5T_NATIVE_INT, &key, H5P_DEFAULT));
	fails(H5Mget(map, H5T_NATIVE_INT, &key, H5T_NATIVE_DOUBLE, &value, H5P_DEFAULT));
	require(H5Mexists(map, H5T_NATIVE_INT, &key, &exists, H5P_DEFAULT) >= 0 && !exists);
	require(H5Mput(map, H5T_NATIVE_INT, &key, H5T_NATIVE_DOUBLE, &value, H5P_DEFAULT) >= 0);
	require(H5Mexists(map, H5T_NATIVE_INT, &key, &exists, H5P_DEFAULT) >= 0 && exists);
	/* Those through an event set have ended when they return. */
	hid_t set = H5EScreate();
	size_t left = 1;
	value = 7.25;
	require(H5Mput_async(map, H5T_NATIVE_INT, &key, H5T_NATIVE_DOUBLE, &value, H5P_DEFAULT, set) >= 0);
	value = 0;
	require(H5Mget_async(map, H5T_NATIVE_INT, &key, H5T_NATIVE_DOUBLE, &value, H5P_DEFAULT, set) >= 0 && value == 7.25);
	require(H5ESwait(set, H5ES_WAIT_FOREVER, &left, &exists) >= 0 && left == 0 && !exists);
	H5ESclose(set);
	require(H5Mclose(map) >= 0);
}

static void read_numbers(hid_t file)
{
	hid_t map = H5Mopen(file, "numbers", H5P_DEFAULT);
	hid_t key_type = H5Mget_key_type(map), value_type = H5Mget_val_type(map);

	require(H5Tequal(key_type, H5T_STD_I64BE) > 0 && H5Tequal(value_type, H5T_IEEE_F32LE) > 0);
	require(count_of(map) == MANY - MANY / 100 + 1);
	for (int key = 0; key < MANY; key++) {
		double value = -1;
		hbool_t exists = 0;
		require(H5Mexists(map, H5T_NATIVE_INT, &key, &exists, H5P_DEFAULT) >= 0);
		require(exists == (key == 1 || key % 100 != 1));
		if (exists)
			require(H5Mget(map, H5T_NATIVE_INT, &key, H5T_NATIVE_DOUBLE, &value, H5P_DEFAULT) >= 0);
		require(!exists || value == (key == 1 ? 7.25 : key / 2.0));
	}
	H5Tclose(key_type);
	H5Tclose(value_type);
	H5Mclose(map);
}

static const char *const TEXTS[] = {"", "a", "another text", "\xc3\xa4"};
enum { TEXTS_COUNT = 4 };

static void write_texts(hid_t file)
{
	hid_t text = text_type(), map = create(file, "texts", text, text);
	const char *none = NULL;

	for (int number = 0; number < TEXTS_COUNT; number++)
		require(H5Mput(map, text, &TEXTS[number], text, &TEXTS[TEXTS_COUNT - 1 - number], H5P_DEFAULT) >= 0);
	fails(H5Mput(map, H5T_NATIVE_INT, &none, text, &TEXTS[0], H5P_DEFAULT));
	require(H5Mclose(map) >= 0);
	map = create(file, "none", text, text);
	require(H5Mput(map, text, &TEXTS[1], text, &none, H5P_DEFAULT) >= 0);
	require(H5Mput(map, text, &none, text, &TEXTS[1], H5P_DEFAULT) >= 0);
	require(H5Mput(map, text, &TEXTS[0], text, &TEXTS[2], H5P_DEFAULT) >= 0 && count_of(map) == 3);
	H5Mclose(map);
	H5Tclose(text);
}

static void read_texts(hid_t file)
{
	hid_t text = text_type(), map = H5Mopen(file, "texts", H5P_DEFAULT);
	char *value = NULL;
	const char *none = NULL;

	require(count_of(map) == TEXTS_COUNT);
	for (int number = 0; number < TEXTS_COUNT; number++) {
		require(H5Mget(map, text, &TEXTS[number], text, &value, H5P_DEFAULT) >= 0);
		require(strcmp(value, TEXTS[TEXTS_COUNT - 1 - number]) == 0);
		free(value);
	}
	H5Mclose(map);
	map = H5Mopen(file, "none", H5P_DEFAULT);
	value = (char *)TEXTS[0];
	require(H5Mget(map, text, &TEXTS[1], text, &value, H5P_DEFAULT) >= 0 && value == NULL);
	require(H5Mget(map, text, &none, text, &value, H5P_DEFAULT) >= 0 && strcmp(value, TEXTS[1]) == 0);
	free(value);
	H5Mclose(map);
	H5Tclose(text);
}

/* Sequences of the same beginning, and an empty one. Elements are converted. */
static void sequences(hid_t file, int is_write)
{
	hid_t stored_key = H5Tvlen_create(H5T_STD_I16BE), stored_value = H5Tvlen_create(H5T_IEEE_F64BE);
	hid_t key_type = H5Tvlen_create(H5T_NATIVE_INT), value_type = H5Tvlen_create(H5T_NATIVE_FLOAT);
	hid_t map = is_write ? create(file, "sequences", stored_key, stored_value) : H5Mopen(file, "sequences", H5P_DEFAULT);
	int numbers[] = {1, 0, 2, 0};
	float values[] = {1.5, 2.5, 3.5, 4.5};

	for (size_t length = 0; length <= 4; length++) {
		hvl_t key = {length, numbers}, value = {4 - length, values};
		if (is_write) {
			require(H5Mput(map, key_type, &key, value_type, &value, H5P_DEFAULT) >= 0);
			continue;
		}
		require(H5Mget(map, key_type, &key, value_type, &value, H5P_DEFAULT) >= 0 && value.len == 4 - length);
		for (size_t number = 0; number < value.len; number++)
			require(((float *)value.p)[number] == values[number]);
		free(value.p);
	}
	require(count_of(map) == 5);
	H5Mclose(map);
	H5Tclose(stored_key);
	H5Tclose(stored_value);
	H5Tclose(key_type);
	H5Tclose(value_type);
}

/* Of a key only its members count; of a value some may be set and others stay. */
static void write_compounds(hid_t file)
{
	hid_t place = place_type(1), part = place_type(0), map = create(file, "places", place, place);

	for (int number = 0; number < 20; number++) {
		struct place key = place_of(number, 0x55), value = place_of(2 * number, 0), other = place_of(100, 1);
		require(H5Mput(map, place, &key, place, &value, H5P_DEFAULT) >= 0);
		key = place_of(number, 0xaa);
		require(H5Mput(map, place, &key, part, &other, H5P_DEFAULT) >= 0);
	}
	require(count_of(map) == 20);
	H5Mclose(map);
	H5Tclose(place);
	H5Tclose(part);
}

static void read_compounds(hid_t file)
{
	hid_t place = place_type(1), part = place_type(0), map = H5Mopen(file, "places", H5P_DEFAULT);

	for (int number = 0; number < 20; number++) {
		struct place key = place_of(number, 0x33), value = place_of(0, 0), expected = place_of(100, 0);
		require(H5Mget(map, place, &key, place, &value, H5P_DEFAULT) >= 0);
		require(value.x == place_of(2 * number, 0).x && value.y == expected.y && value.floor == expected.floor);
		value = place_of(700, 0);
		require(H5Mget(map, place, &key, part, &value, H5P_DEFAULT) >= 0);
		require(value.x == 100 && value.y == expected.y && value.floor == expected.floor);
	}
	H5Mclose(map);
	H5Tclose(place);
	H5Tclose(part);
}

/* Keys that are equal are one, whatever is in bytes that mean nothing. */
static void equal_keys(hid_t file)
{
	struct spaced {
		char letter;
		char text[7];
		double number;
	} key = {'k', "a", -0.0}, same = {'k', {'a', 0, 'x', 'y'}, 0.0}, other = {'k', "b", 0.0};
	hid_t text = H5Tcopy(H5T_C_S1), kind = H5Tcreate(H5T_COMPOUND, sizeof(struct spaced)), map;
	int value = 1, found = 0;
	hsize_t count = 0;
	hbool_t exists = 1;

	require(H5Tset_size(text, sizeof(key.text)) >= 0 && H5Tinsert(kind, "letter", HOFFSET(struct spaced, letter), H5T_NATIVE_CHAR) >= 0);
	require(H5Tinsert(kind, "text", HOFFSET(struct spaced, text), text) >= 0);
	require(H5Tinsert(kind, "number", HOFFSET(struct spaced, number), H5T_NATIVE_DOUBLE) >= 0);
	map = create(file, "equal", kind, H5T_NATIVE_INT);
	require(H5Mput(map, kind, &key, H5T_NATIVE_INT, &value, H5P_DEFAULT) >= 0);
	require(H5Mget(map, kind, &same, H5T_NATIVE_INT, &found, H5P_DEFAULT) >= 0 && found == 1);
	require(H5Mput(map, kind, &same, H5T_NATIVE_INT, &value, H5P_DEFAULT) >= 0);
	require(H5Mget_count(map, &count, H5P_DEFAULT) >= 0 && count == 1);
	require(H5Mexists(map, kind, &other, &exists, H5P_DEFAULT) >= 0 && !exists);
	require(H5Mdelete(map, kind, &same, H5P_DEFAULT) >= 0);
	require(H5Mget_count(map, &count, H5P_DEFAULT) >= 0 && count == 0);
	H5Mclose(map);
	/* Some of its bits mean nothing. */
	fails(H5Mcreate(file, "wrong", H5T_NATIVE_LDOUBLE, H5T_NATIVE_INT, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
	H5Tclose(kind);
	H5Tclose(text);
}

/* Values with texts within, and references. */
static void write_others(hid_t file)
{
	hid_t named = named_type(), map = create(file, "named", H5T_NATIVE_UCHAR, named);
	hobj_ref_t reference;

	for (unsigned char key = 0; key < 10; key++) {
		char text[32];
		struct named value = {key, text};
		sprintf(text, "number %d", key);
		require(H5Mput(map, H5T_NATIVE_UCHAR, &key, named, &value, H5P_DEFAULT) >= 0);
	}
	H5Mclose(map);
	map = create(file, "long", H5T_NATIVE_INT, H5T_NATIVE_INT);
	H5Mclose(map);
	H5O_token_t token;
	H5O_info2_t information;
	require(H5Oget_info_by_name3(file, "numbers", &information, H5O_INFO_BASIC, H5P_DEFAULT) >= 0);
	require(information.type == H5O_TYPE_MAP);
	token = information.token;
	memcpy(&reference, &token, sizeof(reference));
	map = create(file, "references", H5T_NATIVE_INT, H5T_STD_REF_OBJ);
	int key = 5;
	require(H5Mput(map, H5T_NATIVE_INT, &key, H5T_STD_REF_OBJ, &reference, H5P_DEFAULT) >= 0);
	H5Mclose(map);
	/* What no key can be. */
	fails(H5Mcreate(file, "wrong", named, H5T_NATIVE_INT, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
	fails(H5Mcreate(file, "wrong", H5T_STD_REF_OBJ, H5T_NATIVE_INT, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
	fails(H5Mcreate(file, "numbers", H5T_NATIVE_INT, H5T_NATIVE_INT, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
	require(H5Lexists(file, "wrong", H5P_DEFAULT) == 0);
	H5Tclose(named);
}

static void read_others(hid_t file)
{
	hid_t named = named_type(), map = H5Mopen(file, "named", H5P_DEFAULT);

	for (unsigned char key = 0; key < 10; key++) {
		char text[32];
		struct named value = {0, NULL};
		sprintf(text, "number %d", key);
		require(H5Mget(map, H5T_NATIVE_UCHAR, &key, named, &value, H5P_DEFAULT) >= 0);
		require(value.number == key && strcmp(value.name, text) == 0);
		free(value.name);
	}
	H5Mclose(map);
	H5Tclose(named);
}

struct walk {
	hid_t key_type;
	int seen[MANY], count, stop;
};

static herr_t visit(hid_t map, const void *key, void *data)
{
	struct walk *walk = data;
	int number = *(const int *)key;
	hbool_t exists = 0;

	require(number >= 0 && number < MANY && !walk->seen[number]);
	walk->seen[number] = 1;
	walk->count++;
	if (walk->count % 1000 == 0)
		require(H5Mexists(map, H5T_NATIVE_INT, key, &exists, H5P_DEFAULT) >= 0 && exists);
	return walk->count == walk->stop ? 3 : 0;
}

static herr_t visit_text(hid_t map, const void *key, void *data)
{
	char *value = NULL, *text = *(char *const *)key;
	hid_t type = text_type();

	require(H5Mget(map, type, key, type, &value, H5P_DEFAULT) >= 0);
	*(int *)data += strlen(text) + strlen(value);
	free(value);
	H5Tclose(type);
	return 0;
}

static herr_t refuse(hid_t map, const void *key, void *data)
{
	(void)map, (void)key, (void)data;
	return -1;
}

static void iterate(hid_t file)
{
	hid_t map = H5Mopen(file, "numbers", H5P_DEFAULT), text = text_type();
	struct walk *walk = calloc(1, sizeof(*walk));
	hsize_t position = 0, count = count_of(map);
	int length = 0, expected = 0;

	walk->stop = 10;
	require(H5Miterate(map, &position, H5T_NATIVE_INT, visit, walk, H5P_DEFAULT) == 3 && position == 10);
	require(H5Miterate_by_name(file, "numbers", &position, H5T_NATIVE_INT, visit, walk, H5P_DEFAULT, H5P_DEFAULT) == 0);
	require(position == count && walk->count == (int)count);
	fails(H5Miterate(map, &position, H5T_NATIVE_INT, visit, walk, H5P_DEFAULT));
	fails(H5Miterate(map, NULL, H5T_NATIVE_INT, refuse, NULL, H5P_DEFAULT));
	H5Mclose(map);
	map = H5Mopen(file, "texts", H5P_DEFAULT);
	require(H5Miterate(map, NULL, text, visit_text, &length, H5P_DEFAULT) == 0);
	for (int number = 0; number < TEXTS_COUNT; number++)
		expected += 2 * strlen(TEXTS[number]);
	require(length == expected);
	H5Mclose(map);
	H5Tclose(text);
	free(walk);
}

/* A map is an object as others are: it has attributes, links and copies, and goes with its last link. */
static void objects(hid_t file, const char *name)
{
	char *other_name = malloc(strlen(name) + 7);
	hid_t space = H5Screate(H5S_SCALAR), list = H5Pcreate(H5P_MAP_CREATE), access = H5Pcreate(H5P_MAP_ACCESS), id;
	hid_t map = H5Mopen(file, "numbers", H5P_DEFAULT), attribute, other;
	int key = 2, value = 0;
	double number = 0;

	attribute = H5Acreate2(map, "attribute", H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT);
	require(attribute >= 0 && H5Awrite(attribute, H5T_NATIVE_INT, &key) >= 0);
	H5Aclose(attribute);
	H5Mclose(map);
	map = H5Oopen(file, "numbers", H5P_DEFAULT);
	require(H5Iget_type(map) == H5I_MAP);
	attribute = H5Aopen(map, "attribute", H5P_DEFAULT);
	require(H5Aread(attribute, H5T_NATIVE_INT, &value) >= 0 && value == key);
	H5Aclose(attribute);
	H5Oclose(map);

	require(H5Ocopy(file, "numbers", file, "copy", H5P_DEFAULT, H5P_DEFAULT) >= 0);
	sprintf(other_name, "%s.other", name);
	other = H5Fcreate(other_name, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
	for (int object = 0; object < 4; object++) {
		const char *copied[] = {"named", "places", "texts", "references"};
		require(H5Ocopy(file, copied[object], other, copied[object], H5P_DEFAULT, H5P_DEFAULT) >= 0);
	}
	require(H5Lmove(file, "long", file, "moved", H5P_DEFAULT, H5P_DEFAULT) >= 0);
	require(H5Ldelete(file, "none", H5P_DEFAULT) >= 0);
	map = H5Mopen(file, "copy", H5P_DEFAULT);
	require(H5Mget(map, H5T_NATIVE_INT, &key, H5T_NATIVE_DOUBLE, &number, H5P_DEFAULT) >= 0 && number == 1);
	require(count_of(map) == MANY - MANY / 100 + 1 && H5Aexists(map, "attribute") > 0);
	H5Mclose(map);
	read_others(other);
	read_compounds(other);
	hobj_ref_t reference = 1;
	map = H5Mopen(other, "references", H5P_DEFAULT);
	key = 5;
	/* What it led to is not there. */
	require(H5Mget(map, H5T_NATIVE_INT, &key, H5T_STD_REF_OBJ, &reference, H5P_DEFAULT) >= 0 && reference == 0);
	H5Mclose(map);
	H5Fclose(other);

	require(H5Pset_map_iterate_hints(access, 1000, 1 << 20) >= 0);
	fails(H5Mcreate(file, "group/map", H5T_NATIVE_INT, H5T_NATIVE_INT, H5P_DEFAULT, list, access));
	id = H5Pcreate(H5P_LINK_CREATE);
	H5Pset_create_intermediate_group(id, 1);
	map = H5Mcreate(file, "group/map", H5T_NATIVE_INT, H5T_NATIVE_INT, id, list, access);
	require(map >= 0);
	H5Pclose(id);
	id = H5Mget_create_plist(map);
	require(id >= 0 && H5Pequal(id, list) > 0);
	H5Pclose(id);
	id = H5Mget_access_plist(map);
	require(id >= 0 && H5Pequal(id, access) > 0);
	H5Pclose(id);
	H5Mclose(map);
	map = H5Mcreate_anon(file, H5T_NATIVE_INT, H5T_NATIVE_INT, H5P_DEFAULT, H5P_DEFAULT);
	require(map >= 0 && H5Mput(map, H5T_NATIVE_INT, &key, H5T_NATIVE_INT, &key, H5P_DEFAULT) >= 0);
	require(H5Olink(map, file, "linked", H5P_DEFAULT, H5P_DEFAULT) >= 0);
	H5Mclose(map);
	fails(H5Mopen(file, "group", H5P_DEFAULT));
	fails(H5Dopen2(file, "numbers", H5P_DEFAULT));
	H5Sclose(space);
	H5Pclose(list);
	H5Pclose(access);
	free(other_name);
}

static void one(const char *name, int is_write)
{
	hid_t file = is_write ? H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT) : H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT);
	int key = 5, value = 0;

	require(file >= 0);
	if (is_write) {
		write_numbers(file);
		write_texts(file);
		read_texts(file);
		sequences(file, 1);
		write_compounds(file);
		write_others(file);
		equal_keys(file);
		iterate(file);
		objects(file, name);
	} else {
		hid_t map;
		read_numbers(file);
		fails(H5Mopen(file, "none", H5P_DEFAULT));
		sequences(file, 0);
		read_compounds(file);
		read_others(file);
		iterate(file);
		map = H5Mopen(file, "linked", H5P_DEFAULT);
		require(H5Mget(map, H5T_NATIVE_INT, &key, H5T_NATIVE_INT, &value, H5P_DEFAULT) >= 0 && value == key);
		fails(H5Mput(map, H5T_NATIVE_INT, &key, H5T_NATIVE_INT, &key, H5P_DEFAULT));
		fails(H5Mdelete(map, H5T_NATIVE_INT, &key, H5P_DEFAULT));
		H5Mclose(map);
	}
	require(H5Fclose(file) >= 0);
}

/* All make the map, and each puts keys of its own, which all find. */
static void together(const char *name)
{
	int rank, size;
	hid_t list = H5Pcreate(H5P_FILE_ACCESS), text = text_type(), file, map;

	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	H5Pset_fapl_mpio(list, MPI_COMM_WORLD, MPI_INFO_NULL);
	file = H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, list);
	require(file >= 0);
	map = create(file, "map", H5T_NATIVE_INT, text);
	for (int key = rank; key < 400; key += size) {
		char value[32], *pointer = value;
		sprintf(value, "%d of %d", key, rank);
		require(H5Mput(map, H5T_NATIVE_INT, &key, text, &pointer, H5P_DEFAULT) >= 0);
	}
	MPI_Barrier(MPI_COMM_WORLD);
	require(count_of(map) == 400);
	for (int key = 0; key < 400; key++) {
		char value[32], *pointer = NULL;
		sprintf(value, "%d of %d", key, key % size);
		require(H5Mget(map, H5T_NATIVE_INT, &key, text, &pointer, H5P_DEFAULT) >= 0 && strcmp(pointer, value) == 0);
		free(pointer);
	}
	MPI_Barrier(MPI_COMM_WORLD);
	for (int key = rank; key < 100; key += size)
		require(H5Mdelete(map, H5T_NATIVE_INT, &key, H5P_DEFAULT) >= 0);
	MPI_Barrier(MPI_COMM_WORLD);
	require(count_of(map) == 300);
	fails(H5Mcreate(file, "wrong", H5T_STD_REF_OBJ, H5T_NATIVE_INT, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
	H5Mclose(map);
	H5Tclose(text);
	require(H5Fclose(file) >= 0);
	H5Pclose(list);
}

int main(int count, char **arguments)
{
	require(count == 3);
	MPI_Init(&count, &arguments);
	if (strcmp(arguments[2], "ranks") == 0)
		together(arguments[1]);
	else
		one(arguments[1], strcmp(arguments[2], "write") == 0);
	H5close();
	MPI_Finalize();
	return 0;
}
