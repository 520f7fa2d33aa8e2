//! The optimizer's state of a student, as files keep it.

use anyhow::{Result, ensure};

use super::{PARAMETERS, Student};
use crate::adamw::MOMENTS;
use crate::teacher::Weights;

/// The optimizer's moments of every parameter.
pub(crate) struct Moments(pub(crate) [[Vec<f32>; 9]; 2]);

impl Moments {
    /// Those before the first step.
    pub(crate) fn zeros(student: &Student) -> Self {
        let zeros = || student.parameters().map(|values| vec![0.0; values.len()]);
        Self([zeros(), zeros()])
    }

    /// Takes what [`Moments::write`] wrote of a student of this shape.
    pub(crate) fn read(&mut self, weights: &Weights) -> Result<()> {
        for (moment, prefix) in self.0.iter_mut().zip(MOMENTS) {
            for (values, name) in moment.iter_mut().zip(PARAMETERS) {
                let found = weights
                    .values(&format!("{prefix}{name}"))
                    .unwrap_or_default();
                ensure!(
                    found.len() == values.len(),
                    "{prefix}{name} is of another student; remove the folder of these checkpoints"
                );
                values.copy_from_slice(found);
            }
        }
        Ok(())
    }

    /// The numbers by the name of moment and tensor.
    pub(crate) fn write(&self) -> Result<Vec<u8>> {
        let mut weights = Weights::default();
        for (moment, prefix) in self.0.iter().zip(MOMENTS) {
            for (values, name) in moment.iter().zip(PARAMETERS) {
                weights.put_values(
                    format!("{prefix}{name}"),
                    vec![values.len()],
                    values.clone(),
                );
            }
        }
        weights.write()
    }
}
