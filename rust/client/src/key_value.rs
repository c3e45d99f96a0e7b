//! Flat key-value objects.
