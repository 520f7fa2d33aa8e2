//! `rationales` against a server of the protocol that does what a test says.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::{Place, command};

const KEY: &str = "sk-very-secret-0123456789";

/// What the server does with a request.
enum Reaction {
    /// Answers, with further headers.
    Answer(u16, &'static str, String),
    /// Closes the connection in the middle of its answer.
    Cut,
    /// Answers too late.
    Late,
}

/// A request as the server got it.
#[derive(Debug, Clone)]
struct Request {
    authorization: Option<String>,
    prompt: String,
    body: Value,
}

/// A server of the protocol.
struct Server {
    url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// `react` gets the number of the request, from 0, and the request.
    fn new(react: impl Fn(usize, &Request) -> Reaction + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("its address"));
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (kept, react) = (seen.clone(), Arc::new(react));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (kept, react) = (kept.clone(), react.clone());
                thread::spawn(move || {
                    // The other side may well go away: that is what is tested.
                    let _ = serve(stream, &kept, &*react);
                });
            }
        });
        Self { url, seen }
    }

    fn seen(&self) -> Vec<Request> {
        self.seen.lock().expect("no test panicked").clone()
    }
}

fn serve(
    stream: std::io::Result<TcpStream>,
    seen: &Mutex<Vec<Request>>,
    react: &(dyn Fn(usize, &Request) -> Reaction + Send + Sync),
) -> std::io::Result<()> {
    let mut stream = stream?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut length, mut authorization) = (0, None);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(": ") else {
            if line.trim().is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap_or(0),
            "authorization" => authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body: Value = serde_json::from_slice(&body)?;
    let prompt = body["messages"][0]["content"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let request = Request {
        authorization,
        prompt,
        body,
    };
    let number = {
        let mut seen = seen.lock().expect("no test panicked");
        seen.push(request.clone());
        seen.len() - 1
    };
    match react(number, &request) {
        Reaction::Answer(status, headers, body) => write!(
            stream,
            "HTTP/1.1 {status} x\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ),
        Reaction::Cut => write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{{\"choi"
        ),
        Reaction::Late => {
            thread::sleep(Duration::from_secs(3));
            Ok(())
        }
    }
}

fn completion(text: &str) -> Reaction {
    let body = json!({
        "choices": [{ "message": { "role": "assistant", "content": text }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 50, "completion_tokens": 10 },
    });
    Reaction::Answer(200, "", body.to_string())
}

/// The text that a prompt is about.
fn about(request: &Request) -> &str {
    let line = request
        .prompt
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("Text: "));
    line.expect("a text")
}

fn place(rows: usize) -> Place {
    let place = Place::new();
    let mut out = String::new();
    for row in 0..rows {
        let label = ["up", "down"][row % 2];
        let _ = writeln!(out, "{{\"text\":\"text {row}\",\"label\":\"{label}\"}}");
    }
    place.file("rows.jsonl", out);
    place
}

fn asking<'a>(server: &'a Server, kind: &'a str, from: &'a str, out: &'a str) -> Vec<&'a str> {
    vec![
        "rationales",
        "ask",
        from,
        "--kind",
        kind,
        "--endpoint",
        &server.url,
        "--model",
        "m",
        "--out",
        out,
        "--wait",
        "0",
        "--timeout",
        "1",
    ]
}

fn lines(place: &Place, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(place.path(name)).expect("it is there");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn faults_pass_and_the_key_is_nowhere() {
    let server = Server::new(|number, request| match number {
        0 => Reaction::Answer(429, "Retry-After: 0\r\n", "slow down".into()),
        1 => Reaction::Answer(500, "", format!("oops {KEY}")),
        2 => Reaction::Cut,
        3 => Reaction::Answer(200, "", "{\"choices\":".into()),
        4 => Reaction::Late,
        5 => Reaction::Answer(503, "", "<html>busy</html>".into()),
        _ => completion(&format!("\n\nBecause of {}.", about(request))),
    });
    let place = place(3);
    let mut arguments = asking(&server, "explain", "rows.jsonl", "out.jsonl");
    arguments.extend([
        "--concurrent",
        "2",
        "--retries",
        "6",
        "--key-env",
        "OPENAI_API_KEY",
    ]);
    let output = command(place.0.path())
        .args(&arguments)
        .env("OPENAI_API_KEY", KEY)
        .output()
        .unwrap();
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("3 replies in out.jsonl: 0 known before"),
        "{said}"
    );
    assert!(
        said.contains("3 requests, 150 tokens of prompts, 30 of replies"),
        "{said}"
    );
    let found = lines(&place, "out.jsonl");
    for (row, line) in found.iter().enumerate() {
        assert_eq!(line["text"], format!("text {row}"));
        assert_eq!(line["answer"], ["up", "down"][row % 2]);
        assert_eq!(line["rationale"], format!("\n\nBecause of text {row}."));
    }
    let bearer = format!("Bearer {KEY}");
    assert!(
        server
            .seen()
            .iter()
            .all(|request| request.authorization.as_ref() == Some(&bearer))
    );
    for entry in fs::read_dir(place.0.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let whole = String::from_utf8_lossy(&bytes);
        assert!(!whole.contains(KEY) && !said.contains(KEY));
    }
}

#[test]
fn a_key_that_is_not_taken_is_told_at_once_and_hidden() {
    let server = Server::new(|_, _| Reaction::Answer(401, "", format!("no such key: {KEY}")));
    let place = place(40);
    let output = command(place.0.path())
        .args(asking(&server, "explain", "rows.jsonl", "out.jsonl"))
        .args(["--key-env", "OWN_KEY"])
        .env("OWN_KEY", KEY)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        said.contains("answered 401: no such key: [key]") && !said.contains(KEY),
        "{said}"
    );
    assert!(server.seen().len() < 15, "{}", server.seen().len());
}

#[test]
fn a_budget_stops_and_the_same_command_goes_on() {
    let server = Server::new(|_, request| completion(about(request)));
    let place = place(7);
    let mut arguments = asking(&server, "explain", "rows.jsonl", "out.jsonl");
    arguments.extend(["--calls", "3"]);
    let first = place.run(&arguments);
    assert!(
        first.code != 0 && first.err.contains("left 4 of 7"),
        "{}",
        first.err
    );
    assert_eq!(
        (server.seen().len(), lines(&place, "out.jsonl").len()),
        (3, 3)
    );
    arguments.truncate(arguments.len() - 2);
    arguments.extend(["--tokens", "100", "--concurrent", "1"]);
    let second = place.run(&arguments);
    assert!(second.err.contains("left 2 of 7"), "{}", second.err);
    arguments.truncate(arguments.len() - 4);
    assert!(
        place
            .good(&arguments)
            .contains("7 replies in out.jsonl: 5 known before")
    );
    assert_eq!(server.seen().len(), 7);
    arguments.push("--dry-run");
    assert!(
        place.good(&arguments).contains("at most 0 requests"),
        "what is known costs nothing"
    );
    arguments.pop();
    // Everything is known: nothing is sent.
    assert!(place.good(&arguments).contains("0 requests"));
    assert_eq!(server.seen().len(), 7);
    let found = lines(&place, "out.jsonl");
    assert!((0..7).all(|row| found[row]["rationale"] == format!("text {row}")));
}

#[test]
fn redirects_are_not_followed_and_no_key_goes_unasked() {
    let server = Server::new(|_, _| {
        Reaction::Answer(302, "Location: http://elsewhere/v1\r\n", String::new())
    });
    let place = place(2);
    let output = command(place.0.path())
        .args(asking(&server, "explain", "rows.jsonl", "out.jsonl"))
        .env("OPENAI_API_KEY", KEY)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("leads to http://elsewhere/v1; give that as --endpoint"),
        "{said}"
    );
    assert!(
        server
            .seen()
            .iter()
            .all(|request| request.authorization.is_none())
    );
    assert!(!place.path("out.jsonl").exists(), "nothing came");
}

#[test]
fn an_empty_reply_is_asked_for_again_and_never_kept() {
    let server =
        Server::new(|number, request| completion(if number == 0 { "" } else { about(request) }));
    let place = place(1);
    assert!(
        place
            .good(&asking(&server, "explain", "rows.jsonl", "out.jsonl"))
            .contains("1 replies")
    );
    assert_eq!(lines(&place, "out.jsonl")[0]["rationale"], "text 0");
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn a_dry_run_sends_nothing() {
    let server = Server::new(|_, _| completion(""));
    let place = place(10);
    let mut arguments = asking(&server, "counterfactual", "rows.jsonl", "out.jsonl");
    arguments.extend([
        "--dry-run",
        "--price-prompt",
        "2",
        "--price-reply",
        "8",
        "--max-tokens",
        "100",
        "--json",
    ]);
    let most: Value = serde_json::from_str(&place.good(&arguments)).unwrap();
    assert_eq!(
        (most["calls"].as_u64(), most["reply_tokens"].as_u64()),
        (Some(20), Some(2000))
    );
    let prompts = most["prompt_tokens"].as_u64().unwrap() as f64;
    let price = most["price"].as_f64().unwrap();
    assert!((price - (prompts * 2.0 + 2000.0 * 8.0) / 1e6).abs() < 1e-12 && prompts > 20.0 * 50.0);
    assert!(server.seen().is_empty() && !place.path("out.jsonl").exists());
}

#[test]
fn explanations_are_criticised_revised_and_cleaned() {
    let server = Server::new(|_, request| {
        let text = about(request);
        if request.prompt.contains("Critique: It lacks") {
            return completion(&format!("Because {text} went on.\n\nText: another"));
        }
        match (request.prompt.ends_with("Critique:"), text) {
            (true, _) => completion("It lacks a reason."),
            (_, "text 1") => Reaction::Answer(
                200,
                "",
                json!({ "choices": [{ "message": { "content": null, "refusal": "No." } }] })
                    .to_string(),
            ),
            _ => completion(&format!("\nIt is {text}.")),
        }
    });
    let place = place(4);
    let ask = |kind, from, out| place.good(&asking(&server, kind, from, out));
    assert!(ask("explain", "rows.jsonl", "a.jsonl").contains("1 refused"));
    let cleaned = place.good(&["rationales", "clean", "a.jsonl", "--out", "b.jsonl"]);
    assert!(
        cleaned.contains("3 of 4 rows in b.jsonl: 0 empty, 1 refused and 0 unfinished are dropped"),
        "{cleaned}"
    );
    ask("critique", "b.jsonl", "c.jsonl");
    ask("revise", "c.jsonl", "d.jsonl");
    let counts = place.good(&[
        "rationales",
        "clean",
        "d.jsonl",
        "--out",
        "e.jsonl",
        "--json",
    ]);
    let counts: Value = serde_json::from_str(&counts).unwrap();
    assert_eq!(
        (counts["kept"].as_u64(), counts["cut"].as_u64()),
        (Some(3), Some(3))
    );
    let last = lines(&place, "e.jsonl");
    assert_eq!(last[1]["rationale"], "Because text 2 went on.");
    assert_eq!(
        (&last[1]["critique"], &last[1]["label"]),
        (&json!("It lacks a reason."), &json!("up"))
    );
    let seen = server.seen();
    let revising = &seen.last().unwrap().prompt;
    assert!(
        revising.contains("of at most 12 words") && revising.contains("Explanation: It is text"),
        "{revising}"
    );
}

#[test]
fn answers_have_soft_labels_where_the_endpoint_gives_them() {
    let server = Server::new(|_, request| {
        assert_eq!(request.body["logprobs"], json!(true));
        let top = json!([{ "token": "up", "logprob": 0.6f64.ln() }, { "token": " down", "logprob": 0.2f64.ln() }]);
        let body = json!({ "choices": [{
            "message": { "content": "up" }, "finish_reason": "length",
            "logprobs": { "content": [{ "token": "up", "logprob": -0.5, "top_logprobs": top }] },
        }]});
        Reaction::Answer(200, "", body.to_string())
    });
    let place = place(2);
    place.good(&asking(&server, "answer", "rows.jsonl", "out.jsonl"));
    for line in lines(&place, "out.jsonl") {
        assert_eq!(line["predicted"], "up");
        assert!(
            (line["scores"]["up"].as_f64().unwrap() - 0.75).abs() < 1e-9,
            "{line}"
        );
    }
}

#[test]
fn what_cannot_be_asked_says_why() {
    let server = Server::new(|_, _| completion(""));
    let place = place(2);
    let bad = |kind: &str, more: &[&str]| {
        let arguments = [
            asking(&server, kind, "rows.jsonl", "out.jsonl"),
            more.to_vec(),
        ]
        .concat();
        place.bad(&arguments)
    };
    assert!(bad("critique", &[]).contains("line 1: column `rationale` is empty"));
    assert!(bad("explain", &["--key-env", "NO_SUCH_KEY"]).contains("--key-env NO_SUCH_KEY"));
    place.file("own.txt", "{text} Why {anser}?");
    assert!(bad("explain", &["--prompt", "own.txt"]).contains("{anser} is no name"));
    let mut elsewhere = asking(&server, "explain", "rows.jsonl", "out.jsonl");
    elsewhere[6] = "localhost:8080";
    assert!(place.bad(&elsewhere).contains("want an address such as"));
    place.file(
        "empty.jsonl",
        "{\"text\":\"a\",\"label\":\"x\",\"rationale\":\"\\n\"}\n",
    );
    let nothing = place.bad(&["rationales", "clean", "empty.jsonl", "--out", "o.jsonl"]);
    assert!(
        nothing.contains("nothing is left of 1 rows: 1 are empty"),
        "{nothing}"
    );
    assert!(server.seen().is_empty() && !place.path("o.jsonl").exists());
}
