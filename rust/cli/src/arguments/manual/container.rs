//! Of containers.

pub const CONTAINER_CREATE: &str = "Create a container

A container of type POSIX gets an empty file system; chunk size and object classes are its defaults.

Properties: 'csum' is the checksum that is kept beside every value: off, crc16, crc32, crc64, adler32, sha1, sha256 or sha512 \
[default: crc64]; 'csum_size' the bytes under one checksum [default: 32KiB]; 'srv_cksum' on or off, whether checksums that come with \
an update are verified by the server [default: off]. They stay as they are for the life of the container.

JSON response: as of 'container query'.";

pub const CONTAINER_CREATE_EXAMPLES: &str = concat!(
    "Examples:
  daos cont create tank results
  daos cont create tank home --type POSIX
  daos cont create tank big --type POSIX --chunk-size 4MiB --file-oclass SX
  daos cont create tank shared --type POSIX --path ~/shared
  daos cont create tank safe --properties csum:sha256,csum_size:64KiB

",
    exit_status!()
);

pub const CONTAINER_LINK: &str = "Make a path that stands for a container

The path becomes a directory, or a file for containers of type HDF5, with the extended attribute user.daos, which names the \
container. Commands on containers take it with --path in place of pool and container, as programs of upstream's unified namespace \
do, and a mount of dfuse in which it lies shows the container there. The container must be of a type that has a name.";

pub const CONTAINER_LINK_EXAMPLES: &str = "JSON response: path.

Examples:
  daos cont link tank home --path ~/home
  daos cont query --path ~/home";

pub const CONTAINER_LIST_EXAMPLES: &str = "JSON response: [] of uuid, label.

Examples:
  daos cont list tank
  daos cont ls tank --json";

pub const CONTAINER_QUERY_EXAMPLES: &str = "JSON response: pool_uuid, container_uuid, container_label, container_type, \
redundancy_factor, num_handles (this command's own among them), num_snapshots, open_time, close_modify_time, health; of a \
POSIX container also object_class, dir_object_class, file_object_class, chunk_size.

Examples:
  daos cont query tank home
  daos cont query tank home --json
  daos cont query --path /mnt/dfuse/some/file";

pub const CONTAINER_DESTROY_EXAMPLES: &str =
    "There is no way back. A container that is open is destroyed with --force \
only. A path that stands for it goes as well when --path names it.

Examples:
  daos cont destroy tank home
  daos cont destroy tank home --force";

pub const CONTAINER_GET_PROP: &str = "Show properties of a container

Those that a container has depend on how it was created; its label and its layout type are always there.";

pub const CONTAINER_GET_PROP_EXAMPLES: &str = "JSON response: [] of name, description, value.

Examples:
  daos cont get-prop tank home
  daos cont get-prop tank home label,layout_type --json";

pub const CONTAINER_SET_PROP: &str = "Set properties of a container

'label' can be set: the container is found by its new label from then on.";

pub const CONTAINER_SET_PROP_EXAMPLES: &str = "Examples:
  daos cont set-prop tank home label:house";

pub const CONTAINER_SET_ATTR_EXAMPLES: &str = "Examples:
  daos cont set-attr tank home owner ann
  daos cont set-attr tank home owner:ann,project:x7";

pub const CONTAINER_GET_ATTR_EXAMPLES: &str =
    "JSON response: [] of name and value, the value in base64; one such object \
when one name is given.

Examples:
  daos cont get-attr tank home
  daos cont get-attr tank home owner";

pub const CONTAINER_LIST_ATTR_EXAMPLES: &str = "JSON response: [] of names; with --verbose [] of name and value, the \
value in base64.

Examples:
  daos cont list-attr tank home";

pub const CONTAINER_DEL_ATTR_EXAMPLES: &str = "Examples:
  daos cont del-attr tank home owner
  daos cont del-attr tank home owner,project";

pub const CONTAINER_GET_ACL_EXAMPLES: &str = "JSON response: { \"entries\", \"owner_user\", \"owner_group\" }.

Examples:
  daos container get-acl tank home
  daos container get-acl tank home --file home.acl";

pub const CONTAINER_OVERWRITE_ACL_EXAMPLES: &str = "Examples:
  daos container overwrite-acl tank home --acl-file home.acl";

pub const CONTAINER_UPDATE_ACL_EXAMPLES: &str = "Examples:
  daos container update-acl tank home --entry A:G:staff@:rt";

pub const CONTAINER_DELETE_ACL_EXAMPLES: &str = "Examples:
  daos container delete-acl tank home --principal g:staff@";

pub const CONTAINER_SET_OWNER_EXAMPLES: &str = "Examples:
  daos container set-owner tank home --user ann";

pub const CONTAINER_LIST_OBJECTS: &str = "List the objects of a container

Each line is an id, HI.LO, two decimal numbers, as 'daos object query' takes it. What is made or removed meanwhile may be among them \
or not; with the epoch of a snapshot the list is that of the snapshot.";

pub const CONTAINER_LIST_OBJECTS_EXAMPLES: &str = "JSON response: [] of ids.

Examples:
  daos container list-objects tank home
  daos container list-objects tank home --epc 0x5ae1b2c3d4e5f607 --json";

pub const CONTAINER_CREATE_SNAP: &str = "Make a snapshot of a container.

It shows everything that was written before, on all targets alike, and nothing of what is written later. Changes of the container wait for a \
moment meanwhile. It takes no space by itself; what it shows is kept until it is destroyed.";

pub const CONTAINER_CREATE_SNAP_EXAMPLES: &str = "JSON response: { \"epoch\", \"timestamp\", \"name\" if it has one }.

Examples:
  daos container create-snap tank home
  daos container create-snap tank home --snap before-upgrade";

pub const CONTAINER_LIST_SNAP_EXAMPLES: &str =
    "JSON response: [] of { \"epoch\", \"timestamp\", \"name\" if it has one }, the oldest first.

Examples:
  daos container list-snaps tank home";

pub const CONTAINER_DESTROY_SNAP: &str = "Destroy snapshots of a container.

What only they show is freed in idle time.";

pub const CONTAINER_DESTROY_SNAP_EXAMPLES: &str = "Examples:
  daos container destroy-snap tank home --snap before-upgrade
  daos container destroy-snap tank home --epc 0x18eb7e1c3a400000
  daos container destroy-snap tank home --epcrange 1-0x18eb7e1c3a400000";

pub const CONTAINER_ROLLBACK: &str = "Bring a container back to its newest snapshot.

Everything that was written since is gone then, as if it had never been. The container may be open elsewhere: its handles stay open, and what they \
read or write meanwhile waits. Snapshots that are newer than the one that is named would be lost with it: destroy them first.";

pub const CONTAINER_ROLLBACK_EXAMPLES: &str = "Examples:
  daos container rollback tank home --snap before-upgrade
  daos container rollback tank home --epc 0x18eb7e1c3a400000";
