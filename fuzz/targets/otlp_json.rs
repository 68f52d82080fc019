//! OTLP in JSON: `collector::fuzzing::otlp_json` says what must hold.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| collector::fuzzing::otlp_json(data));
