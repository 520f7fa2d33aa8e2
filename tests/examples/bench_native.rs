//! Answers the benchmark's questions about the native CPU path, one JSON line for each that it reads:
//! `{"row", "glass", "ids": [[…]]}` opens a bundle under a row's name and gives `{"logits": [[…]]}`;
//! `{"row", "calls"}` times so many calls, text after text, and gives `{"ms"}`, milliseconds a call.
//!
//! `cargo xtask bench --only native`

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::io::{BufRead, Write, stdin, stdout};
use std::time::Instant;

use serde_json::{Value, json};
use stillglass_bundle::Bundle;
use stillglass_runtime::Model;

/// A model, the texts it is asked for, and which of them is next.
struct Row {
    model: Model,
    texts: Vec<Vec<u32>>,
    next: usize,
}

impl Row {
    fn open(question: &Value) -> Result<Self, Box<dyn Error>> {
        let path = question["glass"].as_str().ok_or("want `glass`, a path")?;
        let texts = question["ids"].as_array().ok_or("want `ids`, lists")?;
        let ids = |text: &Value| {
            let ids = text.as_array().into_iter().flatten();
            ids.filter_map(Value::as_u64).map(|id| id as u32).collect()
        };
        Ok(Self {
            model: Model::new(Bundle::read(&fs::read(path)?)?)?,
            texts: texts.iter().map(ids).collect(),
            next: 0,
        })
    }

    fn logits(&self) -> Result<Value, Box<dyn Error>> {
        let logits = self.texts.iter().map(|ids| self.model.classify_ids(ids));
        Ok(json!({ "logits": logits.collect::<Result<Vec<_>, _>>()? }))
    }

    fn time(&mut self, calls: u64) -> Result<Value, Box<dyn Error>> {
        let began = Instant::now();
        for _ in 0..calls {
            self.model.classify_ids(&self.texts[self.next])?;
            self.next = (self.next + 1) % self.texts.len();
        }
        Ok(json!({ "ms": began.elapsed().as_secs_f64() * 1e3 / calls as f64 }))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut rows = HashMap::new();
    for line in stdin().lock().lines() {
        let question: Value = serde_json::from_str(&line?)?;
        let name = question["row"].as_str().ok_or("want `row`, a name")?;
        let answer = if let Some(calls) = question["calls"].as_u64() {
            let row: &mut Row = rows.get_mut(name).ok_or("open the row first")?;
            row.time(calls)?
        } else {
            let row = Row::open(&question)?;
            let logits = row.logits()?;
            rows.insert(name.to_owned(), row);
            logits
        };
        println!("{answer}");
        stdout().flush()?;
    }
    Ok(())
}
