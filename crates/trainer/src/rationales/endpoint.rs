//! An endpoint of the `OpenAI` protocol: one request, its reply, and whether a fault is worth another try.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
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
        let key = key.filter(|key| !key.is_empty());
        let config = Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(patience.seconds)))
            .http_status_as_error(false)
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

    /// Sends a request, again where the fault may pass. `alive` is asked before each try.
    pub fn send(&self, request: &Value, alive: &dyn Fn() -> bool) -> Result<Reply> {
        let mut retry = 0;
        loop {
            let fault = match self.once(request) {
                Ok(reply) => return Ok(reply),
                Err(fault) => fault,
            };
            let (why, named) = match fault {
                Fault::Final(why) => anyhow::bail!("{}", self.hide(&why)),
                Fault::Passing(why, named) => (self.hide(&why), named),
            };
            ensure!(
                retry < self.patience.retries && alive(),
                "{why}; given up after {} tries",
                retry + 1
            );
            std::thread::sleep(self.patience.before(retry, named));
            retry += 1;
        }
    }

    fn once(&self, request: &Value) -> Result<Reply, Fault> {
        let mut call = self
            .agent
            .post(&self.url)
            .header("Content-Type", "application/json");
        if let Some(key) = &self.key {
            call = call.header("Authorization", &format!("Bearer {key}"));
        }
        let passing = |why: String| Fault::Passing(why, None);
        let sent = call.send(request.to_string());
        let mut answer = sent.map_err(|error| passing(format!("{}: {error}", self.url)))?;
        let status = answer.status().as_u16();
        let after = answer.headers().get("retry-after");
        let after = after.and_then(|value| value.to_str().ok()?.parse().ok());
        let body = answer.body_mut().read_to_string();
        let body = body.map_err(|error| passing(format!("{}: {error}", self.url)))?;
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
            _ => return Err(Fault::Final(said())),
        }
        read(&body).map_err(|error| passing(format!("{}: {error:#}", self.url)))
    }

    /// Some endpoints repeat the key in what they say.
    fn hide(&self, text: &str) -> String {
        match &self.key {
            Some(key) => text.replace(key.as_str(), HIDDEN),
            None => text.to_owned(),
        }
    }
}

/// The parts of a completion that are read.
#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
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
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

#[derive(Deserialize)]
struct Logprobs {
    #[serde(default)]
    content: Option<Vec<Place>>,
}

#[derive(Deserialize)]
struct Place {
    #[serde(default)]
    top_logprobs: Vec<Candidate>,
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
    let refused = choice.message.refusal.is_some() || finish == "content_filter";
    let places = choice.logprobs.and_then(|logprobs| logprobs.content);
    let first = places.and_then(|places| places.into_iter().next());
    let candidates = first.map_or_else(Vec::new, |place| place.top_logprobs);
    Ok(Reply {
        text: choice
            .message
            .content
            .filter(|_| !refused)
            .unwrap_or_default(),
        refused,
        finish,
        tokens: completion
            .usage
            .map(|usage| [usage.prompt_tokens, usage.completion_tokens]),
        first: candidates
            .into_iter()
            .map(|c| (c.token, c.logprob))
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
        for broken in ["", "{", "{\"choices\":[]}", "[]", "<html>"] {
            assert!(read(broken).is_err(), "{broken}");
        }
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
