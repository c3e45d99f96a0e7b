//! The tables that HDF5 gets, in which every call about a file elsewhere goes to the connector below.

use super::{below, below_calls};
use crate::hdf5::class::{
    AttributeClass, BlobClass, DatasetClass, DatatypeClass, FileClass, GroupClass, LinkClass, ObjectClass, TokenClass,
};

pub const ATTRIBUTE: AttributeClass = AttributeClass {
    create: Some(below::attribute_create),
    open: Some(below::attribute_open),
    read: Some(below::attribute_read),
    write: Some(below::attribute_write),
    get: Some(below::attribute_get),
    specific: Some(below::attribute_specific),
    optional: Some(below::attribute_optional),
    close: Some(below::attribute_close),
};

pub const DATASET: DatasetClass = DatasetClass {
    create: Some(below::dataset_create),
    open: Some(below::dataset_open),
    read: Some(below_calls::read),
    write: Some(below_calls::write),
    get: Some(below::dataset_get),
    specific: Some(below::dataset_specific),
    optional: Some(below::dataset_optional),
    close: Some(below::dataset_close),
};

pub const DATATYPE: DatatypeClass = DatatypeClass {
    commit: Some(below::datatype_commit),
    open: Some(below::datatype_open),
    get: Some(below::datatype_get),
    specific: Some(below::datatype_specific),
    optional: Some(below::datatype_optional),
    close: Some(below::datatype_close),
};

pub const FILE: FileClass = FileClass {
    create: Some(below_calls::file_create),
    open: Some(below_calls::file_open),
    get: Some(below::file_get),
    specific: Some(below_calls::file_specific),
    optional: Some(below::file_optional),
    close: Some(below::file_close),
};

pub const GROUP: GroupClass = GroupClass {
    create: Some(below::group_create),
    open: Some(below::group_open),
    get: Some(below::group_get),
    specific: Some(below_calls::group_specific),
    optional: Some(below::group_optional),
    close: Some(below::group_close),
};

pub const LINK: LinkClass = LinkClass {
    create: Some(below_calls::link_create),
    copy: Some(below_calls::link_copy),
    rename: Some(below_calls::link_move),
    get: Some(below::link_get),
    specific: Some(below::link_specific),
    optional: Some(below::link_optional),
};

pub const OBJECT: ObjectClass = ObjectClass {
    open: Some(below::object_open),
    copy: Some(below_calls::object_copy),
    get: Some(below::object_get),
    specific: Some(below::object_specific),
    optional: Some(below::object_optional),
};

pub const BLOB: BlobClass = BlobClass {
    put: Some(below::blob_put),
    get: Some(below::blob_get),
    specific: Some(below::blob_specific),
    optional: Some(below::blob_optional),
};

pub const TOKEN: TokenClass = TokenClass {
    compare: Some(below::token_compare),
    to_text: Some(below::token_to_text),
    from_text: Some(below::token_from_text),
};
