//! A model on a device: work in batches of a size that the device answers soon, and no wait without end.

use std::cell::Cell;
use std::pin::pin;
use std::task::Poll;

use stillglass_bundle::{Architecture, Weights};
use stillglass_device::Adapter;

use super::{Arithmetic, Error, Gpu, Student, Teacher};
use crate::encoder::with_specials;
use crate::network::Path;
use crate::pace::{Pace, Stop};
use crate::student::Pass;
use crate::{Host, Model};

/// Milliseconds after which a GPU that should have answered is given up.
pub(super) const PATIENCE: u32 = 1500;
/// The same while a CPU that imitates a GPU compiles the shaders.
const SOFTWARE_PATIENCE: u32 = 60_000;
/// Milliseconds that a batch should take: few enough to hear of a break-off, and far from the limits that
/// systems set.
const BATCH: f64 = 200.0;
/// Tokens of the first batch, forwards and there and back, when nothing is known of the device.
const FIRST_BATCH: [f64; 2] = [256.0, 64.0];
/// Largest difference of a probability between two right answers; the tests grant a tenth of it.
const WRONG: f32 = 1e-2;

/// A model on a device.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(super) gpu: Gpu,
    pub(super) name: String,
    pub(super) is_software: bool,
    weights: Resident,
    specials: [Option<u32>; 2],
    /// Tokens that a batch should have, forwards alone and there and back.
    forwards: Cell<f64>,
    both_ways: Cell<f64>,
}

#[derive(Debug)]
enum Resident {
    Student(Student),
    Teacher(Teacher),
}

impl Machine {
    /// Makes a device, uploads the model, compiles everything, and checks an answer.
    pub(super) async fn load(
        adapter: Adapter,
        model: &Model,
        host: &dyn Host,
    ) -> Result<Self, Error> {
        let (name, is_software) = (adapter.name().to_owned(), adapter.is_software());
        let device = within(host, PATIENCE, adapter.device()).await?;
        let gpu = Gpu::new(device, Arithmetic::Float);
        let bundle = model.bundle();
        let load = async {
            match (&bundle.weights, &bundle.manifest.architecture) {
                (Weights::Student(weights), _) => {
                    Student::load(&gpu, weights).await.map(Resident::Student)
                }
                (Weights::Teacher(weights), Architecture::Teacher(shape)) => {
                    let teacher = Teacher::load(&gpu, shape, weights).await;
                    teacher.map(Resident::Teacher)
                }
                _ => unreachable!("the reader matches weights and architecture"),
            }
        };
        let patience = if is_software {
            SOFTWARE_PATIENCE
        } else {
            PATIENCE
        };
        let weights = within(host, patience, load).await?;
        let machine = Self {
            gpu,
            name,
            is_software,
            weights,
            specials: model.specials(),
            forwards: Cell::new(FIRST_BATCH[0]),
            both_ways: Cell::new(FIRST_BATCH[1]),
        };
        machine.compare(model, host).await?;
        Ok(machine)
    }

    /// Refuses a device that answers a few tokens in another way than the CPU.
    async fn compare(&self, model: &Model, host: &dyn Host) -> Result<(), Error> {
        let last = model.bundle().vocabulary.len() as u32 - 1;
        let ids = [0, last, 0];
        let ids = &ids[..ids.len().min(model.manifest().max_tokens)];
        let found = within(host, PATIENCE, self.forward(&[ids])).await?;
        let probabilities = |logits: &[f32]| crate::cpu::softmax(logits);
        let want = probabilities(&model.cpu().pass(ids).logits);
        let found = probabilities(&found[0].logits);
        let right = |(found, want): (&f32, &f32)| (found - want).abs() <= WRONG;
        let right = found.iter().zip(&want).all(right);
        if right { Ok(()) } else { Err(Error::Wrong) }
    }

    /// One batch.
    async fn forward(&self, texts: &[&[u32]]) -> Result<Vec<Pass>, Error> {
        match &self.weights {
            Resident::Student(student) => student.forward(&self.gpu, texts).await,
            Resident::Teacher(teacher) => {
                let texts = texts.iter().map(|ids| with_specials(self.specials, ids));
                let texts: Vec<Vec<u32>> = texts.collect();
                let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
                let logits = teacher.logits(&self.gpu, &texts).await?;
                let pass = |logits| Pass {
                    contributions: Vec::new(),
                    logits,
                };
                Ok(logits.into_iter().map(pass).collect())
            }
        }
    }

    fn most_tokens(&self) -> usize {
        match &self.weights {
            Resident::Student(student) => student.most_tokens(),
            Resident::Teacher(teacher) => teacher.most_tokens(),
        }
    }

    /// Tokens of a text as the device reads it, one at least.
    fn tokens(&self, ids: &[u32]) -> usize {
        (ids.len() + self.specials.iter().flatten().count()).max(1)
    }

    /// The first texts, at least one, that make a batch.
    fn batch<'t, 'i>(&self, texts: &'t [&'i [u32]]) -> &'t [&'i [u32]] {
        let room = self.most_tokens().min(self.forwards.get() as usize);
        let mut tokens = 0;
        let fits = |ids: &&&[u32]| {
            tokens += self.tokens(ids);
            tokens <= room
        };
        let count = texts.iter().take_while(fits).count();
        &texts[..count.max(1)]
    }

    /// As [`Network::passes`](crate::network::Network::passes), in batches.
    pub(crate) async fn passes(
        &self,
        texts: &[&[u32]],
        pace: &Pace<'_>,
    ) -> Result<Vec<Pass>, Stop> {
        let mut passes = Vec::with_capacity(texts.len());
        while passes.len() < texts.len() {
            pace.tick(passes.len(), texts.len()).await?;
            let batch = self.batch(&texts[passes.len()..]);
            let tokens = batch.iter().map(|ids| self.tokens(ids)).sum();
            let batch = paced(pace.host, &self.forwards, tokens, self.forward(batch)).await?;
            // Whatever a driver does, no answer of the CPU is like that.
            let finite = |pass: &Pass| pass.logits.iter().all(|logit| logit.is_finite());
            if !batch.iter().all(finite) {
                return Err(Error::Wrong.into());
            }
            passes.extend(batch);
        }
        Ok(passes)
    }

    /// As [`Network::integrate`](crate::network::Network::integrate), in batches.
    pub(crate) async fn integrate(
        &self,
        path: Path<'_>,
        nodes: &[(f64, f64)],
        spent: usize,
        pace: &Pace<'_>,
    ) -> Result<Vec<f32>, Stop> {
        let Resident::Teacher(teacher) = &self.weights else {
            unreachable!("a student is not asked");
        };
        let mut sums = Vec::new();
        let mut done = 0;
        while done < nodes.len() {
            pace.tick(spent + done, spent + nodes.len()).await?;
            let time = path.to.len();
            let room = teacher
                .most_tokens_back()
                .min(self.both_ways.get() as usize);
            let count = (room / time).clamp(1, nodes.len() - done);
            let batch =
                teacher.integrate(&self.gpu, path.from, path.to, &nodes[done..done + count]);
            let batch = paced(pace.host, &self.both_ways, count * time, batch).await?;
            sums.resize(batch.len(), 0.0);
            sums.iter_mut().zip(batch).for_each(|(sum, b)| *sum += b);
            done += count;
        }
        Ok(sums.into_iter().map(|sum| sum as f32).collect())
    }
}

/// Awaits a batch of so many tokens, and learns how many the next should have.
async fn paced<T>(
    host: &dyn Host,
    size: &Cell<f64>,
    tokens: usize,
    batch: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let began = host.now();
    // One text may be longer than a batch should be.
    let times = (tokens as f64 / size.get()).max(1.0);
    let answer = within(host, (f64::from(PATIENCE) * times) as u32, batch).await?;
    let took = (host.now() - began).max(0.1);
    // By a factor of four at most: a slow batch may have had other reasons.
    let next = tokens as f64 * BATCH / took;
    // Not `clamp`: its panic would bring the printing of floats into the module.
    let next = next.max(size.get() / 4.0).min(size.get() * 4.0);
    size.set(next.max(32.0));
    Ok(answer)
}

/// Awaits what a GPU promised, but no longer than so many milliseconds.
pub(super) async fn within<T>(
    host: &dyn Host,
    milliseconds: u32,
    promised: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let (mut promised, mut clock) = (pin!(promised), None);
    std::future::poll_fn(|context| {
        if let Poll::Ready(answer) = promised.as_mut().poll(context) {
            return Poll::Ready(answer);
        }
        // Only now: what the CPU does before it waits, such as uploading weights, is not the GPU's silence.
        let clock = clock.get_or_insert_with(|| host.after(milliseconds));
        let late = clock.as_mut().poll(context);
        late.map(|()| Err(Error::Silent(milliseconds)))
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::ops::ControlFlow;

    use super::*;
    use crate::pace::at_once;
    use crate::{Progress, Wait};

    /// Surroundings whose clock has always run out.
    struct Late;

    impl Host for Late {
        fn now(&self) -> f64 {
            0.0
        }

        fn after(&self, _milliseconds: u32) -> Wait {
            Box::pin(ready(()))
        }

        fn watch(&self, _progress: Progress) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }
    }

    #[test]
    fn a_gpu_that_never_answers_is_given_up() {
        let silent = at_once(within(&Late, 7, pending::<Result<(), Error>>()));
        assert_eq!(silent, Err(Error::Silent(7)));
        let answer = at_once(within(&Late, 7, ready(Ok(5))));
        assert_eq!(answer, Ok(5));
    }

    #[test]
    fn batches_grow_and_shrink_towards_their_time() {
        let size = Cell::new(256.0);
        let batch = || at_once(paced(&Late, &size, 256, ready(Ok(()))));
        assert_eq!(batch(), Ok(()));
        assert!((size.get() - 1024.0).abs() < 1e-9, "{}", size.get());
    }
}
