//! The `stillglass` binary, from the outside.

mod answers;
mod bases;
mod bundle;
mod choices;
mod compare;
mod pairs;
mod rationales;
mod recipes;
mod runs;
mod stops;
mod study;
mod teacher;
mod tiny;
mod wrong;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder to work in, and the binary started there.
struct Place(tempfile::TempDir);

/// What a finished command left.
struct Answer {
    code: i32,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and returns its name.
    fn file<'a>(&self, name: &'a str, content: impl AsRef<[u8]>) -> &'a str {
        fs::write(self.path(name), content).expect("the file is written");
        name
    }

    fn run(&self, arguments: &[&str]) -> Answer {
        self.run_with(arguments, b"")
    }

    /// Runs the binary with `input` on standard input.
    fn run_with(&self, arguments: &[&str], input: &[u8]) -> Answer {
        let mut child = command(self.0.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        // A command that reads no input closes it.
        let _ = child.stdin.take().expect("piped").write_all(input);
        let Output {
            status,
            stdout,
            stderr,
        } = child.wait_with_output().expect("it ends");
        Answer {
            code: status.code().expect("no signal"),
            out: String::from_utf8(stdout).expect("UTF-8"),
            err: String::from_utf8(stderr).expect("UTF-8"),
        }
    }

    /// Runs the binary, which must succeed, and returns its standard output.
    fn good(&self, arguments: &[&str]) -> String {
        let answer = self.run(arguments);
        assert_eq!(answer.code, 0, "{arguments:?}: {}", answer.err);
        answer.out
    }

    /// [`Place::bad`], before any teacher has been taught anything.
    fn bad_untaught(&self, arguments: &[&str]) -> String {
        let answer = self.run(arguments);
        assert!(
            !answer.err.contains("teach: epoch"),
            "{arguments:?}: {}",
            answer.err
        );
        Self::error(arguments, &answer)
    }

    /// Runs the binary, which must fail with nothing on standard output, and returns the error.
    fn bad(&self, arguments: &[&str]) -> String {
        Self::error(arguments, &self.run(arguments))
    }

    fn error(arguments: &[&str], answer: &Answer) -> String {
        assert_eq!(
            (answer.code, answer.out.as_str()),
            (1, ""),
            "{arguments:?}: {}",
            answer.err
        );
        let error = answer
            .err
            .lines()
            .skip_while(|line| !line.starts_with("error: "));
        let error: Vec<&str> = error.collect();
        assert!(
            !error.is_empty(),
            "{arguments:?}: no `error:` in {}",
            answer.err
        );
        error.join("\n")
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stillglass"));
    command
        .current_dir(folder)
        .env("RAYON_NUM_THREADS", "2")
        .env_remove("NO_COLOR");
    command
}

/// What a command printed, as JSON.
fn value(out: &str) -> serde_json::Value {
    serde_json::from_str(out).expect("JSON")
}
