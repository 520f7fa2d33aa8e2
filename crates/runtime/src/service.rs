//! A model that answers calls one after the other, wherever that is best.

use crate::answers::answer_all;
use crate::pace::{Pace, Stop};
use crate::queue::Queue;
use crate::{Choice, Classification, Error, Host, Model, Request};

/// A model, and the backends it may use.
#[derive(Debug)]
pub struct Service {
    model: Model,
    queue: Queue,
}

impl Service {
    /// Asks for nothing yet: a GPU is asked for by the first call that wants one.
    pub fn new(model: Model) -> Self {
        Self {
            model,
            queue: Queue::default(),
        }
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Answers each text on its own, in order, when all earlier calls are done; `host` may break it off.
    pub async fn run(
        &self,
        texts: &[&str],
        request: Request,
        host: &dyn Host,
    ) -> Result<Vec<Classification>, Error> {
        self.model.check(request.explain)?;
        let turn = self.queue.turn();
        (&turn).await;
        let (pace, cpu) = (Pace::new(host), self.model.cpu());
        let texts = self.model.encode(texts);
        let answers = answer_all(&self.model, &cpu, &texts, request.explain, &pace);
        let mut answers = answers.await.map_err(|_: Stop| Error::BrokenOff)?;
        if request.backend == Choice::Gpu {
            for answer in &mut answers {
                answer.reason = Some("this build has no GPU backend".to_owned());
            }
        }
        Ok(answers)
    }
}
