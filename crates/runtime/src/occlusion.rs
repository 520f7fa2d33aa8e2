//! Occlusion: what the centred logits lose when a word is dropped.

use stillglass_text::Encoding;

use crate::explanation::{Found, Method, centred};
use crate::network::Network;
use crate::pace::{Pace, Stop};

/// Explains a text that has these logits. All its variants, the one without any word last, are one batch.
pub(crate) async fn explain(
    network: Network<'_>,
    text: &Encoding,
    logits: &[f32],
    pace: &Pace<'_>,
) -> Result<Found, Stop> {
    let outcome = centred(logits);
    let ids = &text.ids;
    let without = text.words.iter().map(|word| {
        let tokens = &word.tokens;
        [&ids[..tokens.start], &ids[tokens.end..]].concat()
    });
    let variants: Vec<Vec<u32>> = without.chain([Vec::new()]).collect();
    let variants: Vec<&[u32]> = variants.iter().map(Vec::as_slice).collect();
    let passes = network.passes(&variants, pace).await?;
    pace.tick(variants.len(), variants.len()).await?;
    let mut rest = passes.iter().map(|pass| centred(&pass.logits));
    let bias = rest.next_back().unwrap_or_default();
    let lost = |without: Vec<f32>| {
        let pairs = outcome.iter().zip(without);
        pairs
            .map(|(with, without)| with - without)
            .collect::<Vec<_>>()
    };
    Ok(Found {
        method: Method::Occlusion,
        words: rest.flat_map(lost).collect(),
        bias,
        outcome,
        nodes: 0,
    })
}
