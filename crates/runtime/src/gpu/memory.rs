//! Buffers that calls borrow: made once, kept for the next call.

use stillglass_device::{Buffer, Device, Use};

/// Buffers nobody uses; there are never many.
#[derive(Debug, Default)]
pub(super) struct Store(Vec<(Use, Buffer)>);

impl Store {
    /// The size of the buffer that `bytes` get.
    pub(super) fn size(bytes: u64) -> u64 {
        bytes.next_power_of_two().max(256)
    }

    /// A buffer of at least `bytes`; what is in it is left from an earlier call.
    pub(super) fn take(&mut self, device: &Device, use_: Use, bytes: u64) -> Buffer {
        let size = Self::size(bytes);
        let kept = self.find(use_, size);
        kept.unwrap_or_else(|| device.buffer(use_, size))
    }

    /// A kept buffer of exactly that size.
    pub(super) fn find(&mut self, use_: Use, size: u64) -> Option<Buffer> {
        let fits = |(other, buffer): &(Use, Buffer)| *other == use_ && buffer.size() == size;
        let place = self.0.iter().rposition(fits)?;
        Some(self.0.swap_remove(place).1)
    }

    /// Keeps a buffer for the next call.
    pub(super) fn give(&mut self, use_: Use, buffer: Buffer) {
        self.0.push((use_, buffer));
    }
}
