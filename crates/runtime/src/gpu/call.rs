//! One call: kernels recorded in order, one submission, one readback.

use stillglass_device::{Buffer, Dispatch, Use};
use stillglass_kernels::shader::{Params, Shader};

use super::device::{Variant, lock};
use super::memory::Store;
use super::weights::{MOST_BYTES, float_bytes};
use super::{Error, Gpu};

/// Bytes between the parameters of two kernels: what every device can address.
const SLOT: u64 = 256;

/// Workgroups that every device takes in one direction of the grid; no call has more tokens or texts.
pub(super) const MOST_ROWS: usize = 65535;

/// Rows of numbers on the device, borrowed from its store until the call is done.
#[derive(Clone, Debug)]
pub struct Matrix {
    pub(super) buffer: Buffer,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// Where the texts of a call begin.
#[derive(Clone, Debug)]
pub struct Texts {
    pub(super) offsets: Buffer,
    pub(super) count: usize,
    pub(super) tokens: usize,
    pub(super) longest: usize,
}

/// Kernels in the order they will run.
pub struct Call<'a> {
    pub(super) gpu: &'a Gpu,
    dispatches: Vec<Dispatch>,
    parameters: Vec<u8>,
    uniform: Buffer,
    borrowed: Vec<Buffer>,
    /// Of the borrowed, those that later kernels of this call may overwrite.
    free: Store,
    trouble: Result<(), Error>,
}

impl Gpu {
    /// Begins a call of at most `kernels` kernels.
    pub fn call(&self, kernels: usize) -> Call<'_> {
        let bytes = SLOT * kernels.max(1) as u64;
        Call {
            gpu: self,
            dispatches: Vec::new(),
            parameters: Vec::new(),
            uniform: lock(&self.store).take(&self.device, Use::Uniform, bytes),
            borrowed: Vec::new(),
            free: Store::default(),
            trouble: Ok(()),
        }
    }
}

impl Call<'_> {
    /// Room for a matrix; kernels fill it.
    pub fn matrix(&mut self, rows: usize, columns: usize) -> Matrix {
        let found = rows * columns * 4;
        if found > MOST_BYTES {
            self.refuse(Error::TooLarge {
                what: "a matrix's bytes",
                found,
                most: MOST_BYTES,
            });
            return Matrix {
                buffer: self.borrow(4),
                rows: 0,
                columns,
            };
        }
        let size = Store::size(found as u64);
        let free = self.free.find(Use::Storage, size);
        let buffer = free.unwrap_or_else(|| self.borrow(found));
        Matrix {
            buffer,
            rows,
            columns,
        }
    }

    /// A matrix that no later kernel of this call reads: another may have its place.
    pub fn free(&mut self, matrix: Matrix) {
        self.free.give(Use::Storage, matrix.buffer);
    }

    /// A matrix with these numbers.
    pub fn upload(&mut self, values: &[f32], columns: usize) -> Matrix {
        let buffer = self.bytes(&float_bytes(values));
        Matrix {
            buffer,
            rows: values.len() / columns.max(1),
            columns,
        }
    }

    /// A buffer with these bytes: never a freed one, for uploads happen before the first kernel runs.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Buffer {
        let found = bytes.len();
        if found > MOST_BYTES {
            self.refuse(Error::TooLarge {
                what: "a matrix's bytes",
                found,
                most: MOST_BYTES,
            });
            return self.borrow(4);
        }
        let buffer = self.borrow(found);
        self.gpu.device.write(&buffer, bytes);
        buffer
    }

    /// Integers, such as token ids.
    pub(super) fn integers(&mut self, values: &[u32]) -> Buffer {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.bytes(&bytes)
    }

    /// Where texts of these lengths begin.
    pub fn texts(&mut self, lengths: &[usize]) -> Texts {
        let tokens: usize = lengths.iter().sum();
        for (what, found) in [
            ("tokens in a call", tokens),
            ("texts in a call", lengths.len()),
        ] {
            if found > MOST_ROWS {
                self.refuse(Error::TooLarge {
                    what,
                    found,
                    most: MOST_ROWS,
                });
            }
        }
        let mut offsets = vec![0];
        for &length in lengths {
            offsets.push(offsets[offsets.len() - 1] + length as u32);
        }
        Texts {
            offsets: self.integers(&offsets),
            count: lengths.len(),
            tokens,
            longest: lengths.iter().copied().max().unwrap_or(0),
        }
    }

    fn refuse(&mut self, error: Error) {
        if self.trouble.is_ok() {
            self.trouble = Err(error);
        }
    }

    fn borrow(&mut self, bytes: usize) -> Buffer {
        let buffer = lock(&self.gpu.store).take(&self.gpu.device, Use::Storage, bytes as u64);
        self.borrowed.push(buffer.clone());
        buffer
    }

    /// Records a kernel; `buffers` follow the parameters in the shader's order. An empty grid is nothing.
    pub(super) fn dispatch(
        &mut self,
        (shader, variant): (Shader, Variant),
        params: &impl Params,
        buffers: &[&Buffer],
        grid: [usize; 3],
    ) {
        if self.trouble.is_err() || grid.contains(&0) {
            return;
        }
        if let Some(&found) = grid.iter().find(|&&size| size > MOST_ROWS) {
            return self.refuse(Error::TooLarge {
                what: "workgroups",
                found,
                most: MOST_ROWS,
            });
        }
        let pipeline = self.gpu.pipeline(shader, variant);
        let bytes = params.bytes();
        let place = (
            &self.uniform,
            self.parameters.len() as u64,
            bytes.len() as u64,
        );
        let bindings = self.gpu.device.bind(&pipeline, place, buffers);
        self.parameters.extend(bytes);
        self.parameters
            .resize(self.parameters.len().next_multiple_of(SLOT as usize), 0);
        debug_assert!(
            self.parameters.len() as u64 <= self.uniform.size(),
            "too many kernels for the call"
        );
        self.dispatches.push(Dispatch {
            pipeline,
            bindings,
            grid: grid.map(|size| size as u32),
        });
    }

    /// Runs what was recorded and answers a matrix's numbers.
    pub async fn read(self, matrix: &Matrix) -> Result<Vec<f32>, Error> {
        self.read_all(&[matrix]).await.map(|mut all| all.remove(0))
    }

    /// Runs what was recorded and answers the numbers of some matrices, in one readback.
    pub async fn read_all(self, matrices: &[&Matrix]) -> Result<Vec<Vec<f32>>, Error> {
        self.trouble.clone()?;
        self.gpu.check()?;
        let counts: Vec<usize> = matrices.iter().map(|m| m.rows * m.columns).collect();
        let size = counts.iter().sum::<usize>() as u64 * 4;
        if size == 0 {
            self.give_back(None);
            return Ok(vec![Vec::new(); counts.len()]);
        }
        let readback = lock(&self.gpu.store).take(&self.gpu.device, Use::Readback, size);
        let Gpu { device, .. } = self.gpu;
        device.write(&self.uniform, &self.parameters);
        let pairs = matrices.iter().zip(&counts);
        let copies: Vec<(&Buffer, u64)> = pairs
            .map(|(matrix, &count)| (&matrix.buffer, count as u64 * 4))
            .collect();
        device.submit(&self.dispatches, &copies, &readback);
        self.gpu.count(self.dispatches.len());
        let mut values = device.read(&readback, size as usize / 4).await?.into_iter();
        let all = counts
            .iter()
            .map(|&count| values.by_ref().take(count).collect())
            .collect();
        self.give_back(Some(readback));
        Ok(all)
    }

    /// The call is done: what it borrowed is free for the next.
    fn give_back(self, readback: Option<Buffer>) {
        let mut store = lock(&self.gpu.store);
        for buffer in self.borrowed {
            store.give(Use::Storage, buffer);
        }
        store.give(Use::Uniform, self.uniform);
        if let Some(readback) = readback {
            store.give(Use::Readback, readback);
        }
    }
}
