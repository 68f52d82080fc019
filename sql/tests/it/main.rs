//! SQL over a real store in a temporary directory: half of its rows in segments, half in memory.

mod fixture;
mod hostile;
mod queries;
