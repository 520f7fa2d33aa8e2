//! `demo`: builds the web app and serves it on this machine.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use clap::Args;

use crate::step::{run, step};
use crate::workspace::Workspace;
use crate::{npm, serve, setup, wasm};

/// The port tried first when none is asked for.
const PORT: u16 = 4173;

/// How to serve.
#[derive(Args)]
pub(crate) struct Options {
    /// Port on 127.0.0.1; 0 takes any free one [default: 4173, or any free one if that is taken]
    #[arg(long)]
    port: Option<u16>,
    /// Open the page in the system's browser: yes or no
    #[arg(
        long,
        value_name = "YES|NO",
        num_args = 0..=1,
        default_value = "no",
        default_missing_value = "yes",
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    open: bool,
}

/// Sets up, builds, then serves until interrupted.
pub(crate) fn demo(workspace: &Workspace, options: &Options) -> Result<()> {
    setup::building(workspace)?;
    wasm::build(workspace)?;
    build_page(workspace)?;
    let listener = listen(options.port)?;
    let url = format!("http://{}/", listener.local_addr()?);
    println!("==> {url}  (Ctrl-C stops it)");
    if options.open {
        open(&url);
    }
    serve::serve(&listener, &workspace.web().join("dist"));
    Ok(())
}

/// Builds the web app into `web/dist`.
pub(crate) fn build_page(workspace: &Workspace) -> Result<()> {
    step("build the web app", || {
        run(&mut npm::script(&workspace.web(), "build"))
    })
}

/// Takes the port asked for, or the usual one, or any.
fn listen(port: Option<u16>) -> Result<TcpListener> {
    let bind = |port| TcpListener::bind(("127.0.0.1", port));
    match port {
        Some(port) => bind(port).with_context(|| {
            format!("cannot listen on 127.0.0.1:{port}; another --port may be free")
        }),
        None => bind(PORT)
            .or_else(|_| bind(0))
            .context("cannot listen on 127.0.0.1"),
    }
}

/// Asks the system to show the page; the printed address serves where it can't.
fn open(url: &str) {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let started = Command::new(program).arg(url).stdin(Stdio::null()).spawn();
    if let Err(error) = started {
        println!("    cannot start {program} ({error}); open the address by hand");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn opens_only_when_asked() {
        for (line, open) in [
            (&["demo"][..], false),
            (&["demo", "--open"], true),
            (&["demo", "--open", "yes"], true),
            (&["demo", "--open", "no"], false),
        ] {
            assert_eq!(
                Line::try_parse_from(line).unwrap().options.open,
                open,
                "{line:?}"
            );
        }
        assert!(Line::try_parse_from(["demo", "--open", "perhaps"]).is_err());
    }

    #[test]
    fn a_taken_port_is_an_error_only_when_asked_for() {
        let taken = listen(Some(0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = listen(Some(port)).unwrap_err().to_string();
        assert!(error.contains("--port"), "{error}");
        let _usual = listen(None).unwrap();
        listen(None).unwrap();
    }
}
