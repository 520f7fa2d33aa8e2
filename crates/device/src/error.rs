//! Why a call did not get its answer from the GPU; the CPU then gives it.

/// What went wrong. After any but [`Error::TooLarge`] the device is of no use: make another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no GPU to ask, or none that can do what is asked.
    #[error("no WebGPU here: {0}")]
    Absent(String),

    /// There is only a GPU that the CPU imitates, which the CPU is faster without.
    #[error("the only GPU is software: {0}; ask for backend gpu to use it")]
    Software(String),

    /// The GPU is there and gave no device.
    #[error("the GPU gave no device: {0}")]
    Refused(String),

    /// The device is gone: the driver was reset, or somebody let go of it.
    #[error("the GPU was lost: {0}")]
    Lost(String),

    /// The device has no memory left for the call.
    #[error("the GPU is out of memory: {0}")]
    Memory(String),

    /// A shader, a pipeline or a command was refused.
    #[error("the GPU refused the work: {0}")]
    Failed(String),

    /// No answer in the time that any working GPU needs.
    #[error("the GPU did not answer within {0} ms")]
    Silent(u32),

    /// Numbers that cannot be: a driver's fault.
    #[error("the GPU computes something else than the CPU")]
    Wrong,

    /// A student that is told which tokens both texts of a pair have, or that reads behind a teacher's layers: there are no
    /// kernels for these.
    #[error("models of this kind run on the CPU alone, which takes milliseconds for a text")]
    StaysOnCpu,
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
