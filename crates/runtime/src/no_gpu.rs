//! In the place of the GPU, where the runtime is built without it.

use stillglass_text::Encoding;

use crate::pace::{Pace, Stop};
use crate::{Choice, Classification, Model, Request};

/// A door that nobody passes.
#[derive(Debug, Default)]
pub(crate) struct Door {}

impl Door {
    /// Answers nothing, and says why where the GPU was asked for.
    #[allow(clippy::unused_async)] // as the real one
    pub(crate) async fn answer(
        &self,
        _model: &Model,
        _texts: &[Encoding],
        request: Request,
        _pace: &Pace<'_>,
        _answers: &mut Vec<Classification>,
    ) -> Result<Option<String>, Stop> {
        let asked = request.backend == Choice::Gpu;
        Ok(asked.then(|| "this build has no GPU backend".to_owned()))
    }
}
