//! Makes the generated JavaScript a function that returns instances, each with a state of its own.
//!
//! wasm-bindgen's `web` target keeps one instance in the variables of its module: a trapped one can be
//! neither replaced nor told from its successor. Inside a function every instance has its own variables,
//! and what still points into a dead one can do no harm to the next.

use anyhow::{Result, bail};

/// The exports that become members of an instance, as the generated script ends with them.
const EXPORTS: &str = "export { initSync, __wbg_init as default };";

/// Wraps the script. Whoever makes an instance drives its futures: `queueMicrotask` is theirs.
pub(crate) fn script(generated: &str) -> Result<String> {
    let Some(body) = generated.trim_end().strip_suffix(EXPORTS) else {
        bail!(
            "the generated script does not end with `{EXPORTS}`; adapt isolate.rs to this wasm-bindgen"
        );
    };
    if !body.contains(" queueMicrotask(") {
        bail!("the generated script drives no future; adapt isolate.rs to this wasm-bindgen");
    }
    let body = without_exports(body, "");
    let left = |line: &&str| line.starts_with("export ") || line.starts_with("import ");
    if let Some(line) = body.lines().find(left) {
        bail!("the generated script has `{line}`, which cannot stand in a function");
    }
    Ok(format!(
        "/* @ts-self-types=\"./stillglass.d.ts\" */\n\
         export function instance(queueMicrotask) {{\n{body}\
         return {{ Model, initialise: __wbg_init }};\n}}\n"
    ))
}

/// The types of the wrapped script.
pub(crate) fn types(generated: &str) -> Result<String> {
    if !generated.contains("export class Model {")
        || !generated.contains("export default function __wbg_init ")
    {
        bail!(
            "the generated types lack Model or __wbg_init; adapt isolate.rs to this wasm-bindgen"
        );
    }
    let body = without_exports(generated, "declare ");
    Ok(format!(
        "{body}\n\
         export type {{ Model }};\n\n\
         /** One instance of the runtime, with a memory of its own. */\n\
         export interface Instance {{\n    \
             Model: typeof Model;\n    \
             initialise: typeof __wbg_init;\n\
         }}\n\n\
         /** Makes an instance, not yet initialised; `queueMicrotask` drives its futures. */\n\
         export function instance(queueMicrotask: (task: () => void) => void): Instance;\n"
    ))
}

/// Classes and functions as they are without `export`, with `word` before them.
fn without_exports(text: &str, word: &str) -> String {
    let mut lines = String::new();
    for line in text.lines() {
        let bare = ["export default ", "export "]
            .iter()
            .find_map(|prefix| line.strip_prefix(prefix))
            .filter(|rest| rest.starts_with("class ") || rest.starts_with("function "));
        match bare {
            Some(rest) => lines.extend([word, rest]),
            None => lines.push_str(line),
        }
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "export class Model {\n}\nexport function start() {\n    queueMicrotask(1);\n}\n\
                          export { initSync, __wbg_init as default };\n";

    #[test]
    fn a_script_becomes_a_function_of_its_microtasks() {
        let wrapped = script(SCRIPT).unwrap();
        assert_eq!(wrapped.matches("export ").count(), 1);
        assert!(wrapped.contains("export function instance(queueMicrotask) {\nclass Model {"));
        assert!(wrapped.ends_with("return { Model, initialise: __wbg_init };\n}\n"));
    }

    #[test]
    fn what_cannot_be_wrapped_is_refused() {
        for (broken, word) in [
            (SCRIPT.replace("export { ", "exports { "), "does not end"),
            (
                SCRIPT.replace("queueMicrotask(", "setTimeout("),
                "drives no future",
            ),
            (format!("import x from 'y';\n{SCRIPT}"), "import x from 'y'"),
        ] {
            let error = script(&broken).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        assert!(types("export class Other {\n}\n").is_err());
    }

    #[test]
    fn types_name_what_an_instance_has() {
        let wrapped = types(
            "export class Model {\n}\nexport type A = 1;\nexport default function __wbg_init (a: A): A;\n",
        )
        .unwrap();
        assert!(wrapped.starts_with(
            "declare class Model {\n}\nexport type A = 1;\ndeclare function __wbg_init "
        ));
        assert!(wrapped.contains("export function instance(queueMicrotask"));
    }
}
