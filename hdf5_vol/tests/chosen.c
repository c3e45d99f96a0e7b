/*
 * A program that chooses by its lists of properties where files are, and of which class their objects: chosen POOL CONTAINER. It has nothing of the
 * connector in its environment. It is built by what `pkg-config hdf5_vol_daos` says.
 */

#include <H5VLconnector_passthru.h>
#include <daos_vol.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define require(condition)                                                                                             \
	do {                                                                                                               \
		if (!(condition)) {                                                                                            \
			fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition);                                            \
			exit(1);                                                                                                   \
		}                                                                                                              \
	} while (0)

enum { COUNT = 1000 };

static void write_step(hid_t file, const char *name, int step)
{
	hsize_t count = COUNT;
	int values[COUNT];
	hid_t space = H5Screate_simple(1, &count, NULL), list = H5Pcreate(H5P_DATASET_CREATE), dataset;

	for (int i = 0; i < COUNT; i++)
		values[i] = i * step;
	require(H5daos_set_object_class(list, "S1") >= 0);
	if (H5Lexists(file, name, H5P_DEFAULT) > 0)
		dataset = H5Dopen2(file, name, H5P_DEFAULT);
	else
		dataset = H5Dcreate2(file, name, H5T_NATIVE_INT, space, H5P_DEFAULT, list, H5P_DEFAULT);
	require(H5Dwrite(dataset, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
	H5Dclose(dataset);
	H5Pclose(list);
	H5Sclose(space);
}

static void check_step(hid_t file, const char *name, int step)
{
	int values[COUNT];
	hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);

	require(H5Dread(dataset, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
	for (int i = 0; i < COUNT; i++)
		require(values[i] == i * step);
	H5Dclose(dataset);
}

/* A list is copied, compared and closed with what it says. */
static void check_lists(hid_t list)
{
	hid_t copy = H5Pcopy(list);
	char text[16] = "";
	hbool_t is_independent = 0;

	require(H5Pequal(list, copy) > 0);
	require(H5daos_set_container(copy, "another") >= 0 && H5Pequal(list, copy) == 0);
	require(H5daos_get_object_class(copy, text, sizeof(text)) == 2 && strcmp(text, "SX") == 0);
	require(H5daos_get_object_class(copy, NULL, 0) == 2);
	require(H5daos_set_object_class(copy, NULL) >= 0 && H5daos_get_object_class(copy, text, sizeof(text)) == 0);
	require(H5daos_set_root_open_object_class(copy, "S1") >= 0);
	require(H5daos_get_root_open_object_class(copy, text, sizeof(text)) == 2 && strcmp(text, "S1") == 0);
	require(H5daos_get_all_ind_metadata_ops(copy, &is_independent) >= 0 && !is_independent);
	require(H5daos_set_all_ind_metadata_ops(copy, 1) >= 0);
	require(H5daos_get_all_ind_metadata_ops(copy, &is_independent) >= 0 && is_independent);
	H5Pclose(copy);
}

/* What a list says is a text, too, which other connectors hand on. */
static void check_text(hid_t list, const char *pool, const char *container)
{
	hid_t connector = H5VLget_connector_id_by_name(H5_DAOS_CONNECTOR_NAME);
	void *information = NULL, *again = NULL, *copy = NULL;
	char *text = NULL, expected[1024];
	int difference = 1;

	require(connector >= 0 && H5Pget_vol_info(list, &information) >= 0 && information != NULL);
	require(H5VLconnector_info_to_str(information, connector, &text) >= 0);
	snprintf(expected, sizeof(expected), "pool=%s;container=%s", pool, container);
	require(strcmp(text, expected) == 0);
	require(H5VLconnector_str_to_info(text, connector, &again) >= 0 && again != NULL);
	require(H5VLcmp_connector_info(&difference, connector, information, again) >= 0 && difference == 0);
	require(H5VLcopy_connector_info(connector, &copy, again) >= 0);
	require(H5VLfree_connector_info(connector, again) >= 0);
	require(H5VLconnector_str_to_info("pool=another", connector, &again) >= 0);
	require(H5VLcmp_connector_info(&difference, connector, copy, again) >= 0 && difference != 0);
	require(H5VLfree_connector_info(connector, again) >= 0 && H5VLfree_connector_info(connector, copy) >= 0);
	require(H5VLfree_connector_info(connector, information) >= 0);
	H5free_memory(text);
	H5VLclose(connector);
}

static herr_t note(unsigned number, const H5E_error2_t *error, void *said)
{
	(void)number;
	strncat(said, error->desc, 4095 - strlen(said));
	return 0;
}

static void requires_sentence(const char *part)
{
	char said[4096] = "";

	H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, note, said);
	if (!strstr(said, part)) {
		fprintf(stderr, "\"%s\" is not in \"%s\"\n", part, said);
		exit(1);
	}
}

static void check_mistakes(hid_t list)
{
	hid_t other = H5Pcreate(H5P_GROUP_CREATE);

	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
	require(H5daos_set_object_class(other, "S1") < 0);
	requires_sentence("that of their file");
	require(H5daos_set_object_class(list, "S99") < 0);
	requires_sentence("no object class \"S99\"");
	require(H5Pset_fapl_daos(other, "a", NULL) < 0);
	requires_sentence("none of file access");
	require(H5Pset_fapl_daos(list, "a;b", NULL) < 0);
	requires_sentence("\"b\" has no value");
	require(H5daos_set_prop(list, "rf:1") < 0);
	requires_sentence("daos container create");
	require(H5daos_snap_create(list, NULL) < 0 && H5daos_get_object_class(12345, NULL, 0) < 0);
	H5Eset_auto2(H5E_DEFAULT, (H5E_auto2_t)H5Eprint2, stderr);
	H5Pclose(other);
}

int main(int count, char **arguments)
{
	require(count == 3);
	hid_t list = H5Pcreate(H5P_FILE_ACCESS), old = H5Pcreate(H5P_FILE_ACCESS), file, id;
	H5_daos_snap_id_t snapshot = H5_DAOS_SNAP_ID_INVAL;
	hbool_t is_same = 1;

	require(H5Pset_fapl_daos(list, arguments[1], NULL) >= 0);
	require(H5daos_set_container(list, arguments[2]) >= 0);
	require(H5daos_set_object_class(list, "SX") >= 0);
	check_lists(list);
	check_text(list, arguments[1], arguments[2]);
	check_mistakes(list);

	file = H5Fcreate("chosen.h5", H5F_ACC_TRUNC, H5P_DEFAULT, list);
	require(file >= 0);
	write_step(file, "x", 1);
	require(H5daos_snap_create(file, &snapshot) >= 0 && snapshot != H5_DAOS_SNAP_ID_INVAL);
	write_step(file, "x", 2);
	check_step(file, "x", 2);
	id = H5Fget_access_plist(file);
	require(id >= 0);
	H5Pclose(id);
	H5Fclose(file);

	require(H5Pset_fapl_daos(old, arguments[1], NULL) >= 0 && H5daos_set_container(old, arguments[2]) >= 0);
	require(H5Pset_daos_snap_open(old, snapshot) >= 0);
	file = H5Fopen("chosen.h5", H5F_ACC_RDONLY, old);
	require(file >= 0);
	check_step(file, "x", 1);
	H5Fclose(file);
	require(H5Fis_accessible("chosen.h5", old) > 0 && H5Fis_accessible("none.h5", old) <= 0);
	require(H5Pset_daos_snap_open(old, H5_DAOS_SNAP_ID_INVAL) >= 0);
	file = H5Fopen("chosen.h5", H5F_ACC_RDONLY, old);
	check_step(file, "x", 2);
	require(H5VLobject_is_native(file, &is_same) >= 0 && !is_same);
	H5Fclose(file);
	H5Pclose(list);
	H5Pclose(old);

	/* Once more, as the connector went with HDF5. */
	require(H5close() >= 0 && H5open() >= 0);
	list = H5Pcreate(H5P_FILE_ACCESS);
	require(H5Pset_fapl_daos(list, arguments[1], NULL) >= 0 && H5daos_set_container(list, arguments[2]) >= 0);
	file = H5Fopen("chosen.h5", H5F_ACC_RDONLY, list);
	check_step(file, "x", 2);
	H5Fclose(file);
	H5Pclose(list);
	puts("as chosen");
	return 0;
}
