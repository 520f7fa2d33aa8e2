//! The optimizer's state of a student, as files keep it.

use anyhow::{Result, ensure};

use super::Student;
use crate::adamw::MOMENTS;
use crate::teacher::Weights;

/// The optimizer's moments of every parameter.
pub(crate) struct Moments {
    names: Vec<&'static str>,
    /// First and second, by parameter.
    pub(crate) values: [Vec<Vec<f32>>; 2],
}

impl Moments {
    /// Those before the first step.
    pub(crate) fn zeros(student: &Student) -> Self {
        let zeros = || {
            let parameters = student.parameters().into_iter();
            parameters.map(|values| vec![0.0; values.len()]).collect()
        };
        Self {
            names: student.names(),
            values: [zeros(), zeros()],
        }
    }

    /// Takes what [`Moments::write`] wrote of a student of this shape.
    pub(crate) fn read(&mut self, weights: &Weights) -> Result<()> {
        for (moment, prefix) in self.values.iter_mut().zip(MOMENTS) {
            for (values, name) in moment.iter_mut().zip(&self.names) {
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
        for (moment, prefix) in self.values.iter().zip(MOMENTS) {
            for (values, name) in moment.iter().zip(&self.names) {
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
