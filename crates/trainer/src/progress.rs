//! How far a stage is, on standard error: a bar on a terminal, a line now and then elsewhere.
//!
//! Standard output is for results alone.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use crate::terminal::{say, shown_lines};

/// Time between two lines where there is no terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

const BAR: &str = "{prefix} {bar:24} {pos}/{len} · {rate} · {left} left {msg}";

/// Where progress goes; one for a whole command.
#[derive(Debug, Clone)]
pub struct Progress {
    show: Show,
}

#[derive(Debug, Clone)]
enum Show {
    Bars(MultiProgress),
    Lines,
    Nothing,
}

impl Progress {
    /// Bars if standard error is a terminal, lines otherwise; `quiet` shows nothing.
    pub fn new(quiet: bool) -> Self {
        let show = if quiet {
            Show::Nothing
        } else if std::io::stderr().is_terminal() {
            Show::Bars(MultiProgress::new())
        } else {
            Show::Lines
        };
        Self { show }
    }

    /// Shows nothing.
    pub fn quiet() -> Self {
        Self {
            show: Show::Nothing,
        }
    }

    /// One line of text, above any bar.
    pub fn note(&self, text: &str) {
        match &self.show {
            Show::Bars(bars) => {
                // A terminal that has gone away is no reason to stop training.
                let _ = bars.println(shown_lines(text));
            }
            Show::Lines => say(text),
            Show::Nothing => {}
        }
    }

    /// Starts counting `total` `unit`s (rows, texts, steps) of work called `name`.
    pub fn task(&self, name: &str, unit: &'static str, total: usize) -> Task {
        self.resumed(name, unit, total, 0)
    }

    /// [`Self::task`] with `done` of the total finished by an earlier process: they count towards
    /// the end but not towards the rate.
    pub fn resumed(&self, name: &str, unit: &'static str, total: usize, done: usize) -> Task {
        let bar = match &self.show {
            Show::Bars(bars) => Some(bars.add(bar(name, total, done))),
            Show::Lines | Show::Nothing => None,
        };
        let now = Instant::now();
        let count = Count {
            total,
            from: done,
            done,
            started: now,
            said: now,
            message: String::new(),
        };
        Task {
            name: name.into(),
            unit,
            bar,
            lines: matches!(self.show, Show::Lines),
            count: Mutex::new(count),
        }
    }
}

fn bar(name: &str, total: usize, done: usize) -> ProgressBar {
    let bar = ProgressBar::new(total as u64).with_position(done as u64);
    let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        // Only what is drawn would be missing.
        let _ = write!(out, "{:.1}/s", state.per_sec());
    };
    let left = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let known = state.per_sec() > 0.0;
        let left = if known {
            duration(state.eta().as_secs_f64())
        } else {
            "unknown time".into()
        };
        let _ = write!(out, "{left}");
    };
    if let Ok(style) = ProgressStyle::with_template(BAR) {
        let style = style.with_key("rate", rate).with_key("left", left);
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar.set_prefix(name.to_owned());
    bar.reset_eta();
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

/// Work under way; advance it from any thread.
#[derive(Debug)]
pub struct Task {
    name: String,
    unit: &'static str,
    bar: Option<ProgressBar>,
    lines: bool,
    count: Mutex<Count>,
}

#[derive(Debug)]
struct Count {
    total: usize,
    from: usize,
    done: usize,
    started: Instant,
    said: Instant,
    message: String,
}

impl Task {
    /// `units` more are done.
    pub fn advance(&self, units: usize) {
        if let Some(bar) = &self.bar {
            bar.inc(units as u64);
        }
        let mut count = self.count();
        count.done += units;
        let now = Instant::now();
        if self.lines && now - count.said >= BETWEEN_LINES {
            count.said = now;
            say(&under_way(
                &self.name,
                self.unit,
                &count,
                now - count.started,
            ));
        }
    }

    /// Short text beside the bar, such as the loss.
    pub fn message(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
        }
        text.clone_into(&mut self.count().message);
    }

    /// Ends the task and says how long it took.
    pub fn finish(self) {
        let count = self.count();
        let line = finished(&self.name, self.unit, &count, count.started.elapsed());
        drop(count);
        if let Some(bar) = &self.bar {
            // Through the bar, so that it and the line don't share a row of the terminal.
            bar.println(&line);
        } else if self.lines {
            say(&line);
        }
    }

    fn count(&self) -> std::sync::MutexGuard<'_, Count> {
        // A thread that panicked between two additions left a number, not a broken state.
        self.count
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn rate(count: &Count, elapsed: Duration) -> f64 {
    (count.done - count.from) as f64 / elapsed.as_secs_f64().max(1e-9)
}

fn under_way(name: &str, unit: &str, count: &Count, elapsed: Duration) -> String {
    let rate = rate(count, elapsed);
    let percent = 100 * count.done.min(count.total) / count.total.max(1);
    let left = count.total.saturating_sub(count.done) as f64 / rate;
    let left = if left.is_finite() {
        duration(left)
    } else {
        "unknown time".into()
    };
    let message = if count.message.is_empty() {
        String::new()
    } else {
        format!(" · {}", count.message)
    };
    let (done, total) = (count.done, count.total);
    format!(
        "{name}: {done}/{total} {unit}, {percent} % · {rate:.1} {unit}/s · {left} left{message}"
    )
}

fn finished(name: &str, unit: &str, count: &Count, elapsed: Duration) -> String {
    if count.done == 0 {
        return format!("{name}: no {unit}");
    }
    if count.from == count.done {
        return format!("{name}: {} {unit}, all done before", count.done);
    }
    let message = if count.message.is_empty() {
        String::new()
    } else {
        format!(" · {}", count.message)
    };
    let (done, rate) = (count.done, rate(count, elapsed));
    let time = duration(elapsed.as_secs_f64());
    format!("{name}: {done} {unit} in {time} · {rate:.1} {unit}/s{message}")
}

/// Seconds as a person reads them: `0.4 s`, `38 s`, `3 min 05 s`, `2 h 07 min`.
pub fn duration(seconds: f64) -> String {
    if seconds < 10.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(total: usize, from: usize, done: usize, message: &str) -> Count {
        let now = Instant::now();
        Count {
            total,
            from,
            done,
            started: now,
            said: now,
            message: message.into(),
        }
    }

    #[test]
    fn a_line_says_rate_and_time_left() {
        let line = under_way(
            "label",
            "texts",
            &count(1000, 0, 250, ""),
            Duration::from_secs(10),
        );
        assert_eq!(
            line,
            "label: 250/1000 texts, 25 % · 25.0 texts/s · 30 s left"
        );
    }

    #[test]
    fn what_an_earlier_process_did_is_not_in_the_rate() {
        let count = count(1000, 900, 950, "loss 0.31");
        let line = under_way("label", "texts", &count, Duration::from_secs(10));
        assert_eq!(
            line,
            "label: 950/1000 texts, 95 % · 5.0 texts/s · 10 s left · loss 0.31"
        );
        let line = finished("label", "texts", &count, Duration::from_secs(10));
        assert_eq!(line, "label: 950 texts in 10 s · 5.0 texts/s · loss 0.31");
    }

    #[test]
    fn nothing_left_to_do_has_no_rate() {
        let line = finished(
            "label",
            "texts",
            &count(96, 96, 96, ""),
            Duration::from_secs(1),
        );
        assert_eq!(line, "label: 96 texts, all done before");
        let line = finished("predict", "texts", &count(0, 0, 0, ""), Duration::ZERO);
        assert_eq!(line, "predict: no texts");
    }

    #[test]
    fn nothing_done_and_nothing_to_do_are_said_plainly() {
        let none = under_way("a", "rows", &count(5, 0, 0, ""), Duration::from_secs(10));
        assert!(none.contains("unknown time left"), "{none}");
        let empty = under_way("a", "rows", &count(0, 0, 0, ""), Duration::ZERO);
        assert!(empty.contains("0/0 rows, 0 %"), "{empty}");
    }

    #[test]
    fn durations_read_well() {
        for (seconds, text) in [
            (0.04, "0.0 s"),
            (9.5, "9.5 s"),
            (59.6, "1 min 00 s"),
            (185.2, "3 min 05 s"),
            (7620.0, "2 h 07 min"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn threads_share_a_task() {
        let task = Progress::quiet().task("t", "rows", 400);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|_| task.advance(1)));
            }
        });
        assert_eq!(task.count().done, 400);
    }
}
