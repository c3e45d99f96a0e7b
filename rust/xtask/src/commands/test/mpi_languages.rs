//! MPICH's tests of MPI-IO in Fortran (`mpif.h`, `use mpi`, `use mpi_f08`) and in C++.
//!
//! Most of them are one program with another call in the middle, and each language has it: the names follow a rule.

/// The calls that the harness is made for, in the words of its names; C++ has each with and without a status.
const HARNESS: &[&str] = &[
    "iwriteat",
    "iwrite",
    "iwritesh",
    "write",
    "writeat",
    "writeall",
    "writesh",
    "writeord",
    "writeatall",
    "writeatallbe",
    "writeallbe",
    "writeordbe",
];
/// What each Fortran has besides.
const FORTRAN: &[&str] = &["iwriteatall", "fileerr", "fileinfo", "shposition", "atomicity", "miscfile", "setviewcur"];
/// What only one of them has, under its whole name.
const F77_ONLY: &[&str] = &["i_setviewcurf", "c2f2ciof", "c2fmultio"];
const F90_ONLY: &[&str] = &["i_setviewcurf90", "c2f2ciof90", "c2f90multio"];
const F08_ONLY: &[&str] = &["i_fcoll_test", "c2f2ciof90", "c2f90multio"];
const CXX_ONLY: &[&str] = &["fileerrx", "fileinfox", "filemiscx", "shpositionx", "seekavail"];

/// All programs, by directory and name, as they are built.
pub fn programs() -> Vec<String> {
    let mut programs = Vec::new();
    for (directory, end, only) in [("f77", "f", F77_ONLY), ("f90", "f90", F90_ONLY), ("f08", "f90", F08_ONLY)] {
        programs.extend(HARNESS.iter().chain(FORTRAN).map(|name| format!("{directory}/{name}{end}")));
        programs.extend(only.iter().map(|name| format!("{directory}/{name}")));
    }
    programs.extend(HARNESS.iter().flat_map(|name| [format!("cxx/{name}x"), format!("cxx/{name}nosx")]));
    programs.extend(CXX_ONLY.iter().map(|name| format!("cxx/{name}")));
    programs
}

/// The ranks that a program needs. Two are enough, but for those whose ranks take turns at the shared pointer by passing a
/// message around a ring: a rank with one neighbour on both sides passes none and waits for none.
pub fn ranks(path: &str) -> u32 {
    if path.contains("writesh") { 4 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_of_tests_has_as_many_as_mpich_has() {
        let count = |directory: &str| programs().iter().filter(|path| path.starts_with(directory)).count();
        assert_eq!([count("f77/"), count("f90/"), count("f08/"), count("cxx/")], [22, 22, 22, 29]);
    }
}
