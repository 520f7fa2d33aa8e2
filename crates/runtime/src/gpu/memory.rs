//! Buffers that calls borrow: made once, kept for the next call.

use std::collections::BTreeMap;

/// What a buffer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// Read and written by kernels.
    Storage,
    /// Parameters.
    Uniform,
    /// Read by the CPU.
    Readback,
}

impl Use {
    fn usages(self) -> wgpu::BufferUsages {
        use wgpu::BufferUsages as Usages;
        match self {
            Self::Storage => Usages::STORAGE | Usages::COPY_DST | Usages::COPY_SRC,
            Self::Uniform => Usages::UNIFORM | Usages::COPY_DST,
            Self::Readback => Usages::MAP_READ | Usages::COPY_DST,
        }
    }
}

/// Buffers nobody uses, by use and size.
#[derive(Debug, Default)]
pub(super) struct Store(BTreeMap<(Use, u64), Vec<wgpu::Buffer>>);

impl Store {
    /// The size of the buffer that `bytes` get.
    pub(super) fn size(bytes: u64) -> u64 {
        bytes.next_power_of_two().max(256)
    }

    /// A buffer of at least `bytes`; what is in it is left from an earlier call.
    pub(super) fn take(&mut self, device: &wgpu::Device, use_: Use, bytes: u64) -> wgpu::Buffer {
        let size = Self::size(bytes);
        let kept = self.0.get_mut(&(use_, size)).and_then(Vec::pop);
        kept.unwrap_or_else(|| make(device, use_, size))
    }

    /// Keeps a buffer for the next call.
    pub(super) fn give(&mut self, use_: Use, buffer: wgpu::Buffer) {
        self.0
            .entry((use_, buffer.size()))
            .or_default()
            .push(buffer);
    }
}

/// A new buffer of that many bytes, a multiple of four.
pub(super) fn make(device: &wgpu::Device, use_: Use, size: u64) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size,
        usage: use_.usages(),
        mapped_at_creation: false,
    })
}
