//! What student, teacher and their two heaviest kernels take on this machine's GPU, as tables in Markdown.
//!
//! `cargo xtask bench-gpu [--student BUNDLE] [--teacher BUNDLE] [--bandwidth GB/S] [--peak TFLOP/S]`
//!
//! Each part of a call is waited for before the next begins: their sum is more than an undivided call
//! takes.

#[allow(dead_code)] // what only the tests use
#[path = "../tests/student/made_up.rs"]
mod made_up;
#[allow(dead_code)]
#[path = "../tests/gpu/made_up_teacher.rs"]
mod made_up_teacher;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use made_up::{Numbers, PLAIN, Sizes};
use stillglass_bundle::{Architecture, Bundle, Quantized, TeacherShape, WeightFormat, Weights};
use stillglass_kernels::Int8;
use stillglass_runtime::gpu::{Activation, Arithmetic, Error, Gpu, Split, Student, Teacher};
use stillglass_tests::wait;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Sizes of the students that recipes make.
const STUDENT: Sizes = Sizes {
    embedding: 64,
    hidden: 64,
    attention: 64,
    labels: 3,
    max_tokens: 256,
};

/// `MiniLM-L6`.
const MINILM: TeacherShape = TeacherShape {
    hidden: 384,
    layers: 6,
    heads: 12,
    intermediate: 1536,
    positions: 512,
    ..made_up_teacher::SHAPE
};

/// Inputs and outputs of that teacher's linear layers: projections, expansion, contraction.
const LINEAR: [(usize, usize); 3] = [(384, 1152), (384, 1536), (1536, 384)];

/// A kernel is run so often in a call that submitting it counts for little.
const REPEATS: usize = 16;

/// Time student, teacher and kernels on this machine's GPU
#[derive(Parser)]
struct Options {
    /// A student's bundle; a made-up one without
    #[arg(long)]
    student: Option<PathBuf>,
    /// A teacher's bundle; a made-up one of MiniLM-L6's shape without
    #[arg(long)]
    teacher: Option<PathBuf>,
    /// Texts of a call
    #[arg(long, value_delimiter = ',', default_value = "1,32,256")]
    batches: Vec<usize>,
    /// Tokens of a text
    #[arg(long, value_delimiter = ',', default_value = "32,128")]
    lengths: Vec<usize>,
    /// Calls that are timed, after one that is not; the middle one counts
    #[arg(long, default_value_t = 15)]
    calls: usize,
    /// GB/s that the device's memory is said to give
    #[arg(long)]
    bandwidth: Option<f64>,
    /// TFLOP/s in f32 that the device is said to give
    #[arg(long)]
    peak: Option<f64>,
}

fn main() -> Outcome<()> {
    let options = Options::parse();
    let student = bundle(options.student.as_deref(), || {
        made_up::bundle(1, STUDENT, &PLAIN)
    })?;
    let teacher = bundle(options.teacher.as_deref(), || {
        made_up_teacher::teacher(1, MINILM, WeightFormat::Int8)
    })?;
    let mut devices = Vec::new();
    for (name, arithmetic) in [("f32", Arithmetic::Float), ("f16", Arithmetic::Half)] {
        match wait(Gpu::request_with(arithmetic)) {
            Ok(gpu) => devices.push((name, gpu)),
            Err(error) => println!("{name}: not measured, {error}\n"),
        }
    }
    println!("Milliseconds a call; f16 multiplies in f16 and adds in f32.\n");
    println!(
        "| model | numbers | texts | tokens each | upload | compute | readback | call | texts/s |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (name, gpu) in &devices {
        models(name, gpu, &student, &teacher, &options)?;
    }
    println!("\n| kernel | numbers | texts | tokens each | ms | GB/s | GFLOP/s | of the limit |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for (name, gpu) in &devices {
        kernels(name, gpu, &options)?;
    }
    Ok(())
}

/// A bundle from its file, or one that is made.
fn bundle(path: Option<&Path>, make: impl FnOnce() -> Bundle) -> Outcome<Bundle> {
    match path {
        Some(path) => Ok(Bundle::read(&std::fs::read(path)?)?),
        None => Ok(make()),
    }
}

fn models(
    name: &str,
    gpu: &Gpu,
    student: &Bundle,
    teacher: &Bundle,
    options: &Options,
) -> Outcome<()> {
    let (Weights::Student(weights), vocabulary) = (&student.weights, student.vocabulary.len())
    else {
        return Err("--student: that is no student".into());
    };
    let loaded = wait(Student::load(gpu, weights))?;
    each(options, loaded.most_tokens(), vocabulary, |texts| {
        let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        timed(gpu, options.calls, || {
            wait(loaded.forward(gpu, &texts)).map(drop)
        })
        .map(|took| took.print("student", name, &texts))
    })?;
    let (Weights::Teacher(weights), Architecture::Teacher(shape)) =
        (&teacher.weights, &teacher.manifest.architecture)
    else {
        return Err("--teacher: that is no teacher".into());
    };
    let loaded = wait(Teacher::load(gpu, shape, weights))?;
    let vocabulary = teacher.vocabulary.len();
    each(options, loaded.most_tokens(), vocabulary, |texts| {
        let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        timed(gpu, options.calls, || {
            wait(loaded.logits(gpu, &texts)).map(drop)
        })
        .map(|took| took.print("teacher", name, &texts))
    })
}

/// Every batch and length that one submission takes.
fn each(
    options: &Options,
    most: usize,
    vocabulary: usize,
    mut row: impl FnMut(&[Vec<u32>]) -> Result<(), Error>,
) -> Outcome<()> {
    let mut numbers = Numbers(7);
    for &length in &options.lengths {
        for &batch in &options.batches {
            let mut text = || {
                let ids = (0..length).map(|_| numbers.below(vocabulary) as u32);
                ids.collect()
            };
            let texts: Vec<Vec<u32>> = (0..batch).map(|_| text()).collect();
            if batch * length <= most {
                row(&texts)?;
            }
        }
    }
    Ok(())
}

/// What a call took: the parts of one that waits for each, and the whole of one that does not.
struct Took {
    split: Split,
    call: Duration,
}

impl Took {
    fn print(&self, model: &str, numbers: &str, texts: &[&[u32]]) {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "| {model} | {numbers} | {} | {} | {:.3} | {:.3} | {:.3} | {:.3} | {:.0} |",
            texts.len(),
            texts[0].len(),
            ms(self.split.upload),
            ms(self.split.compute),
            ms(self.split.readback),
            ms(self.call),
            texts.len() as f64 / self.call.as_secs_f64(),
        );
    }
}

/// The middle one of some calls, part by part, and of as many undivided ones.
fn timed(gpu: &Gpu, calls: usize, call: impl Fn() -> Result<(), Error>) -> Result<Took, Error> {
    call()?;
    let mut whole = Vec::with_capacity(calls);
    for _ in 0..calls {
        let began = Instant::now();
        call()?;
        whole.push(began.elapsed());
    }
    let splits = splits(gpu, calls, call)?;
    let part = |part: fn(&Split) -> Duration| middle(splits.iter().map(part).collect());
    Ok(Took {
        split: Split {
            upload: part(|split| split.upload),
            compute: part(|split| split.compute),
            readback: part(|split| split.readback),
        },
        call: middle(whole),
    })
}

/// The parts of some calls.
fn splits(
    gpu: &Gpu,
    calls: usize,
    call: impl Fn() -> Result<(), Error>,
) -> Result<Vec<Split>, Error> {
    let mut splits = Vec::with_capacity(calls);
    for _ in 0..calls {
        gpu.measure();
        call()?;
        splits.extend(gpu.measured());
    }
    gpu.end_measuring();
    Ok(splits)
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn kernels(name: &str, gpu: &Gpu, options: &Options) -> Outcome<()> {
    for &length in &options.lengths {
        for &batch in &options.batches {
            lstm(name, gpu, options, [batch, length])?;
            for (columns, rows) in LINEAR {
                linear(name, gpu, options, [batch, length], [columns, rows])?;
            }
        }
    }
    Ok(())
}

/// Both directions of a student's LSTM: the recurrent product, and the gates that it is added to.
fn lstm(name: &str, gpu: &Gpu, options: &Options, [batch, length]: [usize; 2]) -> Outcome<()> {
    let (hidden, tokens) = (STUDENT.hidden, batch * length);
    let weights = quantized(8 * hidden, hidden);
    let recurrent = gpu.table(&[view(&weights)])?;
    let gates = gpu.resident(&vec![0.1; tokens * 8 * hidden], 8 * hidden)?;
    let took = compute(gpu, options.calls, || {
        let mut call = gpu.call(REPEATS);
        let texts = call.texts(&vec![length; batch]);
        let mut h = None;
        for _ in 0..REPEATS {
            let next = call.lstm(&recurrent, &texts, &gates);
            h.replace(next).into_iter().for_each(|old| call.free(old));
        }
        wait(call.read(&h.expect("at least one"))).map(drop)
    })?;
    let work = Work {
        products: tokens * 8 * hidden * hidden,
        bytes: 4 * tokens * (8 + 2) * hidden + 8 * hidden * hidden,
    };
    work.print(
        &format!("lstm {hidden}"),
        name,
        [batch, length],
        took,
        options,
    );
    Ok(())
}

/// One of the teacher's linear layers.
fn linear(
    name: &str,
    gpu: &Gpu,
    options: &Options,
    [batch, length]: [usize; 2],
    [columns, rows]: [usize; 2],
) -> Outcome<()> {
    let tokens = batch * length;
    let weights = quantized(rows, columns);
    let layer = gpu.linear_int8(&[view(&weights)], &vec![0.1; rows])?;
    let x = gpu.resident(&vec![0.1; tokens * columns], columns)?;
    let took = compute(gpu, options.calls, || {
        let mut call = gpu.call(REPEATS);
        let mut y = None;
        for _ in 0..REPEATS {
            let next = call.linear_int8(&layer, &x, Activation::None);
            y.replace(next).into_iter().for_each(|old| call.free(old));
        }
        wait(call.read(&y.expect("at least one"))).map(drop)
    })?;
    let work = Work {
        products: tokens * rows * columns,
        bytes: 4 * tokens * (columns + rows) + rows * columns,
    };
    let kernel = format!("linear_int8 {columns} \u{2192} {rows}");
    work.print(&kernel, name, [batch, length], took, options);
    Ok(())
}

/// What one run of a kernel takes.
fn compute(gpu: &Gpu, calls: usize, call: impl Fn() -> Result<(), Error>) -> Result<f64, Error> {
    call()?;
    let splits = splits(gpu, calls, call)?;
    let times = splits.iter().map(|split| split.compute).collect();
    Ok(middle(times).as_secs_f64() / REPEATS as f64)
}

/// What a kernel has to do at least.
struct Work {
    /// Products that are added up: two operations each.
    products: usize,
    /// Weights, inputs and outputs, each once.
    bytes: usize,
}

impl Work {
    fn print(
        &self,
        kernel: &str,
        numbers: &str,
        [batch, length]: [usize; 2],
        seconds: f64,
        options: &Options,
    ) {
        let [bandwidth, rate] =
            [self.bytes as f64, 2.0 * self.products as f64].map(|n| n / seconds);
        let limit = match (options.bandwidth, options.peak) {
            (Some(gigabytes), Some(teraflops)) => {
                let (memory, sums) = (bandwidth / (gigabytes * 1e9), rate / (teraflops * 1e12));
                let which = if memory > sums {
                    "bandwidth"
                } else {
                    "arithmetic"
                };
                format!("{:.1} % of {which}", 100.0 * memory.max(sums))
            }
            _ => "not given".to_owned(),
        };
        println!(
            "| {kernel} | {numbers} | {batch} | {length} | {:.4} | {:.1} | {:.1} | {limit} |",
            seconds * 1e3,
            bandwidth / 1e9,
            rate / 1e9,
        );
    }
}

fn quantized(rows: usize, columns: usize) -> Quantized {
    let mut numbers = Numbers(3);
    let weights: Vec<f32> = (0..rows * columns).map(|_| numbers.unit() * 0.1).collect();
    Quantized::from_float(rows, columns, &weights)
}

fn view(weights: &Quantized) -> Int8<'_> {
    Int8 {
        rows: weights.rows,
        columns: weights.columns,
        values: &weights.values,
        scales: &weights.scales,
    }
}
