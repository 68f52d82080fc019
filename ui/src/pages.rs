//! The pages, one file each: what it asks the engine, and what its template shows.

pub(crate) mod alerts;
pub(crate) mod compare;
pub(crate) mod complete;
pub(crate) mod connect;
pub(crate) mod delivery;
pub(crate) mod go;
pub(crate) mod home;
pub(crate) mod ingest;
pub(crate) mod logs;
pub(crate) mod map;
pub(crate) mod metrics;
pub(crate) mod not_found;
pub(crate) mod rules;
pub(crate) mod service;
pub(crate) mod silence;
pub(crate) mod slo;
pub(crate) mod slos;
pub(crate) mod span;
pub(crate) mod sql;
pub(crate) mod trace;
pub(crate) mod trace_data;
pub(crate) mod trace_find;
pub(crate) mod trace_otlp;
pub(crate) mod traces;
