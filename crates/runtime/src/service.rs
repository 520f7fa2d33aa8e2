//! A model that answers calls one after the other, wherever that is best.

use std::pin::Pin;

use crate::answers::answer_rest;
#[cfg(feature = "gpu")]
use crate::gpu::{Door, Timing};
use crate::network::Network;
#[cfg(not(feature = "gpu"))]
use crate::no_gpu::Door;
use crate::pace::{Pace, Stop};
use crate::queue::Queue;
use crate::{Choice, Classification, Error, Host, Model, Request};

/// Why the CPU answers what was asked of the GPU, of a model that the GPU never gets.
const STAYS: &str = "models of this kind run on the CPU alone, which takes milliseconds for a text";

/// A model, and the backends it may use.
#[derive(Debug)]
pub struct Service {
    model: Model,
    queue: Queue,
    door: Door,
}

impl Service {
    /// Asks for nothing yet: a GPU is asked for by the first call that wants one.
    pub fn new(model: Model) -> Self {
        Self {
            model,
            queue: Queue::default(),
            door: Door::default(),
        }
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Answers each text on its own, in order, when all earlier calls are done; `host` may break it off.
    ///
    /// What the GPU does not answer the CPU does, and says why.
    pub fn run<'a>(
        &'a self,
        texts: &'a [&str],
        request: Request,
        host: &'a dyn Host,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<Classification>, Error>> + 'a>> {
        // Boxed here: a crate that awaits a future by its type compiles all of it again.
        Box::pin(async move {
            self.model.check(request.explain)?;
            let turn = self.queue.turn();
            (&turn).await;
            match self.answer(texts, request, &Pace::new(host)).await {
                Ok(answers) => Ok(answers),
                Err(_) => Err(Error::BrokenOff),
            }
        })
    }

    async fn answer(
        &self,
        texts: &[&str],
        request: Request,
        pace: &Pace<'_>,
    ) -> Result<Vec<Classification>, Stop> {
        let (model, explain) = (&self.model, request.explain);
        let texts = model.encode(texts);
        let mut answers = Vec::with_capacity(texts.len());
        let mut reason = None;
        if model.stays_on_cpu() {
            reason = (request.backend == Choice::Gpu).then(|| STAYS.to_owned());
        } else if request.backend != Choice::Cpu {
            // Who has gone meanwhile needs no GPU.
            pace.tick(0, texts.len()).await?;
            let tried = self.door.answer(model, &texts, request, pace, &mut answers);
            reason = tried.await?;
        }
        let answered = answers.len();
        if answered < texts.len() {
            let cpu = Network::Cpu(model.cpu());
            answer_rest(model, cpu, &texts, explain, pace, &mut answers).await?;
        }
        for answer in &mut answers[answered..] {
            answer.reason.clone_from(&reason);
        }
        Ok(answers)
    }

    /// Lets go of the GPU and all its memory, until the next call that wants it. A call in flight hears that
    /// the device is lost and goes on on the CPU; the GPU then rests as after any loss.
    #[cfg(feature = "gpu")]
    pub fn release_gpu(&self) {
        self.door.release();
    }

    /// What `auto` has measured, or was told.
    #[cfg(feature = "gpu")]
    pub fn timing(&self) -> Option<Timing> {
        self.door.timing()
    }

    /// Tells what was measured before: on the same device `auto` then measures nothing.
    #[cfg(feature = "gpu")]
    pub fn set_timing(&self, timing: Timing) {
        self.door.set_timing(timing);
    }
}
