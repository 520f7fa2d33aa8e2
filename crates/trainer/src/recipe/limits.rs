//! The values a recipe's keys may take; every breach is reported at once.

use std::collections::HashSet;
use std::fmt::Display;
use std::ops::RangeInclusive;

use anyhow::{Result, bail};

use super::{Control, Files, Recipe, Sampler, Teaching};

impl Recipe {
    /// Checks every value against its range; the error lists key, value and what is allowed.
    pub fn validate(&self) -> Result<()> {
        let mut breaches = Breaches(Vec::new());
        self.check_names(&mut breaches);
        self.check_teacher(&mut breaches);
        self.check_student(&mut breaches);
        if breaches.0.is_empty() {
            return Ok(());
        }
        bail!("{}", breaches.0.join("\n"))
    }

    fn check_names(&self, breaches: &mut Breaches) {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        // A folder `-x` would be taken for an option by every tool.
        let option = self.name.starts_with('-');
        let fits = (1..=64).contains(&self.name.len()) && self.name.chars().all(plain);
        if option || !fits {
            let name = &self.name;
            breaches.add(format!(
                "name = \"{name}\": want 1 to 64 letters, digits, `_` or `-`, not `-` first; it names a folder"
            ));
        }
        let data = &self.data;
        breaches.files("data.train", &data.train);
        if let Some(unlabeled) = &data.unlabeled {
            breaches.files("data.unlabeled", unlabeled);
        }
        if data.unlabeled.is_some() && data.choices.is_some() {
            breaches.add(
                "data.unlabeled: a question's choices are learnt against each other, of which one must be right; leave it out".into(),
            );
        }
        breaches.filled("data.text", &data.text);
        breaches.filled("data.label", &data.label);
        breaches.filled("teacher.base", &self.teacher.base);
        if data.text == data.label && !data.text.is_empty() {
            breaches.add(format!(
                "data.text = data.label = \"{}\": text and label are two columns",
                data.text
            ));
        }
        for (key, other) in [
            ("text2", &data.text2),
            ("choices", &data.choices),
            ("domain", &data.domain),
            ("rationale", &data.rationale),
            ("counterfactual", &data.counterfactual),
        ] {
            let Some(other) = other else { continue };
            breaches.filled(&format!("data.{key}"), other);
            if [&data.text, &data.label].contains(&other) {
                breaches.add(format!(
                    "data.{key} = \"{other}\": it is a column of its own, beside text and label"
                ));
            }
        }
        let read = [
            Some(&data.text),
            Some(&data.label),
            data.text2.as_ref(),
            data.choices.as_ref(),
        ];
        let taken = |name: &String| read.contains(&Some(name));
        for (index, name) in data.reasons.iter().enumerate() {
            if taken(name) || data.reasons[..index].contains(name) {
                breaches.add(format!(
                    "data.reasons names \"{name}\", which is read as something else already; name columns of reasons, each once"
                ));
            }
        }
        if let Some(references) = &data.references {
            breaches.filled("data.references", references);
            if taken(references) {
                breaches.add(format!(
                    "data.references = \"{references}\": it is a column of its own, of reasons by people"
                ));
            }
        }
        if data.choices.is_some() && self.distill.sampler != Sampler::Natural {
            breaches.add("distill.sampler: a question's choices are learnt together, which other samplers would part; take natural".into());
        }
        if data.choices.is_some() && (data.text2.is_some() || data.labels.is_some()) {
            breaches.add("data.choices: choices are the second texts, and their labels are wrong and right; leave out data.text2 and data.labels".into());
        }
        let Some(labels) = &data.labels else { return };
        if labels.len() < 2 {
            breaches.add(format!(
                "data.labels = {labels:?}: want at least two labels"
            ));
        }
        let mut seen = HashSet::new();
        for label in labels {
            // As the rows' labels are read: white space around them does not count.
            if label.trim().is_empty() || !seen.insert(label.trim()) {
                breaches.add(format!(
                    "data.labels = {labels:?}: \"{label}\" is empty or twice there"
                ));
            }
        }
    }

    fn check_teacher(&self, breaches: &mut Breaches) {
        let (teacher, label) = (&self.teacher, &self.label);
        breaches.range("teacher.max_tokens", teacher.max_tokens, 3..=8192);
        breaches.range("teacher.epochs", teacher.epochs, 0..=1000);
        breaches.range("teacher.batch", teacher.batch, 1..=4096);
        breaches.range("teacher.learning_rate", teacher.learning_rate, 1e-9..=1.0);
        breaches.range("teacher.warmup", teacher.warmup, 0.0..=1.0);
        breaches.range("teacher.weight_decay", teacher.weight_decay, 0.0..=1.0);
        breaches.range("teacher.dropout", teacher.dropout, 0.0..=0.9);
        breaches.range("teacher.patience", teacher.patience, 1..=1000);
        breaches.range("label.nodes", label.nodes, 1..=256);
        breaches.range("label.batch", label.batch, 1..=4096);
        breaches.range("label.teachers", label.teachers, 1..=100);
        breaches.range("label.unsure", label.unsure, 0.01..=1.0);
        if label.unsure < 1.0 && self.data.choices.is_some() {
            breaches.add("label.unsure: a question's choices are one answer, which teachers are asked of as a whole; leave it at 1".into());
        }
        breaches.range("label.folds", label.folds, 0..=100);
        if label.folds == 1 {
            breaches.add(
                "label.folds = 1: a teacher of all parts but one needs two; take 2 or more, or 0"
                    .into(),
            );
        }
        if label.folds > 1 && label.teachers > 1 {
            breaches.add(format!(
                "label.folds = {}: folds have teachers of their own; leave label.teachers at 1",
                label.folds
            ));
        }
        if label.unsure < 1.0 && label.teachers == 1 {
            let raise = if label.folds > 0 {
                ""
            } else {
                ", or raise label.teachers"
            };
            breaches.add(format!(
                "label.unsure = {}: there is no second teacher to ask; leave label.unsure at 1{raise}",
                label.unsure
            ));
        }
        for (key, value, least) in [("teachers", label.teachers, 1), ("folds", label.folds, 0)] {
            if value > least && self.teacher.epochs == 0 {
                breaches.add(format!(
                    "label.{key} = {value}: a base that is not fine-tuned is one teacher; raise teacher.epochs, or leave it at {least}"
                ));
            }
        }
    }

    /// Of what a student gives its reasons.
    fn check_reasons(&self, breaches: &mut Breaches) {
        let (data, section) = (&self.data, &self.distill.reason);
        breaches.range("distill.reason.weight", section.weight, 0.0..=1000.0);
        breaches.range(
            "distill.reason.counterfactual",
            section.counterfactual,
            0.0..=1000.0,
        );
        breaches.range("distill.reason.meaning", section.meaning, 0.0..=1000.0);
        for column in &data.reasons {
            breaches.filled("data.reasons", column);
        }
        if !self.learns_reasons() {
            return;
        }
        if data.reasons.is_empty() {
            let key = if self.student.decoder > 0 {
                "student.decoder"
            } else {
                "distill.reason.meaning"
            };
            breaches.add(format!("{key}: nothing says what reasons to learn; name their column in data.reasons, or leave it at 0"));
        }
        if !section.column.is_empty() && !data.reasons.contains(&section.column) {
            breaches.add(format!(
                "distill.reason.column = \"{}\": data.reasons has {:?}",
                section.column, data.reasons
            ));
        }
        let words = matches!(section.control, Control::Empty | Control::LengthMatched);
        if section.meaning > 0.0 && words {
            breaches.add("distill.reason.control: empty and length-matched are controls of words, of which distill.reason.meaning reads none; take shuffled".into());
        }
        if self.student.decoder == 0 {
            return;
        }
        if data.choices.is_some() && section.teaching == Teaching::PredictExplain {
            breaches.add("distill.reason.teaching: of a question's choices the right one alone has a reason, so that predict-explain has none for the others; take multi-task".into());
        }
        let own = ("weight", section.weight, "counterfactual");
        let argued = ("counterfactual", section.counterfactual, "multi-task");
        let heard = match section.teaching {
            Teaching::MultiTask | Teaching::PredictExplain => vec![own],
            Teaching::Counterfactual => vec![argued],
            Teaching::Both => vec![own, argued],
        };
        for (key, weight, other) in heard {
            if weight == 0.0 {
                let way = match section.teaching {
                    Teaching::Both => format!("take {other}"),
                    _ => "leave student.decoder at 0".into(),
                };
                breaches.add(format!("distill.reason.{key} = 0: the decoder would learn nothing of it; raise it, or {way}"));
            }
        }
        let false_ones = matches!(section.teaching, Teaching::Counterfactual | Teaching::Both);
        if false_ones && data.counterfactual.is_none() {
            breaches.add("distill.reason.teaching: counterfactual reasons are in no column; name it in data.counterfactual".into());
        }
    }

    fn check_transfer(&self, breaches: &mut Breaches) {
        let (transfer, distill) = (&self.transfer, &self.distill);
        breaches.range("transfer.variants", transfer.variants, 0..=1000);
        breaches.range("transfer.mask", transfer.mask, 0.0..=1.0);
        breaches.range("transfer.replace", transfer.replace, 0.0..=1.0);
        breaches.range("transfer.alike", transfer.alike, 0.0..=1.0);
        breaches.range("transfer.crop", transfer.crop, 0.0..=1.0);
        breaches.range("transfer.splice", transfer.splice, 0.0..=1.0);
        let changed = transfer.mask + transfer.replace + transfer.alike;
        // Apart, each is alone; and what adds up to one in decimals may be a hair more in binary.
        if !transfer.apart && changed > 1.0 + 1e-9 {
            breaches.add(format!(
                "transfer.mask, replace and alike: {changed:.2} together, where a word is changed in one way at most; lower them to 1"
            ));
        }
        let ways = transfer.operators().len();
        if transfer.apart && (ways < 2 || transfer.variants < ways) {
            breaches.add(format!(
                "transfer.apart: {} variants for {ways} ways to make them; want two of transfer.mask, replace, alike, crop and \
                 splice above 0, and transfer.variants for each of them at least",
                transfer.variants
            ));
        }
        if distill.sampler == Sampler::Bandit && !(transfer.apart && distill.transfer) {
            breaches.add("distill.sampler: a bandit chooses among ways to make variants; set transfer.apart and distill.transfer to true".into());
        }
    }

    fn check_student(&self, breaches: &mut Breaches) {
        let (student, distill) = (&self.student, &self.distill);
        self.check_transfer(breaches);
        // 8192 columns is what the integer kernels' accumulators hold; a direction's output is
        // half of what the attention reads.
        breaches.range("student.embedding", student.embedding, 1..=8192);
        if ![4, 8].contains(&student.embedding_bits) {
            breaches.add(format!(
                "student.embedding_bits = {}: want 8 or 4",
                student.embedding_bits
            ));
        }
        if student.small_embeddings() && student.embedding % 2 == 1 {
            breaches.add(format!(
                "student.embedding = {}: two numbers of 4 bits fill a byte; want an even width, or student.embedding_bits = 8",
                student.embedding
            ));
        }
        if student.small_embeddings() && student.decoder > 0 {
            breaches.add("student.embedding_bits: a decoder's words are found by their embeddings, which want 8 bits; leave it at 8, or student.decoder at 0".into());
        }
        breaches.range("student.layers", student.layers, 0..=64);
        if ![4, 8].contains(&student.layer_bits) {
            breaches.add(format!(
                "student.layer_bits = {}: want 4 or 8",
                student.layer_bits
            ));
        }
        breaches.range("student.hidden", student.hidden, 1..=4096);
        breaches.range("student.attention", student.attention, 1..=8192);
        breaches.range("student.dropout", student.dropout, 0.0..=0.9);
        breaches.range("student.max_tokens", student.max_tokens, 1..=8192);
        breaches.range("student.min_count", student.min_count, 1..=1_000_000);
        breaches.range("student.pieces", student.pieces, 1..=1 << 20);
        breaches.range("student.decoder", student.decoder, 0..=4096);
        breaches.range("student.reason_tokens", student.reason_tokens, 1..=512);
        breaches.range("compare.reasons", self.compare.reasons, 1..=1_000_000);
        if student.shared && !self.data.pairs() {
            breaches.add("student.shared: single texts share nothing; name the second text's column in data.text2, or leave it out".into());
        }
        self.check_reasons(breaches);
        breaches.range("distill.runs", distill.runs, 1..=1000);
        breaches.range("distill.alpha", distill.alpha, 0.0..=1.0);
        breaches.range("distill.lambda", distill.lambda, 0.0..=1.0);
        breaches.range("distill.temperature", distill.temperature, 0.01..=100.0);
        breaches.range("distill.smoothing", distill.smoothing, 0.0..=1.0);
        breaches.range("distill.mu", distill.mu, 0.0..=1000.0);
        breaches.range("distill.mu_warmup", distill.mu_warmup, 0.0..=1.0);
        breaches.range("distill.confident", distill.confident, 0.0..=1.0);
        breaches.range("distill.rationale", distill.rationale, 0.0..=1000.0);
        breaches.range(
            "distill.sampler_every",
            distill.sampler_every,
            1..=1_000_000,
        );
        if distill.sampler.is_by_domain() && self.data.domain.is_none() {
            breaches.add(
                "distill.sampler: only `natural` and `bandit` do without domains; name their column in data.domain".into(),
            );
        }
        if distill.rationale > 0.0 && self.data.rationale.is_none() {
            breaches.add(
                "distill.rationale: there are no words that people named; name their column in data.rationale"
                    .into(),
            );
        }
        breaches.range("distill.online", distill.online, 0..=4096);
        let heard = self.label.teachers + self.label.folds;
        if distill.online > 0 && heard > 1 {
            breaches.add("distill.online: several teachers have no one encoder to adapt; leave label.teachers at 1 and label.folds at 0".into());
        }
        let [by_gold, by_teacher] = distill.shares();
        if distill.online > 0 && (by_gold <= 0.0 || by_teacher <= 0.0) {
            breaches.add(
                "distill.online: the teacher learns from gold labels and from the student, of which this objective reads \
                 but one; take `kd`, `multiview` or `dixtill` with distill.lambda (or alpha) between 0 and 1".into(),
            );
        }
        breaches.range("distill.contrastive", distill.contrastive, 0.0..=1000.0);
        breaches.range("distill.epochs", distill.epochs, 1..=10_000);
        breaches.range("distill.batch", distill.batch, 1..=65_536);
        breaches.range("distill.learning_rate", distill.learning_rate, 1e-9..=1.0);
        breaches.range("distill.warmup", distill.warmup, 0.0..=1.0);
        breaches.range("distill.weight_decay", distill.weight_decay, 0.0..=1.0);
        breaches.range("distill.clip", distill.clip, 1e-6..=1e6);
        breaches.range("distill.average", distill.average, 0.0..=1000.0);
        let compare = &self.compare;
        breaches.range("compare.seeds", compare.seeds, 1..=1000);
        breaches.range("compare.teachers", compare.teachers, 1..=1000);
        breaches.range("budget.seeds", self.budget.seeds, 1..=1000);
        let shares = &self.budget.shares;
        let rising = shares.windows(2).all(|pair| pair[0] < pair[1]);
        if shares.is_empty() || !rising || shares.iter().any(|s| !(*s > 0.0 && *s <= 1.0)) {
            breaches.add(format!(
                "budget.shares = {shares:?}: want shares above 0 and at most 1, rising"
            ));
        }
        breaches.range("compare.explained", compare.explained, 1..=1_000_000);
        breaches.range("compare.faithfulness", compare.faithfulness, 1..=1_000_000);
    }
}

struct Breaches(Vec<String>);

impl Breaches {
    fn add(&mut self, breach: String) {
        self.0.push(breach);
    }

    fn files(&mut self, key: &str, files: &Files) {
        if files.paths().is_empty() {
            self.add(format!("{key} is an empty list; name a file in it"));
        }
        for (index, path) in files.paths().iter().enumerate() {
            self.filled(key, path);
            if files.paths()[..index].contains(path) {
                self.add(format!("{key} names \"{path}\" twice; name it once"));
            }
        }
    }

    fn filled(&mut self, key: &str, value: &str) {
        if value.trim().is_empty() {
            self.add(format!("{key} is empty; give it a value"));
        }
    }

    /// NaN is in no range.
    fn range<T: Copy + PartialOrd + Display>(
        &mut self,
        key: &str,
        value: T,
        allowed: RangeInclusive<T>,
    ) {
        if !allowed.contains(&value) {
            let (from, to) = (allowed.start(), allowed.end());
            self.add(format!("{key} = {value}: want {from} to {to}"));
        }
    }
}
