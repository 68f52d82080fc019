//! Remote-Write: `collector::fuzzing::remote_write` says what must hold.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| collector::fuzzing::remote_write(data));
