//! Buffers that calls borrow: made once, kept for the next call.

use std::collections::BTreeMap;

use stillglass_device::{Buffer, Device, Use};

/// Buffers nobody uses, by use and size.
#[derive(Debug, Default)]
pub(super) struct Store(BTreeMap<(Use, u64), Vec<Buffer>>);

impl Store {
    /// The size of the buffer that `bytes` get.
    pub(super) fn size(bytes: u64) -> u64 {
        bytes.next_power_of_two().max(256)
    }

    /// A buffer of at least `bytes`; what is in it is left from an earlier call.
    pub(super) fn take(&mut self, device: &Device, use_: Use, bytes: u64) -> Buffer {
        let size = Self::size(bytes);
        let kept = self.0.get_mut(&(use_, size)).and_then(Vec::pop);
        kept.unwrap_or_else(|| device.buffer(use_, size))
    }

    /// Keeps a buffer for the next call.
    pub(super) fn give(&mut self, use_: Use, buffer: Buffer) {
        self.0
            .entry((use_, buffer.size()))
            .or_default()
            .push(buffer);
    }
}
