//! A damaged file is always noticed: cut anywhere, or with any bit turned.

use sha2::{Digest, Sha256};
use stillglass_bundle::{Bundle, Error};

use crate::{fixture, teacher};

/// A student and a teacher.
fn bundles() -> [Vec<u8>; 2] {
    [fixture::small(), teacher::small()].map(|bundle| bundle.write().unwrap())
}

#[test]
fn a_cut_at_every_byte_is_named() {
    assert_eq!(Bundle::read(&[]), Err(Error::Empty));
    for bytes in bundles() {
        for end in 1..bytes.len() {
            match Bundle::read(&bytes[..end]) {
                Err(Error::Truncated { want, found }) => {
                    assert!(found == end as u64 && found < want && want <= bytes.len() as u64);
                }
                other => panic!("cut to {end} bytes: {other:?}"),
            }
        }
    }
}

#[test]
fn a_flip_of_every_bit_is_noticed() {
    for mut bytes in bundles() {
        for bit in 0..8 * bytes.len() {
            let mask = 1 << (bit % 8);
            bytes[bit / 8] ^= mask;
            assert!(Bundle::read(&bytes).is_err(), "bit {bit} was turned unseen");
            bytes[bit / 8] ^= mask;
        }
        assert!(Bundle::read(&bytes).is_ok(), "all bits are back");
    }
}

/// As a browser computes it for the runtime.
#[test]
fn a_hash_computed_elsewhere_counts_as_the_readers_own() {
    for bytes in bundles() {
        let digits = Bundle::digits(&bytes).expect("a header that can be read");
        let own = std::str::from_utf8(&bytes[digits.clone()])
            .unwrap()
            .to_owned();
        assert_eq!(Bundle::read_hashed(&bytes, &own), Bundle::read(&bytes));

        let mut zeroed = bytes.clone();
        zeroed[digits].fill(b'0');
        let hash = Sha256::digest(&zeroed);
        let found = hash
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        assert_eq!(found, own, "the definition");

        let want = own.clone();
        let found = "0".repeat(64);
        let refused = Bundle::read_hashed(&bytes, &found);
        assert_eq!(refused, Err(Error::Hash { want, found }));
        assert_eq!(Bundle::digits(&bytes[..bytes.len() / 2]), None);
    }
}

#[test]
fn every_missing_or_doubled_byte_is_noticed() {
    for bytes in bundles() {
        for at in 0..bytes.len() {
            let mut less = bytes.clone();
            let byte = less.remove(at);
            assert!(
                Bundle::read(&less).is_err(),
                "byte {at} was taken out unseen"
            );
            let mut more = bytes.clone();
            more.insert(at, byte);
            assert!(Bundle::read(&more).is_err(), "byte {at} was doubled unseen");
        }
    }
}

#[test]
fn bytes_after_the_end_are_counted() {
    let mut bytes = fixture::small().write().unwrap();
    bytes.extend([0; 3]);
    assert_eq!(Bundle::read(&bytes), Err(Error::Trailing(3)));
}

#[test]
fn damage_to_weights_is_called_damage() {
    let mut bytes = fixture::small().write().unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let error = Bundle::read(&bytes).unwrap_err();
    assert!(matches!(error, Error::Hash { .. }), "{error}");
}
