//! A model on a backend: what answers and explanations are made of.

use crate::encoder::{Keep, with_specials};
#[cfg(feature = "gpu")]
use crate::gpu::Machine;
use crate::pace::{Pace, Stop};
use crate::student::{Pass, Student};
use crate::teacher::Teacher;
use crate::{Backend, gradients};

/// A straight line between the word embeddings of two texts of one length, special tokens included.
#[derive(Clone, Copy)]
pub(crate) struct Path<'a> {
    pub(crate) from: &'a [u32],
    pub(crate) to: &'a [u32],
}

/// A model on a backend.
#[derive(Clone, Copy)]
pub(crate) enum Network<'a> {
    Cpu(Cpu<'a>),
    #[cfg(feature = "gpu")]
    Gpu(&'a Machine),
}

impl Network<'_> {
    /// Where it is.
    pub(crate) fn backend(&self) -> Backend {
        match self {
            Self::Cpu(_) => Backend::Cpu,
            #[cfg(feature = "gpu")]
            Self::Gpu(_) => Backend::Gpu,
        }
    }

    /// What the model makes of texts, given their tokens without special ones.
    pub(crate) async fn passes(
        &self,
        texts: &[&[u32]],
        pace: &Pace<'_>,
    ) -> Result<Vec<Pass>, Stop> {
        match self {
            Self::Cpu(cpu) => cpu.passes(texts, pace).await,
            #[cfg(feature = "gpu")]
            Self::Gpu(machine) => machine.passes(texts, pace).await,
        }
    }

    /// What each token of a path gives to each class by some nodes of (place, weight), `[time, classes]`;
    /// `spent` nodes of the call are behind it. Only a teacher is asked.
    pub(crate) async fn integrate(
        &self,
        path: Path<'_>,
        nodes: &[(f64, f64)],
        spent: usize,
        pace: &Pace<'_>,
    ) -> Result<Vec<f32>, Stop> {
        match self {
            Self::Cpu(Cpu::Teacher(teacher, _)) => {
                gradients::integrate(teacher, path, nodes, spent, pace).await
            }
            Self::Cpu(Cpu::Student(_)) => unreachable!("a student is not asked"),
            #[cfg(feature = "gpu")]
            Self::Gpu(machine) => machine.integrate(path, nodes, spent, pace).await,
        }
    }
}

/// A model on the CPU.
#[derive(Clone, Copy)]
pub(crate) enum Cpu<'a> {
    Student(Student<'a>),
    /// And the tokens that begin and end its texts.
    Teacher(Teacher<'a>, [Option<u32>; 2]),
}

impl Cpu<'_> {
    /// Logits for any tokens of a text, and a student's contributions.
    pub(crate) fn pass(&self, ids: &[u32]) -> Pass {
        match self {
            Self::Student(student) => student.forward(ids, Pass::clone),
            Self::Teacher(teacher, specials) => {
                let ids = with_specials(*specials, ids);
                let words = teacher.embed(&ids);
                Pass {
                    contributions: Vec::new(),
                    logits: teacher.forward(words, &[ids.len()], Keep::Nothing).logits,
                }
            }
        }
    }

    /// Logits for any tokens of a text. A student that reads embeddings alone allocates nothing else.
    pub(crate) fn logits(&self, ids: &[u32]) -> Vec<f32> {
        match self {
            Self::Student(student) => student.forward(ids, |pass| pass.logits.clone()),
            Self::Teacher(..) => self.pass(ids).logits,
        }
    }

    async fn passes(&self, texts: &[&[u32]], pace: &Pace<'_>) -> Result<Vec<Pass>, Stop> {
        let mut passes = Vec::with_capacity(texts.len());
        for (done, ids) in texts.iter().enumerate() {
            pace.tick(done, texts.len()).await?;
            passes.push(self.pass(ids));
        }
        Ok(passes)
    }
}
