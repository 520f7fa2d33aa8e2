//! The way to the GPU: opened by the first call that wants it, shut for a while when it fails.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use stillglass_device::{Adapter, Needs};
use stillglass_text::Encoding;

use super::Error;
use super::machine::{Machine, PATIENCE, within};
use super::timing::{Timing, least_work, work};
use crate::answers::answer_rest;
use crate::network::Network;
use crate::pace::{Pace, Stop};
use crate::{Choice, Classification, Host, Model, Request};

/// Milliseconds that the door stays shut after a first failure; twice as long after each further one.
const REST: f64 = 5_000.0;
/// The longest that it stays shut.
const LONGEST_REST: f64 = 300_000.0;

/// The way to the GPU.
#[derive(Debug)]
pub(crate) struct Door {
    state: RefCell<State>,
    /// How long the next failure shuts it.
    rest: Cell<f64>,
    timing: RefCell<Option<Timing>>,
}

#[derive(Debug)]
enum State {
    /// Nobody has asked, or a rest is over.
    Closed,
    Open(Rc<Machine>),
    /// Until then, because of this.
    Shut(f64, Error),
}

impl Default for Door {
    fn default() -> Self {
        Self {
            state: RefCell::new(State::Closed),
            rest: Cell::new(REST),
            timing: RefCell::new(None),
        }
    }
}

impl Door {
    /// Answers what the GPU is to answer, in order, and says why it did not answer the rest.
    pub(crate) async fn answer(
        &self,
        model: &Model,
        texts: &[Encoding],
        request: Request,
        pace: &Pace<'_>,
        answers: &mut Vec<Classification>,
    ) -> Result<Option<String>, Stop> {
        let work = work(model, texts, request.explain);
        let auto = request.backend == Choice::Auto;
        if auto && !self.may_be_worth(model, work) {
            return Ok(None);
        }
        let tried = self.try_answer(model, texts, request, work, pace, answers);
        match tried.await {
            Ok(()) => Ok(None),
            Err(Stop::BrokenOff) => Err(Stop::BrokenOff),
            Err(Stop::Gpu(error)) => {
                let reason = error.to_string();
                self.shut(error, pace.host.now());
                Ok(Some(reason))
            }
        }
    }

    /// Lets go of the device; a call in flight hears that it is lost.
    pub(crate) fn release(&self) {
        let mut state = self.state.borrow_mut();
        if let State::Open(machine) = &*state {
            machine.gpu.destroy();
            *state = State::Closed;
        }
    }

    /// What `auto` has measured, or was told.
    pub(crate) fn timing(&self) -> Option<Timing> {
        self.timing.borrow().clone()
    }

    /// Tells what was measured before.
    pub(crate) fn set_timing(&self, timing: Timing) {
        self.timing.replace(Some(timing));
    }

    async fn try_answer(
        &self,
        model: &Model,
        texts: &[Encoding],
        request: Request,
        work: usize,
        pace: &Pace<'_>,
        answers: &mut Vec<Classification>,
    ) -> Result<(), Stop> {
        let machine = self.open(model, request.backend, pace.host).await?;
        if request.backend == Choice::Auto {
            self.measure(model, &machine, pace).await?;
            if !self.may_be_worth(model, work) {
                return Ok(());
            }
        }
        let network = Network::Gpu(&machine);
        answer_rest(model, network, texts, request.explain, pace, answers).await?;
        self.rest.set(REST);
        Ok(())
    }

    /// Whether `auto` would have the GPU do so much work, as far as is known.
    fn may_be_worth(&self, model: &Model, work: usize) -> bool {
        match &*self.timing.borrow() {
            Some(timing) => timing.prefers_gpu(work),
            None => work >= least_work(model),
        }
    }

    /// The model on the device, loaded if need be.
    async fn open(
        &self,
        model: &Model,
        choice: Choice,
        host: &dyn Host,
    ) -> Result<Rc<Machine>, Error> {
        if let Some(machine) = self.known(choice, host.now())? {
            return Ok(machine);
        }
        let adapter = within(host, PATIENCE, Adapter::request(Needs::default())).await?;
        refuse_software(adapter.is_software(), adapter.name(), choice)?;
        let machine = Rc::new(Machine::load(adapter, model, host).await?);
        self.state.replace(State::Open(Rc::clone(&machine)));
        Ok(machine)
    }

    /// The machine there is; the error that shut the door; nothing if it is time to try.
    fn known(&self, choice: Choice, now: f64) -> Result<Option<Rc<Machine>>, Error> {
        match &*self.state.borrow() {
            State::Open(machine) => {
                machine.gpu.check()?;
                refuse_software(machine.is_software, &machine.name, choice)?;
                Ok(Some(Rc::clone(machine)))
            }
            // Refused for the sake of speed: who asks for the GPU gets it.
            State::Shut(until, error) if now < *until && !refused(error, choice) => {
                Err(error.clone())
            }
            State::Closed | State::Shut(..) => Ok(None),
        }
    }

    /// Measures both backends, unless that was done for this device.
    async fn measure(&self, model: &Model, machine: &Machine, pace: &Pace<'_>) -> Result<(), Stop> {
        let known = self
            .timing
            .borrow()
            .as_ref()
            .map(|timing| timing.device.clone());
        if known.as_ref() != Some(&machine.name) {
            let timing = Timing::measure(model, machine, pace).await?;
            self.timing.replace(Some(timing));
        }
        Ok(())
    }

    /// Takes in what went wrong: after most errors the device is let go and not asked for again soon.
    fn shut(&self, error: Error, now: f64) {
        let mut state = self.state.borrow_mut();
        let until = match (&*state, &error) {
            // Known already; or the device is as good as before.
            (State::Shut(until, known), _)
                if now < *until && !matches!(known, Error::Software(_)) =>
            {
                return;
            }
            (State::Open(_), Error::TooLarge { .. } | Error::Software(_) | Error::StaysOnCpu) => {
                return;
            }
            // Nothing will change.
            (_, Error::TooLarge { .. } | Error::Software(_) | Error::StaysOnCpu) => f64::INFINITY,
            _ => {
                let rest = self.rest.get();
                self.rest.set((rest * 2.0).min(LONGEST_REST));
                now + rest
            }
        };
        *state = State::Shut(until, error);
    }
}

/// Software is slower than the CPU backend: only who asks for it gets it.
fn refuse_software(is_software: bool, name: &str, choice: Choice) -> Result<(), Error> {
    if is_software && choice == Choice::Auto {
        return Err(Error::Software(name.to_owned()));
    }
    Ok(())
}

/// Whether a GPU was refused to `auto` alone, and now somebody asks for it.
fn refused(error: &Error, choice: Choice) -> bool {
    choice == Choice::Gpu && matches!(error, Error::Software(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOST: Error = Error::Lost(String::new());

    fn software() -> Error {
        Error::Software("llvmpipe".into())
    }

    fn too_large() -> Error {
        Error::TooLarge {
            what: "columns",
            found: 2,
            most: 1,
        }
    }

    /// Whether a door that failures shut, each at its time, is tried at `now`.
    fn is_tried(failures: &[(f64, Error)], choice: Choice, now: f64) -> bool {
        let door = Door::default();
        for (at, error) in failures {
            door.shut(error.clone(), *at);
        }
        door.known(choice, now).is_ok()
    }

    #[test]
    fn what_shut_the_door_says_when_it_is_tried_again() {
        let (auto, gpu) = (Choice::Auto, Choice::Gpu);
        let lost = |at: f64| (at, LOST);
        let twice = [lost(0.0), lost(6_000.0)];
        let table = [
            (vec![], auto, 0.0, true),
            (vec![lost(0.0)], gpu, 4_999.0, false),
            (vec![lost(0.0)], gpu, 5_000.0, true),
            // A second failure in a row rests twice as long; one during a rest changes nothing.
            (twice.to_vec(), gpu, 15_999.0, false),
            (twice.to_vec(), gpu, 16_000.0, true),
            (vec![lost(0.0), lost(4_000.0)], gpu, 5_000.0, true),
            // Refused for good, but for who asks for that very thing.
            (vec![(0.0, software())], auto, 1e12, false),
            (vec![(0.0, software())], gpu, 0.0, true),
            (vec![(0.0, too_large())], gpu, 1e12, false),
            // Who asked for the software GPU and lost it waits, as does `auto`.
            (vec![(0.0, software()), lost(1.0)], gpu, 2.0, false),
            (vec![(0.0, software()), lost(1.0)], auto, 2.0, false),
        ];
        for (failures, choice, now, tried) in table {
            let found = is_tried(&failures, choice, now);
            assert_eq!(found, tried, "{choice:?} at {now} after {failures:?}");
        }
    }

    #[test]
    fn no_rest_is_longer_than_five_minutes() {
        let door = Door::default();
        for failure in 0..20 {
            door.shut(LOST, 1e6 * f64::from(failure));
        }
        let last = 1e6 * 19.0;
        assert!(door.known(Choice::Gpu, last + LONGEST_REST - 1.0).is_err());
        assert!(door.known(Choice::Gpu, last + LONGEST_REST).is_ok());
    }
}
