//! `demo`: builds the web app and serves it on this machine.

use std::process::Command;

use anyhow::Result;
use clap::Args;
use clap::builder::BoolishValueParser;

use crate::step::{run, step};
use crate::workspace::Workspace;
use crate::{npm, setup, wasm};

/// How to serve.
#[derive(Args)]
pub(crate) struct Options {
    /// Port on 127.0.0.1 [default: 4173, or the next free one]
    #[arg(long)]
    port: Option<u16>,
    /// Open the page in the system's browser
    #[arg(
        long,
        value_name = "YES|NO",
        num_args = 0..=1,
        default_value = "no",
        default_missing_value = "yes",
        value_parser = BoolishValueParser::new()
    )]
    open: bool,
}

/// Sets up, builds, then serves until interrupted.
pub(crate) fn demo(workspace: &Workspace, options: &Options) -> Result<()> {
    setup::building(workspace)?;
    wasm::build(workspace)?;
    step("build the web app", || {
        run(&mut npm::script(&workspace.web(), "build"))
    })?;
    println!("==> serve web/dist (Ctrl-C stops it)");
    hand_over(server(options).current_dir(workspace.web()))
}

/// Vite's file server, which sends the page's Content-Security-Policy and prints its address.
fn server(options: &Options) -> Command {
    let mut command = Command::new("node");
    command.args([
        "node_modules/vite/bin/vite.js",
        "preview",
        "--host",
        "127.0.0.1",
    ]);
    if let Some(port) = options.port {
        command.args(["--strictPort", "--port", &port.to_string()]);
    }
    if options.open {
        command.arg("--open");
    }
    command
}

/// Becomes the command where the system can, so that stopping us stops the server.
fn hand_over(command: &mut Command) -> Result<()> {
    #[cfg(unix)]
    {
        use anyhow::Context as _;
        use std::os::unix::process::CommandExt as _;
        Err(command.exec()).context("cannot start node")
    }
    #[cfg(not(unix))]
    {
        run(command)
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

    fn words(line: &[&str]) -> Vec<String> {
        let command = server(&Line::try_parse_from(line).unwrap().options);
        command
            .get_args()
            .map(|word| word.to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn opens_the_page_only_when_asked() {
        for (line, open) in [
            (&["demo"][..], false),
            (&["demo", "--open"], true),
            (&["demo", "--open", "yes"], true),
            (&["demo", "--open", "no"], false),
        ] {
            assert_eq!(words(line).contains(&"--open".to_owned()), open, "{line:?}");
        }
        assert!(Line::try_parse_from(["demo", "--open", "perhaps"]).is_err());
    }

    #[test]
    fn a_port_asked_for_is_that_port_or_none() {
        let words = words(&["demo", "--port", "5000"]);
        assert!(
            words.ends_with(&["--strictPort", "--port", "5000"].map(String::from)),
            "{words:?}"
        );
        assert!(words.contains(&"127.0.0.1".to_owned()));
    }
}
