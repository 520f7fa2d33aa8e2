//! Why a call did not get its answer from the GPU; the CPU then gives it.

/// What went wrong. After any but [`Error::TooLarge`] the device is of no use: make another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no GPU to ask, or none that is allowed.
    #[error("no GPU here: {0}")]
    Absent(String),

    /// The GPU is there and gave no device.
    #[error("the GPU gave no device: {0}")]
    Refused(String),

    /// The device is gone: the driver was reset, or the page let go of it.
    #[error("the GPU was lost: {0}")]
    Lost(String),

    /// The device has no memory left for the call.
    #[error("the GPU is out of memory: {0}")]
    Memory(String),

    /// A shader, a pipeline or a command was refused.
    #[error("the GPU refused the work: {0}")]
    Failed(String),

    /// The model or the call is larger than every GPU is sure to take.
    #[error("{what}: {found}, the GPU takes {most} at most; run it on the CPU")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        found: usize,
        /// The largest that works.
        most: usize,
    },
}
