//! The recipe: everything a run needs to know, as TOML.
//!
//! One struct a section, every key with a default except the data and the teacher's base, unknown
//! keys refused. Paths are taken from the folder the command runs in; `${RECIPE_DIR}` is the folder
//! of the recipe itself.

mod limits;
mod load;
mod overrides;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use load::{Loaded, TEMPLATE, load, parse, table, text, typed};

/// A whole recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Names the run's folder and the bundle; letters, digits, `-` and `_`.
    pub name: String,
    /// Fixes every random choice of the run.
    #[serde(default)]
    pub seed: u64,
    /// Values for `${NAME}` in any other string of the recipe.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// Where the texts are.
    pub data: DataSection,
    /// The teacher and how it is fine-tuned.
    pub teacher: TeacherSection,
    /// How the teacher explains itself.
    #[serde(default)]
    pub label: LabelSection,
    /// Variants of the training texts, labelled by the teacher.
    #[serde(default)]
    pub transfer: TransferSection,
    /// The student's sizes.
    #[serde(default)]
    pub student: StudentSection,
    /// How the student learns.
    #[serde(default)]
    pub distill: DistillSection,
    /// What is compared with what.
    #[serde(default)]
    pub compare: CompareSection,
    /// How many labels are bought.
    #[serde(default)]
    pub budget: BudgetSection,
    /// What the bundle says about itself.
    #[serde(default)]
    pub card: CardSection,
}

impl Recipe {
    /// What decides the teacher, beside data, seed and the base's content: where the base lies does not matter.
    pub fn teacher_settings(&self) -> TeacherSection {
        TeacherSection {
            base: String::new(),
            revision: None,
            ..self.teacher.clone()
        }
    }

    /// Whether the student learns from reasons in words, their words or their meaning.
    pub fn learns_reasons(&self) -> bool {
        self.student.decoder > 0 || self.distill.reason.meaning > 0.0
    }
}

/// `[data]`: files, columns and labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSection {
    /// Training rows: CSV, TSV or JSONL, told apart by content; one file or a list of them.
    pub train: Files,
    /// Texts without labels, which the teacher labels for the transfer set, they and their variants; one file or a
    /// list of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlabeled: Option<Files>,
    /// Validation rows; without it a tenth of the training rows, chosen by their text's hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<String>,
    /// Test rows; without it another tenth of the training rows, chosen the same way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// Column (or JSON key) that holds the text.
    #[serde(default = "DataSection::default_text")]
    pub text: String,
    /// Column of the second text, where rows are pairs: premise and hypothesis, question and answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text2: Option<String>,
    /// Column (or JSON key) that holds the label.
    #[serde(default = "DataSection::default_label")]
    pub label: String,
    /// Column that says what a text is about, for `distill.sampler` and figures by domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Column of the words that people named: 0 or 1 for each part of the text between white space. A row may have
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
    /// Column of a question's choices, a list: each makes a pair with the text, which is `right` or `wrong`. The label is
    /// then the right one's place, from 0, or its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choices: Option<String>,
    /// Columns of reasons for the label in words, as people or language models gave them; a row may have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Column of reasons for every label, right or wrong: in JSONL an object by label (a list, one for each choice,
    /// where there are choices), elsewhere that as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counterfactual: Option<String>,
    /// Column of people's reasons in validation and test rows, which a student's are compared with: a text, or in JSONL a
    /// list of texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub references: Option<String>,
    /// The labels in the order of the logits; without it those of the training rows, sorted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// How many bad rows, over all files, are left out before the run stops.
    #[serde(default)]
    pub skip_bad_rows: usize,
}

/// One file or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "want the path of a file, or a list of such paths"
)]
pub enum Files {
    /// Its path.
    One(String),
    /// Their paths.
    Several(Vec<String>),
}

impl Files {
    /// The paths, in order.
    pub fn paths(&self) -> &[String] {
        match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::Several(paths) => paths,
        }
    }
}

impl DataSection {
    /// Whether a text is two.
    pub fn pairs(&self) -> bool {
        self.text2.is_some() || self.choices.is_some()
    }

    /// How a question's choices are learnt, for keys: before, they were learnt one by one.
    pub(crate) fn choices_learnt(&self) -> Option<&'static str> {
        self.choices.as_ref().map(|_| "together")
    }

    /// How pairs that are too long are cut, for keys: before, the second text was cut first.
    pub(crate) fn pairs_cut(&self) -> Option<&'static str> {
        self.pairs().then_some("longest first")
    }

    /// Every file with the key that names it.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let train = self.train.paths().iter().map(|path| ("train", path));
        let unlabeled = self.unlabeled.iter().flat_map(Files::paths);
        let validation = self.validation.iter().map(|path| ("validation", path));
        train
            .chain(validation)
            .chain(self.test.iter().map(|path| ("test", path)))
            .chain(unlabeled.map(|path| ("unlabeled", path)))
    }

    fn default_text() -> String {
        "text".into()
    }

    fn default_label() -> String {
        "label".into()
    }
}

/// How token states become one vector a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// Mean of the states of all tokens that are not padding; no dense layer.
    #[default]
    Mean,
    /// State of the first token, through the family's own dense layer.
    Cls,
}

/// `[teacher]`: the encoder and its fine-tuning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherSection {
    /// A folder with `config.json` and `model.safetensors`, or a Hugging Face hub id.
    pub base: String,
    /// Hub revision (commit, tag or branch); pin a commit for a run that can be repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Longest text in tokens, specials included.
    #[serde(default = "TeacherSection::default_max_tokens")]
    pub max_tokens: usize,
    /// Passes over the training rows; 0 uses the base as it is, which must then be a classifier.
    #[serde(default = "TeacherSection::default_epochs")]
    pub epochs: usize,
    /// Texts a step.
    #[serde(default = "TeacherSection::default_batch")]
    pub batch: usize,
    /// Peak learning rate, reached after the warm-up and then falling linearly to zero.
    #[serde(default = "TeacherSection::default_learning_rate")]
    pub learning_rate: f64,
    /// Share of the steps over which the learning rate rises.
    #[serde(default = "TeacherSection::default_warmup")]
    pub warmup: f64,
    /// The optimiser's decoupled weight decay.
    #[serde(default = "TeacherSection::default_weight_decay")]
    pub weight_decay: f64,
    /// Dropout probability in the encoder and before the head.
    #[serde(default = "TeacherSection::default_dropout")]
    pub dropout: f64,
    /// Epochs without a better validation macro-F1 before training stops.
    #[serde(default = "TeacherSection::default_patience")]
    pub patience: usize,
    /// What the new head reads.
    #[serde(default)]
    pub pooling: Pooling,
}

impl TeacherSection {
    fn default_max_tokens() -> usize {
        64
    }
    fn default_epochs() -> usize {
        4
    }
    fn default_batch() -> usize {
        32
    }
    fn default_learning_rate() -> f64 {
        5e-5
    }
    fn default_warmup() -> f64 {
        0.1
    }
    fn default_weight_decay() -> f64 {
        0.01
    }
    fn default_dropout() -> f64 {
        0.1
    }
    fn default_patience() -> usize {
        2
    }
}

/// The scalar that integrated gradients explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// `F_c = z_c - mean z`, the centred logit.
    #[default]
    Logit,
    /// The softmax probability of the class.
    Probability,
}

/// `[label]`: soft labels and attributions of the teacher.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LabelSection {
    /// Gauss–Legendre nodes on the path of integrated gradients.
    pub nodes: usize,
    /// What is explained.
    pub target: Target,
    /// How many training texts, and at most how many validation texts, are explained, chosen by seed; 0
    /// explains all. The others still get soft labels. Explaining costs nodes · classes forward passes
    /// a text on the processor, 2 · nodes · (classes − 1) elsewhere.
    pub rows: usize,
    /// Texts (times nodes) a forward pass, but on the processor, where a pass has some hundred tokens.
    pub batch: usize,
    /// Teachers that are asked, fine-tuned from seeds `seed`, `seed + 1` and so on: the mean of their logits and of
    /// their attributions is what the student learns from. Embeddings start from the first one's.
    #[serde(skip_serializing_if = "is_one")]
    pub teachers: usize,
    /// Where there are several: the others are asked only of texts of whose answer the first is less sure than this
    /// (as `DualChecker` asks again under .85); 1 asks them of all.
    #[serde(skip_serializing_if = "is_sure")]
    pub unsure: f64,
    /// Parts of the training texts, each of which, with its variants, is labelled by a teacher that was fine-tuned on the
    /// others (cross-fitting); what nobody learnt from is labelled by their mean. 0 asks teachers of what they have
    /// learnt.
    #[serde(skip_serializing_if = "is_zero")]
    pub folds: usize,
}

impl LabelSection {
    /// What decides one teacher's labels, whatever the number of them and who is asked of what.
    #[must_use]
    pub fn one_teacher(&self) -> Self {
        let LabelSection {
            teachers,
            unsure,
            folds,
            ..
        } = Self::default();
        Self {
            teachers,
            unsure,
            folds,
            ..self.clone()
        }
    }
}

/// What is the default is not written, so that keys are what they were before there was a choice.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_one(value: &usize) -> bool {
    *value == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_sure(probability: &f64) -> bool {
    *probability >= 1.0
}

impl Default for LabelSection {
    fn default() -> Self {
        Self {
            nodes: 16,
            rows: 200,
            target: Target::Logit,
            batch: 32,
            teachers: 1,
            unsure: 1.0,
            folds: 0,
        }
    }
}

/// `[transfer]`: the augmented transfer set (Tang et al. 2019).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TransferSection {
    /// Variants made from each training text; 0 distils on the training texts alone.
    pub variants: usize,
    /// Probability that a word is masked.
    pub mask: f64,
    /// Probability that a word is replaced by another of the training words.
    pub replace: f64,
    /// Probability that a word is replaced by one of the eight that the teacher's embeddings have nearest to it, of those
    /// that the texts use at least twice.
    #[serde(skip_serializing_if = "is_nothing")]
    pub alike: f64,
    /// Probability that a variant is a random n-gram of the text.
    pub crop: f64,
    /// Probability that a variant continues with the end of another text.
    pub splice: f64,
    /// Whether a variant is made in one way alone, each of those above whose probability is not 0 in turn; one that is
    /// cropped or spliced is so for certain.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub apart: bool,
}

/// A way to make a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    /// Some words masked.
    Mask,
    /// Some words replaced by any others.
    Replace,
    /// Some words replaced by others like them.
    Alike,
    /// An n-gram.
    Crop,
    /// The beginning, and the end of another text.
    Splice,
}

impl Operator {
    /// Its key in `[transfer]`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mask => "mask",
            Self::Replace => "replace",
            Self::Alike => "alike",
            Self::Crop => "crop",
            Self::Splice => "splice",
        }
    }
}

impl TransferSection {
    /// The ways that variants are made in, each alone where they are kept apart.
    pub(crate) fn operators(&self) -> Vec<Operator> {
        let all = [
            (Operator::Mask, self.mask),
            (Operator::Replace, self.replace),
            (Operator::Alike, self.alike),
            (Operator::Crop, self.crop),
            (Operator::Splice, self.splice),
        ];
        let used = all
            .into_iter()
            .filter(|(_, probability)| *probability > 0.0);
        used.map(|(operator, _)| operator).collect()
    }
}

impl Default for TransferSection {
    fn default() -> Self {
        Self {
            variants: 8,
            mask: 0.1,
            replace: 0.1,
            alike: 0.0,
            crop: 0.25,
            splice: 0.1,
            apart: false,
        }
    }
}

/// `[student]`: sizes of the BiLSTM with attention.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StudentSection {
    /// Width of a token's embedding.
    pub embedding: usize,
    /// Bits of each number of an embedding in the bundle, 8 or 4. With 4 the student learns with embeddings that are
    /// rounded so, and its bundle is little more than half as large.
    #[serde(skip_serializing_if = "is_eight")]
    pub embedding_bits: u32,
    /// Width of each direction of the LSTM.
    pub hidden: usize,
    /// Width of the attention's projection.
    pub attention: usize,
    /// Dropout probability on embeddings and hidden states, while training.
    pub dropout: f64,
    /// Longest text in tokens; the student has no special tokens.
    pub max_tokens: usize,
    /// How often the training texts must use a piece for it to stay in the vocabulary; words of
    /// rarer pieces fall into shorter ones.
    pub min_count: usize,
    /// Which single characters stay there, however rare: all of the teacher's, so that hardly a word is unknown, or those
    /// that the training texts have.
    #[serde(skip_serializing_if = "is_all")]
    pub characters: Characters,
    /// Whether tokens that stand in both texts of a pair are told so, by a vector that is learnt.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// How many of the teacher's layers read a text for the student, and stay as they are; what they make of a token
    /// stands behind its embedding. 0 for a student that reads embeddings alone.
    #[serde(skip_serializing_if = "is_zero")]
    pub layers: usize,
    /// Bits of each of their weights, 4 or 8; the student learns to read them as they are rounded.
    #[serde(skip_serializing_if = "is_four")]
    pub layer_bits: u32,
    /// Units of the LSTM that writes the student's reason in words; 0 for a student that gives none.
    #[serde(skip_serializing_if = "is_zero")]
    pub decoder: usize,
    /// Most tokens of a reason; longer ones are learnt up to the last sentence that fits.
    #[serde(skip_serializing_if = "is_default_reason")]
    pub reason_tokens: usize,
    /// Most pieces of the vocabulary that is learnt from the training texts where the teacher's
    /// tokenizer is no `WordPiece`; a teacher's own is not cut to it.
    pub pieces: usize,
}

impl StudentSection {
    const REASON: usize = 64;

    /// Whether embeddings have 4 bits.
    pub(crate) fn small_embeddings(&self) -> bool {
        self.embedding_bits == 4
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_eight(bits: &u32) -> bool {
    *bits == 8
}

/// Which single characters a vocabulary keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Characters {
    /// All that the teacher's has.
    #[default]
    All,
    /// ASCII's, and those of words that the training texts have and the teacher's vocabulary can spell.
    Used,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_all(characters: &Characters) -> bool {
    *characters == Characters::All
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_four(bits: &u32) -> bool {
    *bits == 4
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_zero(value: &usize) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_default_reason(value: &usize) -> bool {
    *value == StudentSection::REASON
}

impl Default for StudentSection {
    fn default() -> Self {
        Self {
            embedding: 64,
            embedding_bits: 8,
            hidden: 64,
            attention: 64,
            dropout: 0.3,
            max_tokens: 128,
            min_count: 1,
            characters: Characters::All,
            shared: false,
            layers: 0,
            layer_bits: 4,
            decoder: 0,
            reason_tokens: Self::REASON,
            pieces: 8000,
        }
    }
}

/// What the student is asked to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// Cross-entropy on the gold labels.
    Labels,
    /// Gold labels and the teacher's softened probabilities.
    #[default]
    Kd,
    /// Mean squared error on the teacher's logits.
    KdMse,
    /// DiXtill (Cantini et al. 2024): probabilities and the predicted class's attribution.
    Dixtill,
    /// `kd` and the attributions of every class.
    Multiview,
}

impl Objective {
    /// Whether the teacher's attributions of training texts are read.
    pub fn reads_explanations(self) -> bool {
        matches!(self, Self::Dixtill | Self::Multiview)
    }

    /// Whether what the teacher says of a text is read.
    pub fn asks_the_teacher(self) -> bool {
        self != Self::Labels
    }
}

/// How far student and teacher are from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Divergence {
    /// `KL(teacher ‖ student)` (Hinton et al. 2015).
    #[default]
    Forward,
    /// `KL(student ‖ teacher)` (`MiniLLM`, Gu et al. 2024; exact for so few classes).
    Reverse,
    /// Jensen–Shannon: half of each to their mean.
    JensenShannon,
}

/// Which rows a step learns from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampler {
    /// Every row once an epoch.
    #[default]
    Natural,
    /// Of every domain as many.
    Uniform,
    /// More of the domains in which the student is far behind its teacher (DDK, Liu et al. 2024).
    Ddk,
    /// The same without the even part that keeps every domain in it.
    DdkUnsmoothed,
    /// More of the variants, by how they were made, that let the validation loss fall (Learning to Augment, Cubuk et al.
    /// 2019, with a bandit). Needs `transfer.apart`.
    Bandit,
}

impl Sampler {
    /// Whether rows are drawn by their domains.
    pub(crate) fn is_by_domain(self) -> bool {
        matches!(self, Self::Uniform | Self::Ddk | Self::DdkUnsmoothed)
    }
}

/// How a decoder learns to give reasons in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Teaching {
    /// Reason and label each for itself, from one encoder (Distilling Step-by-Step, Hsieh et al. 2023).
    #[default]
    MultiTask,
    /// The reason of an answer, which it is started with (e-SNLI's "predict and explain", Camburu et al. 2018).
    PredictExplain,
    /// The reason, then the answer; and after each false reason, the answer that it argues for (SCOTT, Wang et al.
    /// 2023).
    Counterfactual,
    /// `multi-task` and `counterfactual`.
    Both,
}

/// What reasons a decoder is given instead of the rows' own, to see what these are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// The rows' own.
    #[default]
    None,
    /// Another row's.
    Shuffled,
    /// No words at all.
    Empty,
    /// As many words as the row's own, drawn from all reasons.
    LengthMatched,
}

/// `[distill.reason]`: how reasons in words are learnt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReasonSection {
    /// Which of `data.reasons`; the first where it is empty.
    pub column: String,
    /// What is learnt of them.
    pub teaching: Teaching,
    /// Weight of the mean surprise by a word of `multi-task` and `predict-explain`, beside the objective's loss.
    pub weight: f64,
    /// The same of `counterfactual`, of its words and of its answers.
    pub counterfactual: f64,
    /// Weight of the meaning of the reasons: rows whose reasons are alike to the teacher's encoder shall have pooled
    /// vectors that are alike. Needs no decoder; 0 leaves it out.
    #[serde(skip_serializing_if = "is_nothing")]
    pub meaning: f64,
    /// Whose reasons.
    pub control: Control,
}

/// What is left out is not written, so that keys are what they were before it could be asked for.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_nothing(weight: &f64) -> bool {
    *weight == 0.0
}

impl ReasonSection {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for ReasonSection {
    fn default() -> Self {
        Self {
            column: String::new(),
            teaching: Teaching::MultiTask,
            weight: 0.5,
            counterfactual: 0.5,
            meaning: 0.0,
            control: Control::None,
        }
    }
}

/// `[distill]`: the objective and the optimiser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DistillSection {
    /// What the student is asked to copy.
    pub objective: Objective,
    /// Whether it learns from the variants of the training texts, too. With `labels`, which asks no teacher, a
    /// variant has the label of its text.
    pub transfer: bool,
    /// `dixtill`: weight of teacher and explanation against the gold label.
    pub alpha: f64,
    /// `kd` and `multiview`: weight of the teacher against the gold label.
    pub lambda: f64,
    /// Softens teacher and student before they are compared.
    pub temperature: f64,
    /// How they are compared.
    pub divergence: Divergence,
    /// Share of a gold label that all classes have alike.
    pub smoothing: f64,
    /// `multiview`: weight of the explanations.
    pub mu: f64,
    /// `multiview`: share of the steps over which that weight rises from 0.
    pub mu_warmup: f64,
    /// Explanations of texts of whose answer the teacher is less sure are not copied.
    pub confident: f64,
    /// Weight of the words that people named: the student's words for the gold label are to be these.
    pub rationale: f64,
    /// How reasons in words are learnt, by a student that has a decoder.
    #[serde(skip_serializing_if = "ReasonSection::is_default")]
    pub reason: ReasonSection,
    /// Which rows a step learns from; `uniform` and `ddk` need `data.domain`.
    pub sampler: Sampler,
    /// Steps between two looks at the domains, or ways, over all epochs.
    pub sampler_every: usize,
    /// Units of an adapter with which the one teacher learns along, on what its frozen encoder makes of a text (online
    /// distillation): by the gold labels and by what the student says, as much as the objective weighs these. Epochs are
    /// judged by the teacher as it was. 0 leaves it so.
    #[serde(skip_serializing_if = "is_zero")]
    pub online: usize,
    /// Weight of a supervised contrast between the pooled vectors of a batch (CLLMFS); 0 leaves it out.
    pub contrastive: f64,
    /// Passes over the transfer set.
    pub epochs: usize,
    /// Texts a step.
    pub batch: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Share of the steps over which the learning rate rises.
    pub warmup: f64,
    /// The optimiser's decoupled weight decay.
    pub weight_decay: f64,
    /// Largest norm of a parameter's gradient; longer ones are scaled down to it.
    pub clip: f64,
    /// Share of an epoch over which the student's weights are averaged; 0 takes the last step's.
    pub average: f64,
    /// Students trained, from seeds `seed`, `seed + 1` and so on; figures are their mean, and the
    /// best on validation rows is exported.
    pub runs: usize,
}

impl Default for DistillSection {
    fn default() -> Self {
        Self {
            objective: Objective::Kd,
            transfer: true,
            alpha: 0.9,
            lambda: 0.9,
            temperature: 1.0,
            divergence: Divergence::Forward,
            smoothing: 0.0,
            mu: 1.0,
            mu_warmup: 0.0,
            confident: 0.0,
            rationale: 0.0,
            reason: ReasonSection::default(),
            sampler: Sampler::Natural,
            sampler_every: 50,
            online: 0,
            contrastive: 0.0,
            epochs: 6,
            batch: 64,
            learning_rate: 2e-3,
            warmup: 0.05,
            weight_decay: 0.01,
            clip: 1.0,
            average: 0.5,
            runs: 1,
        }
    }
}

impl DistillSection {
    /// How much the objective hears of the gold labels, and of the teacher.
    pub(crate) fn shares(&self) -> [f64; 2] {
        match self.objective {
            Objective::Labels => [1.0, 0.0],
            Objective::Kd | Objective::Multiview => [1.0 - self.lambda, self.lambda],
            Objective::KdMse => [0.0, 1.0],
            Objective::Dixtill => [1.0 - self.alpha, self.alpha],
        }
    }

    /// What decides one student, whatever the number of them.
    #[must_use]
    pub fn one_run(&self) -> Self {
        Self {
            runs: 1,
            ..self.clone()
        }
    }
}

/// `[compare]`: the table of `stillglass compare`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CompareSection {
    /// Students of each arm, from seeds `seed`, `seed + 1` and so on.
    pub seeds: usize,
    /// Teachers, likewise; the first one teaches all students.
    pub teachers: usize,
    /// Test texts, chosen by seed, of which the words are compared with the teacher's.
    pub explained: usize,
    /// Test texts, chosen by seed, from which words are taken out.
    pub faithfulness: usize,
    /// Test texts, chosen by seed, of which a student is asked its reasons in words.
    #[serde(skip_serializing_if = "CompareSection::are_default")]
    pub reasons: usize,
    /// Arms beside those of every comparison.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arms: Vec<ArmSection>,
}

impl CompareSection {
    const REASONS: usize = 500;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
    fn are_default(reasons: &usize) -> bool {
        *reasons == Self::REASONS
    }
}

impl Default for CompareSection {
    fn default() -> Self {
        Self {
            seeds: 5,
            teachers: 1,
            explained: 200,
            faithfulness: 50,
            reasons: Self::REASONS,
            arms: Vec::new(),
        }
    }
}

/// `[budget]`: the curve of `stillglass budget`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetSection {
    /// Shares of the training texts that the teacher has labelled after each round, rising.
    pub shares: Vec<f64>,
    /// Students of each way, from seeds `seed`, `seed + 1` and so on.
    pub seeds: usize,
}

impl Default for BudgetSection {
    fn default() -> Self {
        Self {
            shares: vec![0.05, 0.1, 0.2, 0.4, 1.0],
            seeds: 5,
        }
    }
}

/// `[[compare.arms]]`: the recipe's student, made another way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmSection {
    /// What the arm is called.
    pub name: String,
    /// Keys that it changes, as `--set` has them.
    pub set: Vec<String>,
}

/// `[card]`: what the bundle says about itself; all free text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CardSection {
    /// Title; the recipe's name when empty.
    pub name: String,
    /// One or two sentences: what it tells apart, and for whom.
    pub description: String,
    /// Name of the data set.
    pub data: String,
    /// Its licence.
    pub data_licence: String,
    /// Name of the teacher's base model.
    pub base_model: String,
    /// Its licence.
    pub base_licence: String,
}
