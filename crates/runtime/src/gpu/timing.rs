//! What the CPU and the GPU take for the same work, measured once.

use std::ops::ControlFlow;

use stillglass_bundle::Kind;
use stillglass_text::Encoding;

use super::machine::Machine;
use crate::network::Network;
use crate::pace::{Pace, Stop};
use crate::{Host, Method, Model, Progress, Wait};

/// What a model takes on both backends: plain data, to be kept for the next time.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// The GPU it was measured on, as it calls itself.
    pub device: String,
    /// On the processor.
    pub cpu: Line,
    /// On the graphics processor.
    pub gpu: Line,
}

/// Time as a straight line over tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Milliseconds of a call, however short.
    pub call: f64,
    /// Milliseconds of a further token.
    pub token: f64,
}

/// Texts and their tokens in the short and the long measurement.
const SHORT: (usize, usize) = (1, 16);
const LONG_STUDENT: (usize, usize) = (64, 32);
const LONG_TEACHER: (usize, usize) = (8, 32);

/// The GPU must save at least this share of the time, or its fans are not worth it.
const WORTH: f64 = 0.8;

/// Nodes that integrated gradients are likely to need, all rounds together.
const NODES: usize = 12;

impl Line {
    fn through((short, took_short): (usize, f64), (long, took_long): (usize, f64)) -> Self {
        let token = ((took_long - took_short) / (long - short) as f64).max(0.0);
        Self {
            call: (took_short - token * short as f64).max(0.0),
            token,
        }
    }

    fn at(self, tokens: usize) -> f64 {
        self.call + self.token * tokens as f64
    }
}

impl Timing {
    /// A few calls on each.
    pub(super) async fn measure(
        model: &Model,
        machine: &Machine,
        pace: &Pace<'_>,
    ) -> Result<Self, Stop> {
        let quiet = Quiet(pace.host);
        let pace = Pace::new(&quiet);
        let (texts, length) = match model.manifest().kind {
            Kind::Student => LONG_STUDENT,
            Kind::Teacher => LONG_TEACHER,
        };
        let most = model.manifest().max_tokens;
        let vocabulary = model.bundle().vocabulary.len();
        let calls = [(SHORT.0, SHORT.1.min(most)), (texts, length.min(most))];
        Ok(Self {
            device: machine.name.clone(),
            cpu: line(Network::Cpu(model.cpu()), vocabulary, calls, &pace).await?,
            gpu: line(Network::Gpu(machine), vocabulary, calls, &pace).await?,
        })
    }

    /// Whether work of so many tokens is better done on the GPU.
    pub(super) fn prefers_gpu(&self, tokens: usize) -> bool {
        self.gpu.at(tokens) < WORTH * self.cpu.at(tokens)
    }
}

/// Surroundings that hear nothing of how far a measurement is, and may still break it off.
struct Quiet<'a>(&'a dyn Host);

impl Host for Quiet<'_> {
    fn now(&self) -> f64 {
        self.0.now()
    }

    fn after(&self, milliseconds: u32) -> Wait {
        self.0.after(milliseconds)
    }

    fn watch(&self, _progress: Progress) -> ControlFlow<()> {
        self.0.watch(Progress { done: 0, total: 1 })
    }
}

/// Times a short call and a long one, each the better of two; of ever other tokens, as a student remembers what it has made of
/// the last ones.
async fn line(
    network: Network<'_>,
    vocabulary: usize,
    calls: [(usize, usize); 2],
    pace: &Pace<'_>,
) -> Result<Line, Stop> {
    let mut next = (0..vocabulary as u32).cycle();
    let mut points = [(0, 0.0); 2];
    for (point, (texts, length)) in points.iter_mut().zip(calls) {
        let mut best = f64::INFINITY;
        for _ in 0..2 {
            let ids: Vec<u32> = next.by_ref().take(texts * length).collect();
            let texts: Vec<&[u32]> = ids.chunks(length).collect();
            let began = pace.host.now();
            network.passes(&texts, pace).await?;
            best = best.min(pace.host.now() - began);
        }
        *point = (texts * length, best);
    }
    let [short, long] = points;
    Ok(Line::through(short, long))
}

/// The work of a call, in tokens that go through the model once.
pub(super) fn work(model: &Model, texts: &[Encoding], explain: Option<Method>) -> usize {
    let classes = model.manifest().labels.len();
    let one = |text: &Encoding| {
        let times = match explain {
            None | Some(Method::Native) => 1,
            Some(Method::IntegratedGradients) => 2 + NODES * classes,
            Some(Method::Occlusion) => 2 + text.words.len(),
        };
        (text.ids.len() + 2) * times
    };
    texts.iter().map(one).sum()
}

/// Tokens below which a GPU that was never measured is not even asked for.
pub(super) fn least_work(model: &Model) -> usize {
    match model.manifest().kind {
        Kind::Student => 4096,
        Kind::Teacher => 256,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_through_its_points_and_never_down() {
        let line = Line::through((16, 2.0), (256, 14.0));
        assert!((line.at(16) - 2.0).abs() < 1e-12 && (line.at(256) - 14.0).abs() < 1e-12);
        let flat = Line::through((16, 3.0), (256, 2.0));
        assert_eq!((flat.call, flat.token), (3.0, 0.0));
    }

    #[test]
    fn the_gpu_is_preferred_where_it_saves_a_fifth() {
        let timing = Timing {
            device: String::new(),
            cpu: Line {
                call: 0.0,
                token: 1.0,
            },
            gpu: Line {
                call: 40.0,
                token: 0.4,
            },
        };
        assert!(!timing.prefers_gpu(1) && !timing.prefers_gpu(100));
        assert!(timing.prefers_gpu(101));
    }
}
