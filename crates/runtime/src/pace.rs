//! How a call shares the machine: it says how far it is, lets others have a turn, and can be broken off.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use crate::{Progress, Watch};

/// A wait that a [`Host`] ends.
pub type Wait = Pin<Box<dyn Future<Output = ()>>>;

/// What the surroundings give to a call: a clock, and an ear.
pub trait Host {
    /// Milliseconds since some moment.
    fn now(&self) -> f64;

    /// Ends after so many milliseconds; others have their turn meanwhile.
    fn after(&self, milliseconds: u32) -> Wait;

    /// Is told how far the call is, and may break it off.
    fn watch(&self, progress: Progress) -> ControlFlow<()>;
}

/// Milliseconds that a call keeps the machine to itself.
const BREATH: f64 = 30.0;

/// Why a backend gave no answer.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Whoever watched broke the call off.
    BrokenOff,
    /// The GPU failed.
    #[cfg(feature = "gpu")]
    Gpu(crate::gpu::Error),
}

#[cfg(feature = "gpu")]
impl From<crate::gpu::Error> for Stop {
    fn from(error: crate::gpu::Error) -> Self {
        Self::Gpu(error)
    }
}

/// The pace of a call, or of one text's share of it.
pub(crate) struct Pace<'a> {
    pub(crate) host: &'a dyn Host,
    rested: Cell<f64>,
    /// Which of so many equal shares this is.
    share: Cell<(usize, usize)>,
}

impl<'a> Pace<'a> {
    /// The pace of a whole call.
    pub(crate) fn new(host: &'a dyn Host) -> Self {
        Self {
            host,
            rested: Cell::new(host.now()),
            share: Cell::new((0, 1)),
        }
    }

    /// What follows is the share `index` of `count`.
    pub(crate) fn set_share(&self, index: usize, count: usize) {
        self.share.set((index, count));
    }

    /// Says how far the share is, after a rest if one is due.
    pub(crate) async fn tick(&self, done: usize, total: usize) -> Result<(), Stop> {
        if self.host.now() - self.rested.get() > BREATH {
            self.host.after(0).await;
            self.rested.set(self.host.now());
        }
        let (index, count) = self.share.get();
        let progress = Progress {
            done: index * total + done,
            total: count * total,
        };
        match self.host.watch(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Stop::BrokenOff),
        }
    }
}

/// Surroundings without a clock: nothing rests.
pub(crate) struct Unhurried<'a, 'w>(RefCell<&'a mut Watch<'w>>);

impl<'a, 'w> Unhurried<'a, 'w> {
    pub(crate) fn new(watch: &'a mut Watch<'w>) -> Self {
        Self(RefCell::new(watch))
    }
}

impl Host for Unhurried<'_, '_> {
    fn now(&self) -> f64 {
        0.0
    }

    fn after(&self, _milliseconds: u32) -> Wait {
        Box::pin(std::future::ready(()))
    }

    fn watch(&self, progress: Progress) -> ControlFlow<()> {
        (self.0.borrow_mut())(progress)
    }
}

/// The output of a future that never waits: one on the CPU, in surroundings without a clock.
pub(crate) fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing on the CPU waits"),
    }
}
