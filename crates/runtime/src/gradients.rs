//! Integrated gradients of a teacher (Sundararajan et al. 2017), for every class at once.

use std::ops::ControlFlow;

use stillglass_text::Word;

use crate::explanation::{Found, Method, Progress, Watch, by_word, centred, column_sums};
use crate::quadrature::gauss_legendre;
use crate::teacher::{Keep, Teacher};

/// Nodes of the first try; every further one has twice as many.
const LEAST_NODES: usize = 4;
/// Nodes after which no further try is made.
const MOST_NODES: usize = 64;
/// Completeness error that is good enough, the largest gap of a class relative to the largest change.
const GOOD_ENOUGH: f32 = 0.05;
/// Tokens of the points that are looked at together: enough to use each weight many times.
const TOKENS_A_BATCH: usize = 256;

/// Explains the text `ids`, `words` between its first and last token. Breaks where `watch` does.
///
/// The outcome is a class's logit minus the mean of all; the path leads from the word embeddings of `[CLS] [PAD]… [SEP]`
/// to those of the text, positions and special tokens unmoved.
pub(crate) fn explain(
    teacher: &Teacher,
    ids: &[u32],
    padding: u32,
    words: &[Word],
    watch: &mut Watch,
) -> ControlFlow<(), Found> {
    let path = Path::new(teacher, ids, padding);
    let mut spent = 0;
    let mut nodes = LEAST_NODES;
    loop {
        let tokens = path.integrate(nodes, &mut |done| {
            watch(Progress {
                done: spent + done,
                total: spent + nodes,
            })
        })?;
        spent += nodes;
        if nodes >= MOST_NODES || path.error(&tokens) < GOOD_ENOUGH {
            let classes = path.text.len();
            let inside = &tokens[classes..tokens.len() - classes];
            return ControlFlow::Continue(Found {
                method: Method::IntegratedGradients,
                words: by_word(words, inside, classes),
                bias: path.blank,
                outcome: path.text,
                nodes,
            });
        }
        nodes *= 2;
    }
}

/// The straight line from the baseline to a text.
struct Path<'a> {
    teacher: &'a Teacher<'a>,
    /// Tokens of the text.
    time: usize,
    /// Word embeddings of the baseline, `[time, hidden]`.
    start: Vec<f32>,
    /// What leads from there to the text's.
    change: Vec<f32>,
    /// F at the text.
    text: Vec<f32>,
    /// F at the baseline.
    blank: Vec<f32>,
}

impl<'a> Path<'a> {
    fn new(teacher: &'a Teacher<'a>, ids: &[u32], padding: u32) -> Self {
        let mut blank = ids.to_vec();
        let inside = 1..blank.len() - 1;
        blank[inside].fill(padding);
        let (start, end) = (teacher.embed(&blank), teacher.embed(ids));
        let both = [end.as_slice(), &start].concat();
        let logits = teacher.forward(both, &[ids.len(); 2], Keep::Logits).logits;
        let (text, blank) = logits.split_at(logits.len() / 2);
        Self {
            teacher,
            time: ids.len(),
            change: end
                .iter()
                .zip(&start)
                .map(|(end, start)| end - start)
                .collect(),
            start,
            text: centred(text),
            blank: centred(blank),
        }
    }

    /// What each token gives to each class, `[time, classes]`, by so many nodes.
    fn integrate(
        &self,
        nodes: usize,
        done: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> ControlFlow<(), Vec<f32>> {
        let mut sums = vec![0.0; self.time * self.text.len()];
        let nodes = gauss_legendre(nodes);
        let together = (TOKENS_A_BATCH / self.time).max(1);
        for (batch, points) in nodes.chunks(together).enumerate() {
            done(batch * together)?;
            self.add_points(points, &mut sums);
        }
        done(nodes.len())?;
        ControlFlow::Continue(sums.into_iter().map(|sum| sum as f32).collect())
    }

    /// Adds the share of some nodes to `sums: [time, classes]`.
    fn add_points(&self, points: &[(f64, f64)], sums: &mut [f64]) {
        let place = |&(place, _): &(f64, f64)| {
            let step = place as f32;
            let pairs = self.start.iter().zip(&self.change);
            pairs.map(move |(start, change)| start + step * change)
        };
        let words = points.iter().flat_map(place).collect();
        let lengths = vec![self.time; points.len()];
        let pass = self.teacher.forward(words, &lengths, Keep::Everything);
        let (classes, hidden) = (self.text.len(), self.teacher.shape.hidden);
        // All classes add up to nothing, so the last one is what the others leave.
        for class in 0..classes - 1 {
            let mut slope = vec![-1.0 / classes as f32; classes];
            slope[class] += 1.0;
            let grad = self.teacher.backward(&pass, &slope.repeat(points.len()));
            for (grad, (_, weight)) in grad.chunks_exact(self.change.len()).zip(points) {
                let tokens = grad
                    .chunks_exact(hidden)
                    .zip(self.change.chunks_exact(hidden));
                for ((grad, change), sums) in tokens.zip(sums.chunks_exact_mut(classes)) {
                    let products = grad.iter().zip(change);
                    let dot: f64 = products.map(|(g, c)| f64::from(g * c)).sum();
                    // Weights nobody would train can make a gradient leave the range of `f32`: it
                    // then counts for nothing, and the completeness error says so.
                    let share = if dot.is_finite() { weight * dot } else { 0.0 };
                    sums[class] += share;
                    sums[classes - 1] -= share;
                }
            }
        }
    }

    /// The largest gap of a class between `tokens: [time, classes]` and F, relative to the largest
    /// change of F.
    fn error(&self, tokens: &[f32]) -> f32 {
        let classes = self.text.len();
        let total = column_sums(tokens, &(0..self.time), classes);
        let (mut gap, mut most) = (0.0_f32, f32::MIN_POSITIVE);
        for ((total, text), blank) in total.iter().zip(&self.text).zip(&self.blank) {
            let change = text - blank;
            gap = gap.max((total - change).abs());
            most = most.max(change.abs());
        }
        gap / most
    }
}
