//! From passes to answers, and to explanations by every method; the same on both backends.

use stillglass_text::Encoding;

use crate::encoder::with_specials;
use crate::explanation::{Found, by_word};
use crate::network::Network;
use crate::pace::{Pace, Stop};
use crate::student::Pass;
use crate::{Classification, Method, Model, gradients, occlusion};

/// Whether a method looks at many variants of each text.
fn is_slow(explain: Option<Method>) -> bool {
    !matches!(explain, None | Some(Method::Native))
}

/// Answers the texts that have no answer yet: a share of the call each where they take long, all
/// together where they do not. What was answered before a stop stays.
pub(crate) async fn answer_rest(
    model: &Model,
    network: Network<'_>,
    texts: &[Encoding],
    explain: Option<Method>,
    pace: &Pace<'_>,
    answers: &mut Vec<Classification>,
) -> Result<(), Stop> {
    let slow = is_slow(explain);
    while answers.len() < texts.len() {
        let done = answers.len();
        if slow {
            pace.set_share(done, texts.len());
        }
        let share = if slow { 1 } else { texts.len() - done };
        let share = &texts[done..done + share];
        answers.extend(answer(model, network, share, explain, pace).await?);
    }
    Ok(())
}

/// Answers texts together.
async fn answer(
    model: &Model,
    network: Network<'_>,
    texts: &[Encoding],
    explain: Option<Method>,
    pace: &Pace<'_>,
) -> Result<Vec<Classification>, Stop> {
    let ids: Vec<&[u32]> = texts.iter().map(|text| text.ids.as_slice()).collect();
    let passes = network.passes(&ids, pace).await?;
    let mut answers = Vec::with_capacity(texts.len());
    for (text, pass) in texts.iter().zip(passes) {
        let found = match explain {
            None => None,
            Some(method) => Some(explanation(model, network, method, text, &pass, pace).await?),
        };
        answers.push(Classification::new(text, pass, found, network.backend()));
    }
    Ok(answers)
}

async fn explanation(
    model: &Model,
    network: Network<'_>,
    method: Method,
    text: &Encoding,
    pass: &Pass,
    pace: &Pace<'_>,
) -> Result<Found, Stop> {
    match method {
        Method::Native => Ok(native(model, text, pass)),
        Method::IntegratedGradients => {
            let padding = model.manifest().tokenizer.padding.unwrap_or_default();
            let blank = vec![padding; text.ids.len()];
            let nothing = network.passes(&[&blank], pace).await?;
            let ends = gradients::Ends {
                blank: with_specials(model.specials(), &blank),
                text: with_specials(model.specials(), &text.ids),
                logits: [&nothing[0].logits, &pass.logits],
            };
            gradients::explain(network, &ends, &text.words, pace).await
        }
        Method::Occlusion => occlusion::explain(network, text, &pass.logits, pace).await,
    }
}

/// A student's own contributions.
fn native(model: &Model, text: &Encoding, pass: &Pass) -> Found {
    let bias = model.bias().to_vec();
    Found {
        method: Method::Native,
        words: by_word(&text.words, &pass.contributions, bias.len()),
        bias,
        outcome: pass.logits.clone(),
        nodes: 0,
    }
}
