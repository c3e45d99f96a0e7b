//! Our structs lie in memory as those of C do: a C compiler is asked, with the headers of DAOS and, where `cargo xtask setup hdf5` has
//! fetched them, those of HDF5.

use crate::daos;
use crate::hdf5::{self, arguments, class};
use std::mem::{offset_of, size_of};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Writes an assertion for the size of a struct, and one for the offset of each of its members.
macro_rules! assertions {
    ($text:ident, $ours:ty = $theirs:literal { $($member:ident = $name:literal),* $(,)? }) => {
        $text.push_str(&format!(
            "_Static_assert(sizeof({0}) == {1}, \"size of {0}\");\n", $theirs, size_of::<$ours>()
        ));
        $($text.push_str(&format!(
            "_Static_assert(offsetof({0}, {1}) == {2}, \"{1} of {0}\");\n", $theirs, $name, offset_of!($ours, $member)
        ));)*
    };
}

/// Compiles a text with assertions.
fn compile(name: &str, text: &str, headers: &[PathBuf]) {
    let directory = std::env::temp_dir().join(format!("hdf5-vol-layout-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("the temporary directory is writable");
    let file = directory.join(name);
    std::fs::write(&file, text).expect("writable");
    let mut command = Command::new("gcc");
    command.args(["-std=gnu11", "-fsyntax-only"]).arg(&file);
    command.args(headers.iter().map(|path| format!("-I{}", path.display())));
    let output = command.output().expect("a C compiler is what the workspace needs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::remove_dir_all(&directory).expect("ours");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is below the root").to_owned()
}

#[test]
fn structs_of_daos_lie_as_in_its_headers() {
    let mut text = String::from("#include <stddef.h>\n#include <fcntl.h>\n#include <daos.h>\n#include <daos_uns.h>\n");
    assertions!(text, daos::ObjectId = "daos_obj_id_t" { low = "lo", high = "hi" });
    assertions!(text, daos::Vector = "d_iov_t" { buffer = "iov_buf", room = "iov_buf_len", length = "iov_len" });
    assertions!(text, daos::ScatterGather = "d_sg_list_t" { count = "sg_nr", count_out = "sg_nr_out", vectors = "sg_iovs" });
    assertions!(text, daos::Descriptor = "daos_iod_t" {
        name = "iod_name", kind = "iod_type", size = "iod_size", flags = "iod_flags", count = "iod_nr", extents = "iod_recxs",
    });
    assertions!(text, daos::ExtentMap = "daos_iom_t" {
        kind = "iom_type", count = "iom_nr", count_out = "iom_nr_out", flags = "iom_flags", size = "iom_size",
        lowest = "iom_recx_lo", highest = "iom_recx_hi", extents = "iom_recxs",
    });
    text.push_str("_Static_assert(DAOS_IOMF_DETAIL == 1, \"flag of maps\");\n");
    assertions!(text, daos::Event = "daos_event_t" { error = "ev_error", space = "ev_private", debug = "ev_debug" });
    assertions!(text, daos::Handle = "daos_handle_t" {});
    assertions!(text, daos::Extent = "daos_recx_t" { index = "rx_idx", count = "rx_nr" });
    assertions!(text, daos::KeyDescriptor = "daos_key_desc_t" { length = "kd_key_len", kind = "kd_val_type" });
    assertions!(text, daos::Anchor = "daos_anchor_t" {
        kind = "da_type", shard = "da_shard", flags = "da_flags", sub_anchors = "da_sub_anchors", buffer = "da_buf",
    });
    assertions!(text, daos::ContainerInformation = "daos_cont_info_t" {
        uuid = "ci_uuid", last_snapshot = "ci_lsnapshot", handles = "ci_nhandles", open_time = "ci_md_otime",
    });
    assertions!(text, daos::UnifiedName = "duns_attr_t" {
        class = "da_oclass_id", pool = "da_pool", container = "da_cont", system = "da_sys", path = "da_rel_path",
        pool_uuid = "da_puuid", directory_class = "da_dir_oclass_id", hints = "da_hints",
    });
    compile("daos.c", &text, &[root().join("include")]);
}

/// Where `cargo xtask setup hdf5` puts headers: among the user's caches, or below the target directory, in which this test's own program is.
fn hdf5_headers() -> Option<[PathBuf; 2]> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let cache = variable("DAOS_BUILD_CACHE").or_else(|| {
        Some(variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")))?.join("daos-build"))
    });
    let program = std::env::current_exe().ok()?;
    cache.iter().map(PathBuf::as_path).chain(program.ancestors()).find_map(|directory| {
        let root = directory.join("hdf5");
        let headers = [root.join("hdf5-1.14.5+repack/src"), root.join("build-1.14.5/src")];
        headers.iter().all(|directory| directory.is_dir()).then_some(headers)
    })
}

#[test]
fn structs_of_hdf5_lie_as_in_its_headers() {
    let Some(headers) = hdf5_headers() else {
        eprintln!("skip: HDF5's headers are not here; `cargo xtask setup hdf5` fetches them");
        return;
    };
    let mut text = String::from(
        "#include <stddef.h>\n#include <H5VLconnector.h>\n#include <H5VLnative.h>\n#include <H5Mpublic.h>\n\
         _Static_assert(H5VL_VERSION == 3, \"version of the tables\");\n",
    );
    tables(&mut text);
    questions(&mut text);
    information(&mut text);
    compile("hdf5.c", &text, &headers);
}

fn tables(text: &mut String) {
    assertions!(text, class::Class = "H5VL_class_t" {
        version = "version", value = "value", name = "name", connector_version = "conn_version",
        capabilities = "cap_flags", initialize = "initialize", terminate = "terminate", information = "info_cls",
        wrap = "wrap_cls", attribute = "attr_cls", dataset = "dataset_cls", datatype = "datatype_cls",
        file = "file_cls", group = "group_cls", link = "link_cls", object = "object_cls",
        introspection = "introspect_cls", request = "request_cls", blob = "blob_cls", token = "token_cls",
        optional = "optional",
    });
    assertions!(text, class::AttributeClass = "H5VL_attr_class_t" { create = "create", get = "get", close = "close" });
    assertions!(text, class::DatasetClass = "H5VL_dataset_class_t" { read = "read", specific = "specific" });
    assertions!(text, class::DatatypeClass = "H5VL_datatype_class_t" { commit = "commit", close = "close" });
    assertions!(text, class::FileClass = "H5VL_file_class_t" { create = "create", specific = "specific" });
    assertions!(text, class::GroupClass = "H5VL_group_class_t" { open = "open", close = "close" });
    assertions!(text, class::LinkClass = "H5VL_link_class_t" { copy = "copy", rename = "move", get = "get" });
    assertions!(text, class::ObjectClass = "H5VL_object_class_t" { open = "open", specific = "specific" });
    assertions!(text, class::RequestClass = "H5VL_request_class_t" { wait = "wait", free = "free" });
    assertions!(text, class::IntrospectionClass = "H5VL_introspect_class_t" { query_optional = "opt_query" });
    assertions!(text, class::BlobClass = "H5VL_blob_class_t" { put = "put", optional = "optional" });
    assertions!(text, class::TokenClass = "H5VL_token_class_t" { compare = "cmp", from_text = "from_str" });
    assertions!(text, class::InformationClass = "H5VL_info_class_t" { size = "size", from_text = "from_str" });
    assertions!(text, class::WrapClass = "H5VL_wrap_class_t" { get_object = "get_object", free_context = "free_wrap_ctx" });
}

fn maps(text: &mut String) {
    text.push_str("typedef __typeof__(((H5VL_map_args_t *)0)->create) create_t;\n");
    text.push_str("typedef __typeof__(((H5VL_map_args_t *)0)->open) open_t;\n");
    text.push_str("typedef __typeof__(((H5VL_map_args_t *)0)->get_val) get_val_t;\n");
    text.push_str("typedef __typeof__(((H5VL_map_args_t *)0)->exists) exists_t;\n");
    text.push_str("typedef __typeof__(((H5VL_map_args_t *)0)->put) put_t;\n");
    text.push_str("typedef __typeof__(((H5VL_map_args_t *)0)->get) get_t;\n");
    text.push_str("typedef __typeof__(((H5VL_map_args_t *)0)->specific) specific_t;\n");
    text.push_str("typedef __typeof__(((H5VL_map_args_t *)0)->specific.args.iterate) iterate_t;\n");
    text.push_str("typedef __typeof__(((H5VL_map_args_t *)0)->specific.args.del) del_t;\n");
    assertions!(text, arguments::MapCreate = "create_t" {
        location = "loc_params", name = "name", link_list = "lcpl_id", key = "key_type_id", value = "val_type_id",
        list = "mcpl_id", access_list = "mapl_id", map = "map",
    });
    assertions!(text, arguments::MapOpen = "open_t" {
        location = "loc_params", name = "name", access_list = "mapl_id", map = "map",
    });
    assertions!(text, arguments::MapGetValue = "get_val_t" {
        key_type = "key_mem_type_id", key = "key", value_type = "value_mem_type_id", value = "value",
    });
    assertions!(text, arguments::MapExists = "exists_t" { key_type = "key_mem_type_id", key = "key", exists = "exists" });
    assertions!(text, arguments::MapPut = "put_t" { key = "key", value_type = "value_mem_type_id", value = "value" });
    assertions!(text, arguments::MapGet = "get_t" { what = "get_type", arguments = "args" });
    assertions!(text, arguments::MapSpecific = "specific_t" { what = "specific_type", arguments = "args" });
    assertions!(text, arguments::MapIterate = "iterate_t" {
        location = "loc_params", position = "idx", key_type = "key_mem_type_id", visitor = "op", data = "op_data",
    });
    assertions!(text, arguments::MapDelete = "del_t" { location = "loc_params", key_type = "key_mem_type_id", key = "key" });
    assertions!(text, arguments::MapArguments = "H5VL_map_args_t" {});
    use arguments::{map_get, map_operation, map_specific};
    for (ours, theirs) in [
        (map_operation::CREATE, "H5VL_MAP_CREATE"),
        (map_operation::PUT, "H5VL_MAP_PUT"),
        (map_operation::SPECIFIC, "H5VL_MAP_SPECIFIC"),
        (map_operation::CLOSE, "H5VL_MAP_CLOSE"),
        (map_get::COUNT, "H5VL_MAP_GET_COUNT"),
        (map_specific::DELETE, "H5VL_MAP_DELETE"),
        (hdf5::identifier_type::MAP, "H5I_MAP"),
        (hdf5::object_type::MAP, "H5O_TYPE_MAP"),
    ] {
        text.push_str(&format!("_Static_assert({theirs} == {ours}, \"{theirs}\");\n"));
    }
}

fn questions(text: &mut String) {
    maps(text);
    assertions!(text, arguments::Location = "H5VL_loc_params_t" { object_type = "obj_type", kind = "type", data = "loc_data" });
    assertions!(text, arguments::ByIndex = "H5VL_loc_by_idx_t" { index = "idx_type", number = "n", access_list = "lapl_id" });
    assertions!(text, arguments::ByName = "H5VL_loc_by_name_t" { name = "name", access_list = "lapl_id" });
    assertions!(text, arguments::AttributeGet = "H5VL_attr_get_args_t" { arguments = "args" });
    assertions!(text, arguments::AttributeGetName = "H5VL_attr_get_name_args_t" { size = "buf_size", length = "attr_name_len" });
    assertions!(text, arguments::AttributeGetInformation = "H5VL_attr_get_info_args_t" { name = "attr_name", information = "ainfo" });
    assertions!(text, arguments::AttributeSpecific = "H5VL_attr_specific_args_t" { arguments = "args" });
    assertions!(text, arguments::AttributeIterate = "H5VL_attr_iterate_args_t" { position = "idx", visitor = "op", data = "op_data" });
    assertions!(text, arguments::DatasetGet = "H5VL_dataset_get_args_t" { arguments = "args" });
    assertions!(text, arguments::DatasetSpecific = "H5VL_dataset_specific_args_t" { arguments = "args" });
    assertions!(text, arguments::ChunkWrite = "H5VL_native_dataset_chunk_write_t" {
        offset = "offset", mask = "filters", size = "size", buffer = "buf",
    });
    assertions!(text, arguments::ChunkSize = "H5VL_native_dataset_get_chunk_storage_size_t" { size = "size" });
    assertions!(text, arguments::ChunkCount = "H5VL_native_dataset_get_num_chunks_t" { count = "nchunks" });
    assertions!(text, arguments::ChunkByIndex = "H5VL_native_dataset_get_chunk_info_by_idx_t" {
        index = "chk_index", offset = "offset", mask = "filter_mask", address = "addr", size = "size",
    });
    assertions!(text, arguments::ChunkByCoordinates = "H5VL_native_dataset_get_chunk_info_by_coord_t" {
        offset = "offset", mask = "filter_mask", address = "addr", size = "size",
    });
    assertions!(text, arguments::DatatypeGet = "H5VL_datatype_get_args_t" { arguments = "args" });
    assertions!(text, arguments::DatatypeSpecific = "H5VL_datatype_specific_args_t" { identifier = "args" });
    assertions!(text, arguments::FileGet = "H5VL_file_get_args_t" { arguments = "args" });
    assertions!(text, arguments::FileGetName = "H5VL_file_get_name_args_t" { size = "buf_size", length = "file_name_len" });
    assertions!(text, arguments::ObjectList = "H5VL_file_get_obj_ids_args_t" { count_max = "max_objs", list = "oid_list", count = "count" });
    assertions!(text, arguments::ContainerInformation = "H5VL_file_cont_info_t" {
        feature_flags = "feature_flags", token_size = "token_size", blob_size = "blob_id_size",
    });
    assertions!(text, arguments::FileSpecific = "H5VL_file_specific_args_t" { arguments = "args" });
    assertions!(text, arguments::GroupGet = "H5VL_group_get_args_t" { arguments = "args" });
    assertions!(text, arguments::GroupGetInformation = "H5VL_group_get_info_args_t" { information = "ginfo" });
    assertions!(text, arguments::GroupSpecific = "H5VL_group_specific_args_t" { arguments = "args" });
    assertions!(text, arguments::LinkCreate = "H5VL_link_create_args_t" { arguments = "args" });
    assertions!(text, arguments::LinkGet = "H5VL_link_get_args_t" { arguments = "args" });
    assertions!(text, arguments::LinkSpecific = "H5VL_link_specific_args_t" { arguments = "args" });
    assertions!(text, arguments::LinkIterate = "H5VL_link_iterate_args_t" {
        is_recursive = "recursive", index = "idx_type", position = "idx_p", visitor = "op", data = "op_data",
    });
    assertions!(text, arguments::ObjectGet = "H5VL_object_get_args_t" { arguments = "args" });
    assertions!(text, arguments::ObjectSpecific = "H5VL_object_specific_args_t" { arguments = "args" });
    assertions!(text, arguments::ObjectVisit = "H5VL_object_visit_args_t" { fields = "fields", visitor = "op", data = "op_data" });
    assertions!(text, arguments::BlobSpecific = "H5VL_blob_specific_args_t" { is_null = "args" });
    assertions!(text, arguments::OptionalArguments = "H5VL_optional_args_t" { operation = "op_type", arguments = "args" });
    assertions!(text, arguments::RequestSpecific = "H5VL_request_specific_args_t" { arguments = "args" });
}

fn information(text: &mut String) {
    assertions!(text, hdf5::TokenBytes = "H5O_token_t" {});
    assertions!(text, hdf5::ObjectInformation = "H5O_info2_t" {
        file_number = "fileno", token = "token", kind = "type", reference_count = "rc", access_time = "atime",
        modification_time = "mtime", change_time = "ctime", birth_time = "btime", attribute_count = "num_attrs",
    });
    assertions!(text, hdf5::LinkInformation = "H5L_info2_t" {
        kind = "type", has_creation_order = "corder_valid", creation_order = "corder", character_set = "cset", target = "u",
    });
    assertions!(text, hdf5::AttributeInformation = "H5A_info_t" {
        has_creation_order = "corder_valid", creation_order = "corder", character_set = "cset", data_size = "data_size",
    });
    assertions!(text, hdf5::GroupInformation = "H5G_info_t" {
        storage = "storage_type", link_count = "nlinks", creation_order_max = "max_corder", is_mounted = "mounted",
    });
}
