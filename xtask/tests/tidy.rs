//! The map and the code say the same: who may import whom, how large files are, what documents name, what container
//! files run.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "tidy/containers.rs"]
mod containers;
#[path = "tidy/documents.rs"]
mod documents;
#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/sizes.rs"]
mod sizes;
#[path = "tidy/tree.rs"]
mod tree;
