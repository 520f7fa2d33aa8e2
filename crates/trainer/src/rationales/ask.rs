//! A job: everything to ask, what of it is known already, and the rest within a budget.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};

use super::endpoint::{Endpoint, Reply, Sampling};
use super::prompt::{Asking, Kind, Row};
use crate::artefact::{Cache, digest};
use crate::progress::Progress;

/// What the records of a cache are.
const CONTEXT: &[u8] = b"stillglass rationales/1";

/// Replies between two waits for the disk.
const SYNC_EVERY: usize = 16;

/// So many faults are told; so many and no reply, and nothing more is sent.
const TOLD: usize = 5;

/// Share of the probability that may be of tokens that begin several answers.
const UNTOLD: f64 = 0.02;

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
    /// Askings that are left, those that failed among them.
    pub left: usize,
    /// How many requests failed for good.
    pub failed: usize,
    /// What went wrong with the first of them.
    pub faults: Vec<String>,
    /// A line for each reply, in the order of the rows.
    #[serde(skip)]
    pub lines: Vec<Value>,
}

/// Every asking's request and its key: what is sent, and where to.
struct Requests {
    bodies: Vec<Value>,
    keys: Vec<[u8; 32]>,
}

impl Job<'_> {
    fn requests(&self) -> Requests {
        let request = |asking: &Asking| self.endpoint.request(&asking.prompt, &self.sampling);
        let bodies: Vec<Value> = self.askings.iter().map(request).collect();
        let url = self.endpoint.url().as_bytes();
        let key = |body: &Value| digest(&[url, body.to_string().as_bytes()]);
        Requests {
            keys: bodies.iter().map(key).collect(),
            bodies,
        }
    }

    /// What would be sent, as indices: what is not known, equal requests once, as far as the budget goes.
    fn open(&self, keys: &[[u8; 32]], known: impl Fn(&[u8; 32]) -> bool) -> Vec<usize> {
        let mut seen = HashSet::new();
        let open = |index: &usize| !known(&keys[*index]) && seen.insert(keys[*index]);
        let afford = self.budget.calls.unwrap_or(u64::MAX);
        let afford = usize::try_from(afford).unwrap_or(usize::MAX);
        (0..keys.len()).filter(open).take(afford).collect()
    }

    /// What it would spend at most: about [`CHARACTERS`] characters are a token. `cache` need not be there.
    pub fn estimate(&self, cache: &Path) -> Result<Spent> {
        let known = match cache.symlink_metadata() {
            Ok(_) => Some(Cache::open(cache, &digest(&[CONTEXT]))?.0),
            Err(_) => None,
        };
        let keys = self.requests().keys;
        let is_known =
            |key: &[u8; 32]| known.as_ref().is_some_and(|known| known.get(key).is_some());
        let mut spent = Spent::default();
        for index in self.open(&keys, is_known) {
            let prompt = tokens(&self.askings[index].prompt);
            spent.count([prompt, self.sampling.max_tokens as u64], self.price);
        }
        Ok(spent)
    }
}

/// Asks what `cache` does not know.
pub fn ask(job: &Job, cache: &Path, progress: &Progress) -> Result<Outcome> {
    let (mut cache, recovered) = Cache::open(cache, &digest(&[CONTEXT]))?;
    if let Some(lost) = recovered.lost() {
        progress.note(&lost);
    }
    let Requests { bodies, keys } = job.requests();
    let known = keys.iter().filter(|key| cache.get(key).is_some()).count();
    let open = job.open(&keys, |key| cache.get(key).is_some());
    let task = progress.resumed("ask", "replies", keys.len(), known);
    let till = Mutex::new(Till::default());
    let exchanged = exchange(job, &bodies, &open, &till, progress, |index, reply| {
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
    let mut till = till.into_inner().unwrap_or_else(PoisonError::into_inner);
    till.faults.sort_unstable();
    let mut outcome = Outcome {
        replies: 0,
        refused: 0,
        cut: 0,
        known,
        spent: till.spent,
        left: 0,
        failed: till.faults.len(),
        faults: till
            .faults
            .into_iter()
            .take(TOLD)
            .map(|(_, fault)| fault)
            .collect(),
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
        let line = line(job.kind, &job.rows[asking.row], asking, &reply);
        outcome.lines.push(line);
    }
    Ok(outcome)
}

/// Sends some of the requests, several at a time, until `till` says to stop; `keep` gets each reply as it comes.
fn exchange(
    job: &Job,
    requests: &[Value],
    open: &[usize],
    till: &Mutex<Till>,
    progress: &Progress,
    mut keep: impl FnMut(usize, Reply) -> Result<()>,
) -> Result<()> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let waiting = AtomicBool::new(false);
    // One word about waiting is enough, whoever waits.
    let wait = |why: &str, time: Duration| {
        if !waiting.swap(true, Ordering::Relaxed) {
            let seconds = time.as_secs_f64();
            progress.note(&format!("{why}; trying again in {seconds:.0} s, and so on"));
        }
    };
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..job.concurrent.min(open.len()) {
            let (sender, next, stop, wait) = (sender.clone(), &next, &stop, &wait);
            scope.spawn(move || {
                let alive = || !stop.load(Ordering::Relaxed);
                while alive() {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&index) = open.get(place) else {
                        break;
                    };
                    let reply = job.endpoint.send(&requests[index], &alive, wait);
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
    /// By the line of the row.
    faults: Vec<(usize, String)>,
}

impl Till {
    /// Counts a reply, or the fault in its place; nothing where the request was called off.
    fn take(&mut self, job: &Job, index: usize, reply: Result<Option<Reply>>) -> Option<Reply> {
        let asking = &job.askings[index];
        match reply {
            Ok(Some(reply)) => {
                let guessed = || [tokens(&asking.prompt), tokens(&reply.text)];
                let counted = reply.tokens.unwrap_or_else(guessed);
                self.spent.count(counted, job.price);
                Some(reply)
            }
            Ok(None) => None,
            Err(fault) => {
                self.spent.calls += 1;
                let line = job.rows[asking.row].line;
                self.faults.push((line, format!("line {line}: {fault:#}")));
                None
            }
        }
    }

    /// Whether the budget lasts, and something came of what was sent: a key that is not taken will not be taken with
    /// the next row.
    fn goes_on(&self, budget: Budget) -> bool {
        let lasts = budget.tokens.is_none_or(|most| self.spent.tokens() < most);
        let hopeless = self.faults.len() >= TOLD && self.faults.len() as u64 == self.spent.calls;
        lasts && !hopeless
    }
}

fn tokens(text: &str) -> u64 {
    text.chars().count().div_ceil(CHARACTERS) as u64
}

impl Spent {
    /// Adds a request with the tokens of its prompt and of its reply.
    fn count(&mut self, [prompt, reply]: [u64; 2], price: Price) {
        self.calls += 1;
        // An endpoint counts as it likes.
        self.prompt_tokens = self.prompt_tokens.saturating_add(prompt);
        self.reply_tokens = self.reply_tokens.saturating_add(reply);
        let millions = |tokens: u64| tokens as f64 / 1e6;
        self.price =
            millions(self.prompt_tokens) * price.prompt + millions(self.reply_tokens) * price.reply;
    }

    fn tokens(&self) -> u64 {
        self.prompt_tokens.saturating_add(self.reply_tokens)
    }
}

/// A reply with its row, so that the next prompt, or whoever learns from it, has all in one place.
fn line(kind: Kind, row: &Row, asking: &Asking, reply: &Reply) -> Value {
    let mut line = row.whole.clone();
    let column = match kind {
        Kind::Explain | Kind::Counterfactual | Kind::Revise => "rationale",
        Kind::Critique => "critique",
        // Not `answer`, which is what the next prompt explains.
        Kind::Answer => "predicted",
    };
    for stale in ["refused", "scores"] {
        line.remove(stale);
    }
    if kind != Kind::Answer {
        line.insert("answer".into(), json!(asking.answer));
    }
    line.insert("kind".into(), json!(kind));
    line.insert(column.into(), json!(reply.text));
    line.insert("finish".into(), json!(reply.finish));
    if reply.refused {
        line.insert("refused".into(), json!(true));
    }
    if let Some(scores) = scores(&asking.answers, reply).filter(|_| kind == Kind::Answer) {
        line.insert("scores".into(), json!(scores));
    }
    Value::Object(line)
}

/// Soft labels: the probability of each answer that likely first tokens begin. None where nothing is known, or where
/// much of it is of tokens that begin several answers, and so say nothing between them.
fn scores(answers: &[String], reply: &Reply) -> Option<BTreeMap<String, f64>> {
    let mut scores: BTreeMap<String, f64> = answers.iter().map(|a| (a.clone(), 0.0)).collect();
    let (mut told, mut untold) = (0.0, 0.0);
    for (token, logprob) in &reply.first {
        let token = token.trim().to_lowercase();
        if token.is_empty() {
            continue;
        }
        let begins = |answer: &&String| answer.to_lowercase().starts_with(&token);
        let begun: Vec<&String> = answers.iter().filter(begins).collect();
        let whole = begun.iter().find(|answer| answer.to_lowercase() == token);
        let answer = match begun[..] {
            [] => continue,
            [answer] => Some(answer),
            _ => whole.copied(),
        };
        match answer {
            Some(answer) => {
                told += logprob.exp();
                *scores.get_mut(answer)? += logprob.exp();
            }
            None => untold += logprob.exp(),
        }
    }
    let clear = told > 0.0 && untold <= UNTOLD * (told + untold);
    for score in scores.values_mut() {
        *score /= told;
    }
    clear.then_some(scores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soft_labels_are_of_tokens_that_begin_one_answer() {
        let said = |answers: &[&str], first: &[(&str, f64)]| {
            let answers: Vec<String> = answers.iter().map(ToString::to_string).collect();
            let token = |(token, p): &(&str, f64)| ((*token).to_owned(), p.ln());
            let reply = Reply {
                first: first.iter().map(token).collect(),
                ..Reply::default()
            };
            scores(&answers, &reply).map(|scores| scores.into_values().collect::<Vec<f64>>())
        };
        let near = |found: Option<Vec<f64>>, want: &[f64]| {
            let found = found.unwrap();
            let pairs = found.iter().zip(want);
            found.len() == want.len() && pairs.clone().all(|(a, b)| (a - b).abs() < 1e-9)
        };
        let first = [("Up", 0.5), (" down", 0.25), ("the", 0.1), ("", 0.01)];
        let (third, two) = (1.0 / 3.0, 2.0 / 3.0);
        assert!(near(
            said(&["up", "down", "flat"], &first),
            &[third, 0.0, two]
        ));
        // "1" is an answer, whatever else it begins.
        assert!(near(
            said(&["1", "10"], &[("1", 0.6), ("10", 0.2)]),
            &[0.75, 0.25]
        ));
        // Nearly all of it is of one of two answers, and nobody knows which.
        let open = [("ne", 0.9), ("positive", 0.05)];
        assert_eq!(said(&["negative", "neutral", "positive"], &open), None);
        assert_eq!(said(&["up", "down"], &[("up", 0.0)]), None);
        assert_eq!(said(&["up", "down"], &[]), None);
    }
}
