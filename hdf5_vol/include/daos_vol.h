/* SPDX-License-Identifier: BSD-2-Clause-Patent */
/*
 * HDF5 files in DAOS containers: what a program can say in lists of properties, besides the names of files. Link with -lhdf5_vol_daos (pkg-config
 * hdf5_vol_daos), which is the connector itself: HDF5 needs no HDF5_PLUGIN_PATH then.
 *
 * Functions give a negative number for an error, which is on HDF5's stack of errors. A NULL text, or an empty one, takes back what was said.
 */
#ifndef DAOS_VOL_H
#define DAOS_VOL_H

#include <hdf5.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The connector's name, for H5VLregister_connector_by_name and HDF5_VOL_CONNECTOR. */
#define H5_DAOS_CONNECTOR_NAME "daos"
#define H5_DAOS_CONNECTOR_NAME_LEN 4
/** Its number. */
#define H5_DAOS_CONNECTOR_VALUE ((H5VL_class_value_t)4004)

/** A snapshot: the epoch that daos_cont_create_snap gives. */
typedef uint64_t H5_daos_snap_id_t;
/** No snapshot. */
#define H5_DAOS_SNAP_ID_INVAL ((uint64_t)(int64_t)-1)

/**
 * Has files opened by the connector.
 *
 * @fapl_id list of file access
 * @pool label or UUID of the pool of names that have none; NULL for DAOS_POOL
 * @sys_name the system of the pool; NULL for the usual one
 */
herr_t H5Pset_fapl_daos(hid_t fapl_id, const char *pool, const char *sys_name);

/**
 * Says in which container names are that have none; has files opened by the connector.
 *
 * @fapl_id list of file access
 * @container label or UUID; NULL for DAOS_CONT
 */
herr_t H5daos_set_container(hid_t fapl_id, const char *container);

/**
 * Has files opened as a snapshot of their container shows them, for reading; has files opened by the connector.
 *
 * @fapl_id list of file access
 * @snapshot its name, or its epoch as `daos container list-snaps` shows it; NULL for files as they are
 */
herr_t H5daos_set_snapshot(hid_t fapl_id, const char *snapshot);

/**
 * The same by the epoch of the snapshot.
 *
 * @fapl_id list of file access
 * @snap_id the snapshot; H5_DAOS_SNAP_ID_INVAL for files as they are
 */
herr_t H5Pset_daos_snap_open(hid_t fapl_id, H5_daos_snap_id_t snap_id);

/**
 * Writes all that was left to be written to a file, and makes a snapshot of its container. All ranks that have the file open together call it.
 *
 * @loc_id the file, or anything in it, open for writing
 * @snap_id [out] the snapshot
 */
herr_t H5daos_snap_create(hid_t loc_id, H5_daos_snap_id_t *snap_id);

/**
 * Chooses the class of objects, and with it over how many targets they spread.
 *
 * @plist_id list of file access, for all that is made in files that are opened with it; of the creation of files, for all that is made in the file
 *           where nothing else says otherwise; of the creation of datasets and maps, for their elements. Groups and committed datatypes have the
 *           class that their file was made with
 * @object_class a name such as "S1", "S2" or "SX"
 */
herr_t H5daos_set_object_class(hid_t plist_id, const char *object_class);

/**
 * Tells which class a list of properties has.
 *
 * @object_class [out] the name, cut to the size; empty where none was chosen; NULL when only its length is wanted
 * @size bytes of the buffer
 *
 * @return the length of the name without its zero
 */
ssize_t H5daos_get_object_class(hid_t plist_id, char *object_class, size_t size);

/** Says which class a root group has. It is kept in the list, and nothing asks for it: files know their root groups. */
herr_t H5daos_set_root_open_object_class(hid_t fapl_id, const char *object_class);

/** Tells what was said by H5daos_set_root_open_object_class, as H5daos_get_object_class does. */
ssize_t H5daos_get_root_open_object_class(hid_t fapl_id, char *object_class, size_t size);

/**
 * Says whether each rank of an MPI program changes the structure of files by itself, in no step with the others.
 *
 * @accpl_id list of file access
 */
herr_t H5daos_set_all_ind_metadata_ops(hid_t accpl_id, hbool_t is_independent);

/** Tells what was said by H5daos_set_all_ind_metadata_ops. */
herr_t H5daos_get_all_ind_metadata_ops(hid_t accpl_id, hbool_t *is_independent);

/** Always an error: files are made in containers that are there, which have their properties from `daos container create`. */
herr_t H5daos_set_prop(hid_t fcpl_id, const char *prop_str);

#ifdef __cplusplus
}
#endif

#endif /* DAOS_VOL_H */
