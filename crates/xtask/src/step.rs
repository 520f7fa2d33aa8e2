//! Steps and child processes: everything says what it does and how long it took.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Runs one named piece of work, printing its name before and its duration after.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("==> {name}");
    let start = Instant::now();
    let result = work();
    let word = if result.is_ok() { "done" } else { "FAILED" };
    println!("    {name}: {word} in {}", duration(start.elapsed()));
    result.with_context(|| name.to_owned())
}

/// Runs a command to its end with our output and no input; its line is printed first.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    println!("    $ {line}");
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}

/// Runs a command quietly and returns what it wrote to standard output, trimmed.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` ended with {}: {}", output.status, errors.trim());
    }
    let text = String::from_utf8(output.stdout).with_context(|| format!("output of `{line}`"))?;
    Ok(text.trim().to_owned())
}

/// A command as one would type it from where we are.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    let words = words.join(" ");
    let here = std::env::current_dir().unwrap_or_default();
    match command.get_current_dir() {
        Some(folder) if folder != here => {
            let folder = folder.strip_prefix(&here).unwrap_or(folder);
            format!("cd {} && {words}", folder.display())
        }
        _ => words,
    }
}

/// A duration as a person says it: `830 ms`, `12.4 s`, `6 min 05 s`.
pub(crate) fn duration(time: Duration) -> String {
    let tenths = (time.as_secs_f64() * 10.0).round() as u64;
    match tenths {
        0..10 => format!("{} ms", time.as_millis()),
        10..600 => format!("{}.{} s", tenths / 10, tenths % 10),
        _ => {
            let seconds = time.as_secs_f64().round() as u64;
            format!("{} min {:02} s", seconds / 60, seconds % 60)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_naturally() {
        for (milliseconds, words) in [
            (0, "0 ms"),
            (830, "830 ms"),
            (999, "1.0 s"),
            (12_440, "12.4 s"),
            (59_940, "59.9 s"),
            (59_960, "1 min 00 s"),
            (365_000, "6 min 05 s"),
        ] {
            assert_eq!(duration(Duration::from_millis(milliseconds)), words);
        }
    }

    #[test]
    fn a_line_says_its_folder_from_here() {
        let here = std::env::current_dir().unwrap();
        let mut command = Command::new("npm");
        assert_eq!(line(command.arg("test")), "npm test");
        assert_eq!(line(command.current_dir(&here)), "npm test");
        assert_eq!(
            line(command.current_dir(here.join("web"))),
            "cd web && npm test"
        );
    }

    #[test]
    fn a_failing_command_names_itself() {
        let error = run(Command::new("cargo").arg("no-such-command")).unwrap_err();
        assert!(
            error.to_string().contains("cargo no-such-command"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_program_names_itself() {
        let error = capture(&mut Command::new("stillglass-no-such-program")).unwrap_err();
        assert!(
            error.to_string().contains("stillglass-no-such-program"),
            "{error}"
        );
    }

    #[test]
    fn a_failed_step_keeps_its_cause() {
        let error = step::<()>("weigh", || bail!("no scales")).unwrap_err();
        assert_eq!(format!("{error:#}"), "weigh: no scales");
    }
}
