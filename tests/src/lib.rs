//! What tests across crates share; the tests live in `tests/`, the measurements in `examples/`.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Waits for a future of the GPU: natively each step has happened when it is asked for.
pub fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::yield_now();
    }
}
