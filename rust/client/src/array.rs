//! Arrays of cells over integer dkeys, in upstream's layout.
