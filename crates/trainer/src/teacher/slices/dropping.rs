//! Dropout on slices.

use std::borrow::Cow;

use crate::training::Dropout;

/// What dropout multiplied numbers with; nothing where none was.
pub(super) struct Dropped(Option<Vec<f32>>);

/// Drops some of `x`, if dropout is on.
pub(super) fn drop_some(x: &mut [f32], dropout: Option<&mut Dropout>) -> Dropped {
    let dropped = Dropped(dropout.map(|dropout| dropout.factors(x.len())));
    dropped.apply(x);
    dropped
}

impl Dropped {
    /// What is left of `x`, of which the same are dropped.
    pub(super) fn kept<'x>(&self, x: &'x [f32]) -> Cow<'x, [f32]> {
        if self.0.is_none() {
            return Cow::Borrowed(x);
        }
        let mut kept = x.to_vec();
        self.apply(&mut kept);
        Cow::Owned(kept)
    }

    /// Drops the same of `x`.
    pub(super) fn apply(&self, x: &mut [f32]) {
        self.apply_from(0, x);
    }

    /// Drops of `x` what was dropped from place `start` on.
    pub(super) fn apply_from(&self, start: usize, x: &mut [f32]) {
        if let Some(factors) = &self.0 {
            let factors = &factors[start..];
            x.iter_mut()
                .zip(factors)
                .for_each(|(x, factor)| *x *= factor);
        }
    }
}
