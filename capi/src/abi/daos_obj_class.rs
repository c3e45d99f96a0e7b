//! `daos_obj_class.h`: object classes.

use core::ffi::{c_int, c_uint, c_ushort};

/// The number of an object class: its redundancy in the upper 8 bits, its count of groups in the lower ones.
pub type daos_oclass_id_t = u32;
/// Wishes about redundancy and spread, `DAOS_OCH_*`, for an object whose class the library chooses.
pub type daos_oclass_hints_t = u16;

pub const MAX_OBJ_CLASS_NAME_LEN: c_int = 24;
pub const OC_REDUN_SHIFT: c_int = 24;

c_enum! {
    /// The kind of redundancy of an object class: the upper 8 bits of its number.
    pub enum daos_obj_redun: c_uint {
        OC_UNKNOWN = 0,
        OR_RP_1 = 1,
        OR_RP_2 = 8,
        OR_RP_3 = 9,
        OR_RP_4 = 10,
        OR_RP_5 = 11,
        OR_RP_6 = 12,
        OR_RP_8 = 13,
        OR_RP_12 = 14,
        OR_RP_16 = 15,
        OR_RP_24 = 16,
        OR_RP_32 = 17,
        OR_RP_48 = 18,
        OR_RP_64 = 19,
        OR_RP_128 = 20,
        OR_RS_2P1 = 32,
        OR_RS_2P2 = 33,
        OR_RS_4P1 = 34,
        OR_RS_4P2 = 35,
        OR_RS_8P1 = 36,
        OR_RS_8P2 = 37,
        OR_RS_16P1 = 38,
        OR_RS_16P2 = 39,
        OR_RS_4P3 = 40,
        OR_RS_8P3 = 41,
        OR_RS_16P3 = 42,
        OC_BACK_COMPAT = 50,
        OC_TINY = 51,
        OC_SMALL = 52,
        OC_LARGE = 53,
        OC_MAX = 54,
        OC_RP_TINY = 60,
        OC_RP_SMALL = 61,
        OC_RP_LARGE = 62,
        OC_RP_MAX = 63,
        OC_RP_SF_TINY = 70,
        OC_RP_SF_SMALL = 71,
        OC_RP_SF_LARGE = 72,
        OC_RP_SF_MAX = 73,
        OC_RP_XSF = 80,
        OC_EC_TINY = 100,
        OC_EC_SMALL = 101,
        OC_EC_LARGE = 102,
        OC_EC_MAX = 103,
        OC_S1 = 0x1000001,
        OC_S2 = 0x1000002,
        OC_S4 = 0x1000004,
        OC_S6 = 0x1000006,
        OC_S8 = 0x1000008,
        OC_S12 = 0x100000c,
        OC_S16 = 0x1000010,
        OC_S32 = 0x1000020,
        OC_SX = 0x100ffff,
        OC_RP_2G1 = 0x8000001,
        OC_RP_2G2 = 0x8000002,
        OC_RP_2G4 = 0x8000004,
        OC_RP_2G6 = 0x8000006,
        OC_RP_2G8 = 0x8000008,
        OC_RP_2G12 = 0x800000c,
        OC_RP_2G16 = 0x8000010,
        OC_RP_2G32 = 0x8000020,
        OC_RP_2GX = 0x800ffff,
        OC_RP_3G1 = 0x9000001,
        OC_RP_3G2 = 0x9000002,
        OC_RP_3G4 = 0x9000004,
        OC_RP_3G6 = 0x9000006,
        OC_RP_3G8 = 0x9000008,
        OC_RP_3G12 = 0x900000c,
        OC_RP_3G16 = 0x9000010,
        OC_RP_3G32 = 0x9000020,
        OC_RP_3GX = 0x900ffff,
        OC_RP_4G1 = 0xa000001,
        OC_RP_4G2 = 0xa000002,
        OC_RP_4G4 = 0xa000004,
        OC_RP_4G6 = 0xa000006,
        OC_RP_4G8 = 0xa000008,
        OC_RP_4G12 = 0xa00000c,
        OC_RP_4G16 = 0xa000010,
        OC_RP_4G32 = 0xa000020,
        OC_RP_4GX = 0xa00ffff,
        OC_RP_5G1 = 0xb000001,
        OC_RP_5G2 = 0xb000002,
        OC_RP_5G4 = 0xb000004,
        OC_RP_5G6 = 0xb000006,
        OC_RP_5G8 = 0xb000008,
        OC_RP_5G12 = 0xb00000c,
        OC_RP_5G16 = 0xb000010,
        OC_RP_5G32 = 0xb000020,
        OC_RP_5GX = 0xb00ffff,
        OC_RP_6G1 = 0xc000001,
        OC_RP_6G2 = 0xc000002,
        OC_RP_6G4 = 0xc000004,
        OC_RP_6G6 = 0xc000006,
        OC_RP_6G8 = 0xc000008,
        OC_RP_6G12 = 0xc00000c,
        OC_RP_6G16 = 0xc000010,
        OC_RP_6G32 = 0xc000020,
        OC_RP_6GX = 0xc00ffff,
        OC_RP_12G1 = 0xe000001,
        OC_RP_16G1 = 0xf000001,
        OC_RP_24G1 = 0x10000001,
        OC_RP_32G1 = 0x11000001,
        OC_RP_48G1 = 0x12000001,
        OC_RP_64G1 = 0x13000001,
        OC_RP_128G1 = 0x14000001,
        OC_EC_2P1G1 = 0x20000001,
        OC_EC_2P1G2 = 0x20000002,
        OC_EC_2P1G4 = 0x20000004,
        OC_EC_2P1G6 = 0x20000006,
        OC_EC_2P1G8 = 0x20000008,
        OC_EC_2P1G12 = 0x2000000c,
        OC_EC_2P1G16 = 0x20000010,
        OC_EC_2P1G32 = 0x20000020,
        OC_EC_2P1GX = 0x2000ffff,
        OC_EC_2P2G1 = 0x21000001,
        OC_EC_2P2G2 = 0x21000002,
        OC_EC_2P2G4 = 0x21000004,
        OC_EC_2P2G6 = 0x21000006,
        OC_EC_2P2G8 = 0x21000008,
        OC_EC_2P2G12 = 0x2100000c,
        OC_EC_2P2G16 = 0x21000010,
        OC_EC_2P2G32 = 0x21000020,
        OC_EC_2P2GX = 0x2100ffff,
        OC_EC_4P1G1 = 0x22000001,
        OC_EC_4P1G2 = 0x22000002,
        OC_EC_4P1G4 = 0x22000004,
        OC_EC_4P1G6 = 0x22000006,
        OC_EC_4P1G8 = 0x22000008,
        OC_EC_4P1G12 = 0x2200000c,
        OC_EC_4P1G16 = 0x22000010,
        OC_EC_4P1G32 = 0x22000020,
        OC_EC_4P1GX = 0x2200ffff,
        OC_EC_4P2G1 = 0x23000001,
        OC_EC_4P2G2 = 0x23000002,
        OC_EC_4P2G4 = 0x23000004,
        OC_EC_4P2G6 = 0x23000006,
        OC_EC_4P2G8 = 0x23000008,
        OC_EC_4P2G12 = 0x2300000c,
        OC_EC_4P2G16 = 0x23000010,
        OC_EC_4P2G32 = 0x23000020,
        OC_EC_4P2GX = 0x2300ffff,
        OC_EC_4P3G1 = 0x28000001,
        OC_EC_4P3G2 = 0x28000002,
        OC_EC_4P3G4 = 0x28000004,
        OC_EC_4P3G6 = 0x28000006,
        OC_EC_4P3G8 = 0x28000008,
        OC_EC_4P3G12 = 0x2800000c,
        OC_EC_4P3G16 = 0x28000010,
        OC_EC_4P3G32 = 0x28000020,
        OC_EC_4P3GX = 0x2800ffff,
        OC_EC_8P1G1 = 0x24000001,
        OC_EC_8P1G2 = 0x24000002,
        OC_EC_8P1G4 = 0x24000004,
        OC_EC_8P1G6 = 0x24000006,
        OC_EC_8P1G8 = 0x24000008,
        OC_EC_8P1G12 = 0x2400000c,
        OC_EC_8P1G16 = 0x24000010,
        OC_EC_8P1G32 = 0x24000020,
        OC_EC_8P1GX = 0x2400ffff,
        OC_EC_8P2G1 = 0x25000001,
        OC_EC_8P2G2 = 0x25000002,
        OC_EC_8P2G4 = 0x25000004,
        OC_EC_8P2G6 = 0x25000006,
        OC_EC_8P2G8 = 0x25000008,
        OC_EC_8P2G12 = 0x2500000c,
        OC_EC_8P2G16 = 0x25000010,
        OC_EC_8P2G32 = 0x25000020,
        OC_EC_8P2GX = 0x2500ffff,
        OC_EC_8P3G1 = 0x29000001,
        OC_EC_8P3G2 = 0x29000002,
        OC_EC_8P3G4 = 0x29000004,
        OC_EC_8P3G6 = 0x29000006,
        OC_EC_8P3G8 = 0x29000008,
        OC_EC_8P3G12 = 0x2900000c,
        OC_EC_8P3G16 = 0x29000010,
        OC_EC_8P3G32 = 0x29000020,
        OC_EC_8P3GX = 0x2900ffff,
        OC_EC_16P1G1 = 0x26000001,
        OC_EC_16P1G2 = 0x26000002,
        OC_EC_16P1G4 = 0x26000004,
        OC_EC_16P1G6 = 0x26000006,
        OC_EC_16P1G8 = 0x26000008,
        OC_EC_16P1G12 = 0x2600000c,
        OC_EC_16P1G16 = 0x26000010,
        OC_EC_16P1G32 = 0x26000020,
        OC_EC_16P1GX = 0x2600ffff,
        OC_EC_16P2G1 = 0x27000001,
        OC_EC_16P2G2 = 0x27000002,
        OC_EC_16P2G4 = 0x27000004,
        OC_EC_16P2G6 = 0x27000006,
        OC_EC_16P2G8 = 0x27000008,
        OC_EC_16P2G12 = 0x2700000c,
        OC_EC_16P2G16 = 0x27000010,
        OC_EC_16P2G32 = 0x27000020,
        OC_EC_16P2GX = 0x2700ffff,
        OC_EC_16P3G1 = 0x2a000001,
        OC_EC_16P3G2 = 0x2a000002,
        OC_EC_16P3G4 = 0x2a000004,
        OC_EC_16P3G6 = 0x2a000006,
        OC_EC_16P3G8 = 0x2a000008,
        OC_EC_16P3G12 = 0x2a00000c,
        OC_EC_16P3G16 = 0x2a000010,
        OC_EC_16P3G32 = 0x2a000020,
        OC_EC_16P3GX = 0x2a00ffff,
        OC_RESERVED = 0x40000000,
    }
}

c_enum! {
    /// How an object is spread over targets.
    pub enum daos_obj_schema: c_uint {
        DAOS_OS_SINGLE = 0,
        DAOS_OS_STRIPED = 1,
        DAOS_OS_DYN_STRIPED = 2,
        DAOS_OS_DYN_CHUNKED = 3,
    }
}

c_enum! {
    /// How an object survives failures.
    pub enum daos_obj_resil: c_uint {
        DAOS_RES_EC = 0,
        DAOS_RES_REPL = 1,
    }
}

/// What an object class means.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_oclass_attr {
    pub ca_schema: daos_obj_schema,
    pub ca_resil: daos_obj_resil,
    pub ca_resil_degree: c_uint,
    pub ca_grp_nr: c_uint,
    pub u: AnonymousRedundancy,
}

/// The redundancy of an object class: `rp` when it is replicated, `ec` when erasure coded.
#[repr(C)]
#[derive(Clone, Copy)]
pub union AnonymousRedundancy {
    pub rp: daos_rp_attr,
    pub ec: daos_ec_attr,
}

/// Replication: `r_num` copies.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_rp_attr {
    pub r_proto: c_uint,
    pub r_num: c_uint,
}

/// Erasure coding: `e_k` data cells and `e_p` parity cells of `e_len` bytes each.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_ec_attr {
    pub e_k: c_ushort,
    pub e_p: c_ushort,
    pub e_len: c_uint,
}

/// A list of object classes and their attributes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_oclass_list {
    pub cl_nr: u32,
    pub cl_nr_out: u32,
    pub cl_cids: *mut daos_oclass_id_t,
    pub cl_cattrs: *mut daos_oclass_attr,
}
