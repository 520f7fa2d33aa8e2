//! A job: everything to ask, what of it is known already, and the rest within a budget.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::endpoint::{Endpoint, Reply, Sampling};
use super::prompt::{Asking, Kind, Row};
use crate::artefact::{Cache, digest};
use crate::progress::Progress;

/// What the records of a cache are.
const CONTEXT: &[u8] = b"stillglass rationales/1";

/// Replies between two waits for the disk.
const SYNC_EVERY: usize = 16;

/// So many faults and no reply, and nothing more is sent. Also how many faults are told.
const HOPELESS: usize = 5;

/// Characters of a token, roughly, for an estimate before anything is sent.
const CHARACTERS: usize = 4;

/// What a job may spend; what is known already is free.
#[derive(Debug, Clone, Copy, Default)]
pub struct Budget {
    /// Requests, those that are tried again counted once.
    pub calls: Option<u64>,
    /// Tokens of prompts and replies: once so many are spent, no further request is sent.
    pub tokens: Option<u64>,
}

/// What a million tokens cost, in any currency.
#[derive(Debug, Clone, Copy, Default)]
pub struct Price {
    /// Of prompts.
    pub prompt: f64,
    /// Of replies.
    pub reply: f64,
}

/// Something to be asked.
pub struct Job<'a> {
    /// Where it is asked.
    pub endpoint: &'a Endpoint,
    /// How replies are drawn.
    pub sampling: Sampling,
    /// What is asked for.
    pub kind: Kind,
    /// The rows.
    pub rows: &'a [Row],
    /// What is asked about them.
    pub askings: &'a [Asking],
    /// Requests at a time.
    pub concurrent: usize,
    /// What may be spent.
    pub budget: Budget,
    /// What tokens cost.
    pub price: Price,
}

/// What was spent, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Spent {
    /// Requests.
    pub calls: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens of replies.
    pub reply_tokens: u64,
    /// Their price.
    pub price: f64,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Replies that are there, those of earlier jobs among them.
    pub replies: usize,
    /// Of them, refused.
    pub refused: usize,
    /// Of them, ended by the limit of tokens.
    pub cut: usize,
    /// Known before.
    pub known: usize,
    /// What this job spent.
    pub spent: Spent,
    /// Askings that the budget left.
    pub left: usize,
    /// The first faults that did not pass, and how many there were.
    pub faults: (Vec<String>, usize),
    /// A line for each reply, in the order of the rows.
    #[serde(skip)]
    pub lines: Vec<Value>,
}

/// Asks what `cache` does not know.
pub fn ask(job: &Job, cache: &Path, progress: &Progress) -> Result<Outcome> {
    let (mut cache, recovered) = Cache::open(cache, &digest(&[CONTEXT]))?;
    if let Some(lost) = recovered.lost() {
        progress.note(&lost);
    }
    let requests: Vec<Value> = job
        .askings
        .iter()
        .map(|asking| job.endpoint.request(&asking.prompt, &job.sampling))
        .collect();
    let keys: Vec<[u8; 32]> = requests
        .iter()
        .map(|request| digest(&[request.to_string().as_bytes()]))
        .collect();
    let known = keys.iter().filter(|key| cache.get(key).is_some()).count();
    // Equal requests are sent once.
    let mut seen = HashSet::new();
    let open = |index: &usize| cache.get(&keys[*index]).is_none() && seen.insert(keys[*index]);
    let mut open: Vec<usize> = (0..keys.len()).filter(open).collect();
    let afford = job.budget.calls.unwrap_or(u64::MAX);
    open.truncate(usize::try_from(afford).unwrap_or(usize::MAX));

    let task = progress.resumed("ask", "replies", keys.len(), known);
    let till = Mutex::new(Till::default());
    let exchanged = exchange(job, &requests, &open, &till, |index, reply| {
        cache.append(keys[index], serde_json::to_vec(&reply)?)?;
        if cache.len().is_multiple_of(SYNC_EVERY) {
            cache.sync()?;
        }
        task.advance(1);
        Ok(())
    });
    task.finish();
    cache.sync()?;
    exchanged?;
    let till = till.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut outcome = Outcome {
        replies: 0,
        refused: 0,
        cut: 0,
        known,
        spent: till.spent,
        left: 0,
        faults: till.faults,
        lines: Vec::new(),
    };
    for (asking, key) in job.askings.iter().zip(&keys) {
        let Some(record) = cache.get(key) else {
            outcome.left += 1;
            continue;
        };
        let reply: Reply =
            serde_json::from_slice(record).context("a record of the cache; delete it")?;
        outcome.replies += 1;
        outcome.refused += usize::from(reply.refused);
        outcome.cut += usize::from(reply.finish == "length");
        let line = line(job.kind, &job.rows[asking.row], asking, &reply)?;
        outcome.lines.push(line);
    }
    outcome.left -= outcome.faults.1.min(outcome.left);
    Ok(outcome)
}

/// Sends some of the requests, several at a time, until `till` says to stop; `keep` gets each reply as it comes.
fn exchange(
    job: &Job,
    requests: &[Value],
    open: &[usize],
    till: &Mutex<Till>,
    mut keep: impl FnMut(usize, Reply) -> Result<()>,
) -> Result<()> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..job.concurrent.min(open.len()) {
            let (sender, next, stop) = (sender.clone(), &next, &stop);
            scope.spawn(move || {
                let alive = || !stop.load(Ordering::Relaxed);
                while alive() {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&index) = open.get(place) else {
                        break;
                    };
                    let reply = job.endpoint.send(&requests[index], &alive);
                    let mut till = till.lock().unwrap_or_else(PoisonError::into_inner);
                    let reply = till.take(job, index, reply);
                    if !till.goes_on(job.budget) {
                        stop.store(true, Ordering::Relaxed);
                    }
                    drop(till);
                    if reply.is_some_and(|reply| sender.send((index, reply)).is_err()) {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut kept = Ok(());
        // What is on its way when there is no going on was paid for, and is kept as well.
        for (index, reply) in &receiver {
            kept = kept.and(keep(index, reply));
            if kept.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
        }
        kept
    })
}

/// What was spent, and what went wrong.
#[derive(Default)]
struct Till {
    spent: Spent,
    faults: (Vec<String>, usize),
}

impl Till {
    /// Counts a reply, or the fault in its place.
    fn take(&mut self, job: &Job, index: usize, reply: Result<Reply>) -> Option<Reply> {
        let asking = &job.askings[index];
        self.spent.calls += 1;
        match reply {
            Ok(reply) => {
                self.spent.add(&reply, &asking.prompt, job.price);
                Some(reply)
            }
            Err(fault) => {
                self.faults.1 += 1;
                if self.faults.0.len() < HOPELESS {
                    let line = job.rows[asking.row].line;
                    self.faults.0.push(format!("line {line}: {fault:#}"));
                }
                None
            }
        }
    }

    /// Whether the budget lasts, and something came of what was sent: a key that is not taken will not be taken with
    /// the next row.
    fn goes_on(&self, budget: Budget) -> bool {
        let tokens = self.spent.prompt_tokens + self.spent.reply_tokens;
        let lasts = budget.tokens.is_none_or(|most| tokens < most);
        let hopeless = self.faults.1 >= HOPELESS && self.faults.1 as u64 == self.spent.calls;
        lasts && !hopeless
    }
}

impl Job<'_> {
    /// What all of it would spend at most, were nothing known: about [`CHARACTERS`] characters are a token.
    pub fn estimate(&self) -> Spent {
        let mut spent = Spent::default();
        for asking in self.askings {
            spent.calls += 1;
            spent.prompt_tokens += tokens(&asking.prompt);
            spent.reply_tokens += self.sampling.max_tokens as u64;
        }
        spent.priced(self.price);
        spent
    }
}

fn tokens(text: &str) -> u64 {
    text.chars().count().div_ceil(CHARACTERS) as u64
}

impl Spent {
    fn add(&mut self, reply: &Reply, prompt: &str, price: Price) {
        let counted = reply.tokens;
        let [prompt, reply] = counted.unwrap_or_else(|| [tokens(prompt), tokens(&reply.text)]);
        self.prompt_tokens += prompt;
        self.reply_tokens += reply;
        self.priced(price);
    }

    fn priced(&mut self, price: Price) {
        let millions = |tokens: u64| tokens as f64 / 1e6;
        self.price =
            millions(self.prompt_tokens) * price.prompt + millions(self.reply_tokens) * price.reply;
    }
}

/// A reply with its row, so that the next prompt, or whoever learns from it, has all in one place.
fn line(kind: Kind, row: &Row, asking: &Asking, reply: &Reply) -> Result<Value> {
    let mut line = match serde_json::to_value(row)? {
        Value::Object(object) => object,
        other => Map::from_iter([("row".to_owned(), other)]),
    };
    let column = match kind {
        Kind::Explain | Kind::Counterfactual | Kind::Revise => "rationale",
        Kind::Critique => "critique",
        Kind::Answer => "answer",
    };
    if kind != Kind::Answer {
        line.insert("answer".into(), json!(asking.answer));
    }
    line.insert("kind".into(), json!(kind));
    line.insert(column.into(), json!(reply.text));
    line.insert("finish".into(), json!(reply.finish));
    if reply.refused {
        line.insert("refused".into(), json!(true));
    }
    let scores = scores(&asking.answers, reply);
    if kind == Kind::Answer && !scores.is_empty() {
        line.insert("scores".into(), json!(scores));
    }
    Ok(Value::Object(line))
}

/// Soft labels: the probability of each answer that some likely first token begins, over those that do.
fn scores(answers: &[String], reply: &Reply) -> BTreeMap<String, f64> {
    let mut scores: BTreeMap<String, f64> = BTreeMap::new();
    for (token, logprob) in &reply.first {
        let token = token.trim().to_lowercase();
        let begun: Vec<&String> = answers
            .iter()
            .filter(|answer| !token.is_empty() && answer.to_lowercase().starts_with(&token))
            .collect();
        // A token that begins several answers says nothing between them.
        if let [answer] = begun[..] {
            *scores.entry(answer.clone()).or_default() += logprob.exp();
        }
    }
    let sum: f64 = scores.values().sum();
    for score in scores.values_mut() {
        *score /= sum;
    }
    scores
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soft_labels_are_of_tokens_that_begin_one_answer() {
        let answers = ["up", "down", "double"].map(ToOwned::to_owned);
        let first = [
            ("Up", 0.5f64),
            (" do", 0.2),
            ("down", 0.1),
            ("dou", 0.05),
            ("the", 0.1),
            ("", 0.01),
        ];
        let reply = Reply {
            first: first.map(|(token, p)| (token.to_owned(), p.ln())).into(),
            ..Reply::default()
        };
        let found = scores(&answers, &reply);
        let want = [("double", 0.05), ("down", 0.1), ("up", 0.5)];
        for ((name, found), (wanted, want)) in found.iter().zip(want) {
            assert_eq!(name, wanted);
            assert!((found - want / 0.65).abs() < 1e-9, "{name} {found}");
        }
        assert!(scores(&answers, &Reply::default()).is_empty());
    }
}
