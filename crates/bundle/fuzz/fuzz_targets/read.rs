//! Any bytes at all: never a panic, and what is read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stillglass_bundle::Bundle;

fuzz_target!(|bytes: &[u8]| {
    match Bundle::read(bytes) {
        Ok(bundle) => {
            let again = bundle.write().expect("a bundle that was read can be written");
            let mut again = Bundle::read(&again).expect("a bundle that was written can be read");
            again.manifest.sha256.clone_from(&bundle.manifest.sha256);
            assert_eq!(again, bundle);
        }
        Err(error) => assert!(error.to_string().len() < 4096, "a message of any length"),
    }
});
