//! An endpoint of the `OpenAI` protocol: one request, its reply, and whether a fault is worth another try.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use ureq::Agent;

/// What stands for the key wherever an endpoint repeats it.
const HIDDEN: &str = "[key]";

/// The most characters of an endpoint's own words that an error repeats.
const REPEATED: usize = 300;

/// How a reply is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sampling {
    /// Most tokens of a reply.
    pub max_tokens: usize,
    /// 0 takes the likeliest.
    pub temperature: f64,
    /// Passed on; many endpoints heed it.
    pub seed: u64,
    /// Whether log-probabilities of the first token are asked for.
    pub logprobs: bool,
}

/// How long is waited, and how often it is tried again.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Seconds that one request may take.
    pub seconds: u64,
    /// Tries after the first one.
    pub retries: u32,
    /// Wait before the first of them; each next one waits twice as long, up to a minute.
    pub wait: Duration,
}

impl Patience {
    /// How long to wait before a try, from 0; an endpoint that names a time is heeded, up to five minutes.
    fn before(&self, retry: u32, named: Option<Duration>) -> Duration {
        let doubled = self.wait.saturating_mul(2u32.saturating_pow(retry));
        let own = doubled.min(Duration::from_mins(1));
        named.map_or(own, |named| named.clamp(own, Duration::from_mins(5)))
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Reply {
    /// The text as it came, empty where it was refused.
    pub text: String,
    /// Why it ended: `stop`, `length`, `content_filter` or the endpoint's own word.
    pub finish: String,
    /// Whether the model or the endpoint refused.
    pub refused: bool,
    /// Tokens of the prompt and of the reply, as the endpoint counts them; none where it does not.
    pub tokens: Option<[u64; 2]>,
    /// Log-probability of what the first token might have been, where it was asked for and given.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub first: BTreeMap<String, f64>,
}

/// Where requests go.
pub struct Endpoint {
    agent: Agent,
    url: String,
    model: String,
    key: Option<String>,
    patience: Patience,
}

/// How often a wait looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);

/// What went wrong with a try.
enum Fault {
    /// It may go right the next time, perhaps after the time that the endpoint names.
    Passing(String, Option<Duration>),
    /// It will not.
    Final(String),
}

impl Endpoint {
    /// `base` is the address before `/chat/completions`, such as `http://localhost:8080/v1`; the key is sent with
    /// each request, and goes nowhere else.
    pub fn new(base: &str, model: &str, key: Option<String>, patience: Patience) -> Result<Self> {
        let web = base.starts_with("http://") || base.starts_with("https://");
        ensure!(
            web,
            "--endpoint {base}: want an address such as http://localhost:8080/v1"
        );
        ensure!(
            !model.is_empty(),
            "--model is empty; name the endpoint's model"
        );
        ensure!(
            !host(base).contains('@'),
            "--endpoint: leave name and password out of the address, and give a key with --key-env"
        );
        let key = key.filter(|key| !key.is_empty());
        ensure!(
            key.is_none() || base.starts_with("https://") || is_here(base),
            "--endpoint {base}: a key would go there for all to read; use https"
        );
        let config = Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(patience.seconds)))
            .http_status_as_error(false)
            // A redirected request would arrive without its body.
            .max_redirects(0)
            .build();
        Ok(Self {
            agent: config.into(),
            url: format!("{}/chat/completions", base.trim_end_matches('/')),
            model: model.into(),
            key,
            patience,
        })
    }

    /// What is sent for a prompt, without the key.
    pub fn request(&self, prompt: &str, sampling: &Sampling) -> Value {
        let mut body = json!({
            "model": self.model,
            "messages": [{ "role": "user", "content": prompt }],
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "seed": sampling.seed,
        });
        if sampling.logprobs {
            body["logprobs"] = json!(true);
            body["top_logprobs"] = json!(20);
        }
        body
    }

    /// Where requests go.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends a request, again where the fault may pass; none where `alive`, which is asked before each try and while
    /// waiting for it, says that no reply is wanted any more. `wait` hears why and how long is waited.
    pub fn send(
        &self,
        request: &Value,
        alive: &dyn Fn() -> bool,
        wait: &dyn Fn(&str, Duration),
    ) -> Result<Option<Reply>> {
        let mut retry = 0;
        while alive() {
            let (why, named) = match self.once(request) {
                Ok(reply) => return Ok(Some(reply)),
                Err(Fault::Final(why)) => bail!("{why}"),
                Err(Fault::Passing(why, named)) => (why, named),
            };
            ensure!(
                retry < self.patience.retries,
                "{why}; given up after {} tries",
                retry + 1
            );
            let time = self.patience.before(retry, named);
            wait(&why, time);
            let until = Instant::now() + time;
            while alive() && Instant::now() < until {
                std::thread::sleep(LOOK.min(until - Instant::now()));
            }
            retry += 1;
        }
        Ok(None)
    }

    fn once(&self, request: &Value) -> Result<Reply, Fault> {
        let mut call = self
            .agent
            .post(&self.url)
            .header("Content-Type", "application/json");
        if let Some(key) = &self.key {
            call = call.header("Authorization", &format!("Bearer {key}"));
        }
        let failed = |error: ureq::Error| {
            let why = self.hide(&format!("{}: {error}", self.url));
            // What is wrong with the address or the key stays wrong.
            match error {
                ureq::Error::BadUri(_) | ureq::Error::Http(_) => Fault::Final(why),
                ureq::Error::Timeout(_) => Fault::Passing(format!("{why}, see --timeout"), None),
                _ => Fault::Passing(why, None),
            }
        };
        let mut answer = call.send(request.to_string()).map_err(failed)?;
        let status = answer.status().as_u16();
        let header = |name: &str| {
            let value = answer.headers().get(name)?;
            value.to_str().ok().map(ToOwned::to_owned)
        };
        let (after, target) = (header("retry-after"), header("location"));
        let after = after.and_then(|after| after.parse().ok());
        let body = answer.body_mut().read_to_string().map_err(failed)?;
        // Some endpoints repeat the key in what they say.
        let body = self.hide(&body);
        let said = || {
            let shown: String = body.chars().take(REPEATED).collect();
            format!("{} answered {status}: {}", self.url, shown.trim())
        };
        match status {
            200 => {}
            // Too early, too many, or the endpoint's own trouble.
            408 | 409 | 425 | 429 | 500..=599 => {
                return Err(Fault::Passing(said(), after.map(Duration::from_secs)));
            }
            300..=399 => {
                let target = self.hide(&target.unwrap_or_default());
                let why = format!("{} leads to {target}; give that as --endpoint", self.url);
                return Err(Fault::Final(why));
            }
            _ => return Err(Fault::Final(said())),
        }
        read(&body).map_err(|error| Fault::Passing(format!("{}; {error:#}", said()), None))
    }

    fn hide(&self, text: &str) -> String {
        match &self.key {
            Some(key) => text.replace(key.as_str(), HIDDEN),
            None => text.to_owned(),
        }
    }
}

/// What stands between `://` and the path.
fn host(base: &str) -> &str {
    let rest = base.split("://").nth(1).unwrap_or_default();
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Whether an address is of this machine.
fn is_here(base: &str) -> bool {
    let host = host(base);
    let bare = match host.rsplit_once(':') {
        Some((bare, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => bare,
        _ => host,
    };
    ["localhost", "127.0.0.1", "[::1]"].contains(&bare)
}

/// The parts of a completion that are read.
#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    // Whatever is wrong with a count, the text was paid for.
    #[serde(default)]
    usage: Value,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    #[serde(default)]
    finish_reason: Option<String>,
    #[serde(default)]
    logprobs: Option<Logprobs>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Logprobs {
    #[serde(default)]
    content: Option<Vec<Place>>,
}

#[derive(Deserialize)]
struct Place {
    top_logprobs: Option<Vec<Candidate>>,
}

#[derive(Deserialize)]
struct Candidate {
    token: String,
    logprob: f64,
}

fn read(body: &str) -> Result<Reply> {
    let completion: Completion =
        serde_json::from_str(body).context("the reply is no chat completion")?;
    let choice = completion.choices.into_iter().next();
    let choice = choice.context("the reply has no choice")?;
    let finish = choice.finish_reason.unwrap_or_default();
    let refusal = choice.message.refusal.filter(|refusal| !refusal.is_empty());
    let refused = refusal.is_some() || finish == "content_filter";
    let text = choice.message.content.filter(|_| !refused);
    let text = text.unwrap_or_default();
    ensure!(refused || !text.trim().is_empty(), "the reply is empty");
    let places = choice.logprobs.and_then(|logprobs| logprobs.content);
    let first = places.and_then(|places| places.into_iter().next());
    let candidates = first.and_then(|place| place.top_logprobs);
    let usage: Option<Usage> = serde_json::from_value(completion.usage).ok();
    Ok(Reply {
        text,
        refused,
        finish,
        tokens: usage.and_then(|usage| Some([usage.prompt_tokens?, usage.completion_tokens?])),
        first: candidates
            .into_iter()
            .flatten()
            .map(|candidate| (candidate.token, candidate.logprob))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_whatever_endpoints_leave_out() {
        let bare = read(r#"{"choices":[{"message":{"content":" It rose."}}]}"#).unwrap();
        assert_eq!(
            (bare.text.as_str(), bare.tokens, bare.refused),
            (" It rose.", None, false)
        );
        let whole = read(
            r#"{"choices":[{"message":{"role":"assistant","content":"up"},"finish_reason":"stop","logprobs":{"content":
               [{"token":"up","logprob":-0.1,"top_logprobs":[{"token":"up","logprob":-0.1},{"token":"down","logprob":-2.5}]}]}}],
               "usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}}"#,
        )
        .unwrap();
        assert_eq!(
            (whole.tokens, whole.finish.as_str()),
            (Some([9, 1]), "stop")
        );
        assert_eq!(whole.first.keys().collect::<Vec<_>>(), ["down", "up"]);
        for refusal in [
            r#"{"choices":[{"message":{"content":null,"refusal":"I can't."}}]}"#,
            r#"{"choices":[{"message":{"content":"half a"},"finish_reason":"content_filter"}]}"#,
        ] {
            let reply = read(refusal).unwrap();
            assert!(reply.refused && reply.text.is_empty(), "{reply:?}");
        }
        for broken in [
            "",
            "{",
            "{\"choices\":[]}",
            "[]",
            "<html>",
            r#"{"error":{"message":"quota exceeded"}}"#,
            r#"{"choices":[{"message":{"content":null}}]}"#,
        ] {
            assert!(read(broken).is_err(), "{broken}");
        }
        for odd in [
            r#"{"choices":[{"message":{"content":"up","refusal":""},"logprobs":null}],"usage":{"prompt_tokens":null}}"#,
            r#"{"choices":[{"message":{"content":"up"},"logprobs":{"content":[{"top_logprobs":null}]}}],"usage":{"prompt_tokens":-1}}"#,
        ] {
            let reply = read(odd).unwrap();
            assert_eq!((reply.text.as_str(), reply.tokens), ("up", None));
        }
    }

    #[test]
    fn keys_go_nowhere_in_the_clear() {
        let patience = Patience {
            seconds: 1,
            retries: 0,
            wait: Duration::ZERO,
        };
        let key = || Some("k".to_owned());
        let opens = |base: &str, key| Endpoint::new(base, "m", key, patience).is_ok();
        for base in [
            "http://localhost:8080/v1",
            "http://127.0.0.1/v1",
            "http://[::1]:1/v1",
            "https://a.example/v1",
        ] {
            assert!(opens(base, key()), "{base}");
        }
        for base in ["http://a.example/v1", "http://localhost.example:80"] {
            assert!(!opens(base, key()) && opens(base, None), "{base}");
        }
        assert!(!opens("http://localhost@a.example/v1", None));
    }

    #[test]
    fn waits_double_and_heed_the_endpoint() {
        let patience = Patience {
            seconds: 1,
            retries: 9,
            wait: Duration::from_secs(1),
        };
        let seconds = |retry, named: Option<u64>| {
            patience
                .before(retry, named.map(Duration::from_secs))
                .as_secs()
        };
        assert_eq!(
            [0, 1, 2, 9].map(|retry| seconds(retry, None)),
            [1, 2, 4, 60]
        );
        assert_eq!(
            [
                seconds(0, Some(20)),
                seconds(3, Some(1)),
                seconds(0, Some(9999))
            ],
            [20, 8, 300]
        );
    }
}
