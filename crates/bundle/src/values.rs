//! The numbers of a tensor: none that the runtime could not compute with.

use crate::Kind;
use crate::error::Error;
use crate::limits;
use crate::tensors::{Dtype, ENCODER, Tensor, VOCABULARY};

/// Largest magnitude of a float that is no scale, and what to say of a larger one.
type Bound = (f32, &'static str);

const STUDENT: Bound = (limits::MAGNITUDE, "a number from -2^20 to 2^20");
const STUDENT_SCALE: Bound = (limits::MAGNITUDE, "a scale above 0 and at most 2^20");
const TEACHER: Bound = (limits::TEACHER_MAGNITUDE, "a number from -512 to 512");
const TEACHER_SCALE: Bound = (limits::TEACHER_SCALE, "a scale above 0 and at most 1");
const TEACHER_GROUP_SCALE: Bound = (
    limits::TEACHER_GROUP_SCALE,
    "a scale above 0 and at most 16",
);

/// Checks every number of a tensor's bytes: no -128 (or -8 in 4 bits), scales above zero, nothing so
/// large that a sum could overflow.
pub(crate) fn check(kind: Kind, tensor: &Tensor, bytes: &[u8]) -> Result<(), Error> {
    let bad = |index: usize, want, found| {
        Err(Error::Value {
            tensor: tensor.name.clone(),
            index,
            want,
            found,
        })
    };
    match tensor.layout.dtype {
        Dtype::F32 => {
            let scale = tensor.name.rsplit('.').next() == Some("scale");
            // A teacher's layers, wherever they are.
            let kind = if tensor.name.starts_with(ENCODER) {
                Kind::Teacher
            } else {
                kind
            };
            let (most, want) = match (kind, scale, tensor.layout.shape.len()) {
                (Kind::Student, false, _) => STUDENT,
                (Kind::Student, true, _) => STUDENT_SCALE,
                (Kind::Teacher, false, _) => TEACHER,
                (Kind::Teacher, true, 1) => TEACHER_SCALE,
                (Kind::Teacher, true, _) => TEACHER_GROUP_SCALE,
            };
            // Both comparisons are false for NaN.
            let good = |v: f32| v.abs() <= most && (v > 0.0 || !scale);
            let (values, _) = bytes.as_chunks::<4>();
            let mut values = values.iter().map(|b| f32::from_le_bytes(*b)).enumerate();
            match values.find(|(_, v)| !good(*v)) {
                Some((index, found)) => bad(index, want, found),
                None => Ok(()),
            }
        }
        Dtype::I8 => match bytes.iter().position(|byte| *byte == 0x80) {
            Some(index) => bad(index, "an integer from -127 to 127", -128.0),
            None => Ok(()),
        },
        Dtype::U8 if tensor.name == VOCABULARY => Ok(()),
        Dtype::U8 => match bytes.iter().position(|b| [b & 15, b >> 4].contains(&0)) {
            Some(index) => bad(index, "two nibbles from 1 to 15", f32::from(bytes[index])),
            None => Ok(()),
        },
    }
}
