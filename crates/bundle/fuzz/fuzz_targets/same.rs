//! What a bundle that was read has to survive.

use stillglass_bundle::Bundle;

/// Written and read again it is the same, its hash and the last digits of extreme figures aside.
pub fn check(bundle: &Bundle) {
    let again = bundle.write().expect("a bundle that was read can be written");
    let mut again = Bundle::read(&again).expect("a bundle that was written can be read");
    again.manifest.sha256.clone_from(&bundle.manifest.sha256);
    for (new, old) in again.manifest.card.metrics.iter_mut().zip(&bundle.manifest.card.metrics) {
        // Figures this far from one are read to twelve digits.
        let extreme = !(1e-18..1e18).contains(&old.value.abs());
        if extreme && (new.value - old.value).abs() <= 1e-12 * old.value.abs() {
            new.value = old.value;
        }
    }
    assert_eq!(again, *bundle);
}
