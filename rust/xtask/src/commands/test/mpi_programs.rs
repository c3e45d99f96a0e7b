//! Programs of ROMIO's and MPICH's own tests of MPI-IO, and how each is run.

/// Where a program comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    /// ROMIO's `test`.
    Romio,
    /// MPICH's `test/mpi/io`.
    Mpich,
}

impl Suite {
    /// The directory of its programs.
    pub fn directory(self) -> &'static str {
        match self {
            Self::Romio => "romio",
            Self::Mpich => "io",
        }
    }
}

/// One program.
pub struct Foreign<'a> {
    pub suite: Suite,
    pub name: &'a str,
    pub ranks: u32,
    pub arguments: &'static [&'static str],
}

const fn romio(name: &'static str, ranks: u32) -> Foreign<'static> {
    Foreign { suite: Suite::Romio, name, ranks, arguments: &["-fname", "file"] }
}

const fn mpich(name: &'static str, ranks: u32) -> Foreign<'static> {
    Foreign { suite: Suite::Mpich, name, ranks, arguments: &[] }
}

/// All that suit a container. Two ranks where that is enough to test something; four where the program wants four.
pub const FOREIGN: &[Foreign<'static>] = &[
    romio("aggregation1", 2),
    romio("aggregation2", 2),
    romio("async", 2),
    romio("async-multiple", 2),
    romio("atomicity", 2),
    Foreign { arguments: &["file"], ..romio("big_extents", 2) },
    romio("coll_test", 2),
    romio("creat_excl", 2),
    romio("darray_read", 4),
    romio("error", 2),
    romio("excl", 2),
    romio("file_info", 2),
    romio("hindexed", 4),
    romio("i_noncontig", 2),
    romio("misc", 2),
    romio("noncontig", 2),
    romio("noncontig_coll", 2),
    romio("noncontig_coll2", 2),
    romio("ordered_fp", 2),
    romio("psimple", 2),
    romio("shared_fp", 2),
    romio("simple", 2),
    romio("split_coll", 2),
    romio("status", 2),
    Foreign { arguments: &["test_hintfile"], ..romio("syshints", 2) },
    romio("types_with_zeros", 2),
    mpich("async", 2),
    mpich("async_any", 2),
    mpich("external32_derived_dtype", 1),
    mpich("getextent", 2),
    mpich("hindexed_io", 1),
    mpich("i_aggregation1", 2),
    mpich("i_aggregation2", 2),
    mpich("i_coll_test", 2),
    mpich("i_darray_read", 4),
    mpich("i_hindexed", 4),
    mpich("i_hindexed_io", 1),
    mpich("i_noncontig", 2),
    mpich("i_noncontig_coll", 2),
    mpich("i_noncontig_coll2", 2),
    mpich("i_rdwrord", 2),
    mpich("i_setviewcur", 2),
    mpich("i_types_with_zeros", 2),
    mpich("rdwrord", 2),
    mpich("rdwrzero", 2),
    mpich("resized", 1),
    mpich("resized2", 1),
    mpich("setinfo", 2),
    mpich("setviewcur", 2),
    mpich("tst_fileview", 1),
    mpich("userioerr", 1),
    mpich("zero_count", 2),
];

/// Those that read their file by fopen(3), or remove it by unlink(2).
pub const MOUNTED: &[Foreign<'static>] = &[
    Foreign { arguments: &[], ..romio("external32", 2) },
    Foreign { arguments: &["simple_collective.testfile"], ..mpich("simple_collective", 1) },
];

/// A program that is too large for every run.
pub struct Large {
    pub program: Foreign<'static>,
    /// Why it does not run each time.
    pub reason: &'static str,
    /// What each rank says when all is well, in lower-case letters.
    pub verdict: &'static str,
}

const fn large(program: Foreign<'static>, reason: &'static str, verdict: &'static str) -> Large {
    Large { program, reason, verdict }
}

/// Those that are too large for every run.
pub const LARGE: &[Large] = &[
    large(mpich("bigtype", 1), "it wants 6.5 GB of memory", "no errors"),
    large(mpich("i_bigtype", 1), "it wants 6.5 GB of memory", "no errors"),
    large(romio("large_array", 2), "it writes 4 GiB", "data read back is correct"),
    large(romio("large_file", 1), "it writes 4 GiB", "data read back is correct"),
];

/// Those that are left out, and why.
pub const LOCAL_ONLY: &[(&str, &str)] =
    &[("romio coll_perf", "it measures and checks nothing"), ("romio perf", "it measures and checks nothing")];
