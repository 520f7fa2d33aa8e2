//! The GPU natively: each kernel against its f64 twin at awkward sizes, whole models against the CPU,
//! and calls whose device is lost.
//!
//! Any Vulkan or Metal device will do, a software one too. Without one the tests print SKIPPED; where
//! `STILLGLASS_GPU=required` promises one, they fail.

#[allow(dead_code)] // what the other tests use
#[path = "../student/made_up.rs"]
mod made_up;
#[path = "../../../crates/kernels/tests/support/mod.rs"]
mod support;

mod backward;
mod device;
mod forward;
mod made_up_teacher;
mod sequence;
mod service;
mod student;
mod teacher;
mod variants;

use std::io::Write;
use std::sync::OnceLock;

use stillglass_bundle::{Bundle, StudentWeights, Weights};
use stillglass_runtime::gpu::{Arithmetic, Call, Gpu, Matrix};
use stillglass_tests::wait;

/// The device all tests share; `None`, said aloud, where there is none.
fn gpu() -> Option<&'static Gpu> {
    static DEVICE: OnceLock<Option<Gpu>> = OnceLock::new();
    DEVICE.get_or_init(request).as_ref()
}

/// A device that multiplies in such a way; `None`, said aloud, where there is none.
fn gpu_with(arithmetic: Arithmetic) -> Option<Gpu> {
    let gpu = wait(Gpu::request_with(arithmetic));
    if let Err(error) = &gpu {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED  {arithmetic:?} arithmetic: {error}"
        );
    }
    gpu.ok()
}

fn request() -> Option<Gpu> {
    match wait(Gpu::request()) {
        Ok(gpu) => Some(gpu),
        Err(error) => {
            let required =
                std::env::var_os("STILLGLASS_GPU").is_some_and(|value| value == "required");
            assert!(!required, "STILLGLASS_GPU=required promises a GPU: {error}");
            // Not `eprintln!`, which tests keep to themselves.
            let _ = writeln!(std::io::stderr(), "SKIPPED  GPU tests: {error}");
            None
        }
    }
}

/// Runs a few kernels and answers the numbers of the last one's matrix; `None` without a GPU.
fn run(record: impl FnOnce(&mut Call) -> Matrix) -> Option<Vec<f32>> {
    gpu().map(|gpu| run_on(gpu, record))
}

/// Runs a few kernels on a device and answers the numbers of the last one's matrix.
fn run_on(gpu: &Gpu, record: impl FnOnce(&mut Call) -> Matrix) -> Vec<f32> {
    let mut call = gpu.call(8);
    let matrix = record(&mut call);
    wait(call.read(&matrix)).expect("the GPU answers")
}

/// A student's numbers.
fn weights(bundle: &Bundle) -> &StudentWeights {
    let Weights::Student(weights) = &bundle.weights else {
        panic!("a student's bundle")
    };
    weights
}
