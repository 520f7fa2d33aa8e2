//! Integrated gradients of a teacher (Sundararajan et al. 2017), for every class at once.

use stillglass_text::Word;

use crate::encoder::Keep;
use crate::explanation::{Found, Method, by_word, centred, column_sums};
use crate::network::{Network, Path};
use crate::pace::{Pace, Stop};
use crate::quadrature::gauss_legendre;
use crate::teacher::Teacher;

/// Nodes of the first try; every further one has twice as many.
const LEAST_NODES: usize = 4;
/// Nodes after which no further try is made.
const MOST_NODES: usize = 64;
/// Completeness error that is good enough, the largest gap of a class relative to the largest change.
const GOOD_ENOUGH: f32 = 0.05;
/// Tokens of the points that are looked at together: enough to use each weight many times.
const TOKENS_A_BATCH: usize = 256;

/// Where the path begins and ends: token ids with the special ones, and logits.
pub(crate) struct Ends<'a> {
    pub(crate) blank: Vec<u32>,
    pub(crate) text: Vec<u32>,
    /// Of the blank and of the text.
    pub(crate) logits: [&'a [f32]; 2],
}

/// Explains a text, `words` between its first and last token.
///
/// The outcome is a class's logit minus the mean of all; the path leads from the word embeddings of
/// `[CLS] [PAD]… [SEP]` to those of the text, positions and special tokens unmoved.
pub(crate) async fn explain(
    network: Network<'_>,
    ends: &Ends<'_>,
    words: &[Word],
    pace: &Pace<'_>,
) -> Result<Found, Stop> {
    let path = Path {
        from: &ends.blank,
        to: &ends.text,
    };
    let [bias, outcome] = ends.logits.map(centred);
    let classes = bias.len();
    let (mut spent, mut nodes) = (0, LEAST_NODES);
    loop {
        let points = gauss_legendre(nodes);
        let tokens = network.integrate(path, &points, spent, pace).await?;
        spent += nodes;
        if nodes >= MOST_NODES || error(&tokens, &bias, &outcome) < GOOD_ENOUGH {
            pace.tick(spent, spent).await?;
            let inside = &tokens[classes..tokens.len() - classes];
            return Ok(Found {
                method: Method::IntegratedGradients,
                words: by_word(words, inside, classes),
                bias,
                outcome,
                nodes,
            });
        }
        nodes *= 2;
    }
}

/// The largest gap of a class between `tokens: [time, classes]` and the change from `bias` to `outcome`,
/// relative to the largest change.
fn error(tokens: &[f32], bias: &[f32], outcome: &[f32]) -> f32 {
    let classes = bias.len();
    let total = column_sums(tokens, &(0..tokens.len() / classes), classes);
    let (mut gap, mut most) = (0.0_f32, f32::MIN_POSITIVE);
    for ((total, text), blank) in total.iter().zip(outcome).zip(bias) {
        let change = text - blank;
        gap = gap.max((total - change).abs());
        most = most.max(change.abs());
    }
    gap / most
}

/// What each token gives to each class on the CPU, `[time, classes]`; `spent` nodes are behind it.
pub(crate) async fn integrate(
    teacher: &Teacher<'_>,
    path: Path<'_>,
    nodes: &[(f64, f64)],
    spent: usize,
    pace: &Pace<'_>,
) -> Result<Vec<f32>, Stop> {
    let line = Line::new(teacher, path);
    let time = path.to.len();
    let mut sums = vec![0.0; time * teacher.weights.classifier.rows];
    let together = (TOKENS_A_BATCH / time).max(1);
    for (batch, points) in nodes.chunks(together).enumerate() {
        pace.tick(spent + batch * together, spent + nodes.len())
            .await?;
        line.add_points(points, &mut sums);
    }
    Ok(sums.into_iter().map(|sum| sum as f32).collect())
}

/// A path's word embeddings.
struct Line<'a> {
    teacher: &'a Teacher<'a>,
    /// Where it begins, `[time, hidden]`.
    start: Vec<f32>,
    /// What leads from there to its end.
    change: Vec<f32>,
}

impl<'a> Line<'a> {
    fn new(teacher: &'a Teacher<'a>, path: Path) -> Self {
        let (start, end) = (teacher.embed(path.from), teacher.embed(path.to));
        let change = end.iter().zip(&start).map(|(end, start)| end - start);
        Self {
            teacher,
            change: change.collect(),
            start,
        }
    }

    /// Adds the share of some nodes to `sums: [time, classes]`.
    fn add_points(&self, points: &[(f64, f64)], sums: &mut [f64]) {
        let place = |&(place, _): &(f64, f64)| {
            let step = place as f32;
            let pairs = self.start.iter().zip(&self.change);
            pairs.map(move |(start, change)| start + step * change)
        };
        let words = points.iter().flat_map(place).collect();
        let (classes, hidden) = (
            self.teacher.weights.classifier.rows,
            self.teacher.shape.hidden,
        );
        let lengths = vec![self.change.len() / hidden; points.len()];
        let pass = self.teacher.forward(words, &lengths, Keep::Everything);
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
}
