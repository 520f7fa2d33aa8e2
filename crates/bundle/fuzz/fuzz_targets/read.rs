//! Any bytes at all: never a panic, and what is read can be written and read again.
#![no_main]

mod same;

use libfuzzer_sys::fuzz_target;
use stillglass_bundle::Bundle;

fuzz_target!(|bytes: &[u8]| {
    match Bundle::read(bytes) {
        Ok(bundle) => same::check(&bundle),
        Err(error) => assert!(error.to_string().len() < 4096, "a message of any length"),
    }
});
