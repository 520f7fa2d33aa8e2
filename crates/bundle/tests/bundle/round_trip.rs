//! What is written is read back the same, by this crate and by the safetensors crate.

use stillglass_bundle::Bundle;

use crate::fixture;

#[test]
fn a_bundle_survives_the_trip() {
    let bundle = fixture::small();
    let bytes = bundle.write().unwrap();
    let mut back = Bundle::read(&bytes).unwrap();
    assert_eq!(back.manifest.sha256.len(), 64);
    back.manifest.sha256.clear();
    assert_eq!(back, bundle);
}
