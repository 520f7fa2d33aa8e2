//! A header and tensors put together with the right length and the right hash, so that every other
//! check has to hold by itself. The input is the header's text, a zero byte, the tensors.
#![no_main]

mod same;

use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};
use stillglass_bundle::Bundle;

/// What stands before the digits of the hash; the manifest is JSON text inside JSON.
const MARK: &[u8] = br#"\"sha256\":\""#;
const DIGITS: usize = 64;

fuzz_target!(|input: &[u8]| {
    let cut = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let mut header = input[..cut].to_vec();
    header.resize(header.len().next_multiple_of(8), b' ');
    let size = (header.len() as u64).to_le_bytes();
    let mut bytes = [&size, &header[..], input.get(cut + 1..).unwrap_or(&[])].concat();
    seal(&mut bytes, 8 + header.len());
    match Bundle::read(&bytes) {
        Ok(bundle) => same::check(&bundle),
        Err(error) => assert!(error.to_string().len() < 4096, "a message of any length"),
    }
});

/// Writes the hash in its place, if the header still has one.
fn seal(bytes: &mut [u8], end: usize) {
    let Some(mark) = bytes[..end].windows(MARK.len()).rposition(|window| window == MARK) else {
        return;
    };
    let place = mark + MARK.len()..mark + MARK.len() + DIGITS;
    if place.end > end {
        return;
    }
    bytes[place.clone()].fill(b'0');
    let digest = Sha256::digest(&*bytes);
    let digits = digest.iter().flat_map(|byte| format!("{byte:02x}").into_bytes());
    bytes[place].iter_mut().zip(digits).for_each(|(old, new)| *old = new);
}
