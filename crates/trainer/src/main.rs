//! The `stillglass` command; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    stillglass::cli::main()
}
