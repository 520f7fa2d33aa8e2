/** Every way of having no GPU, and of losing one: the call settles soon, with the CPU's answer and the reason. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SOON, TOO_SLOW, alike, imitatedGpu } from './imitated.mjs';

/** A trained teacher to try beside the made-up one, if one is named. */
const REAL = process.env.STILLGLASS_TEACHER;
/** What a word may weigh differently, in logits: the CPU rounds activations at every layer and node. */
const WEIGHT = 5e-3;
/** Completeness error that is good enough, and as much again. */
const NEAR = 0.1;

const imitated = imitatedGpu({ files: REAL === undefined ? {} : { '/real-teacher.glass': REAL } });

/** In the page: a model's answers by the CPU, asked for the GPU. */
async function both(name) {
  const model = await globalThis.load(name);
  const cpu = await globalThis.timed(model, { explain: true, backend: 'cpu' });
  const gpu = await globalThis.timed(model, { explain: true, backend: 'gpu' });
  return { cpu, gpu };
}

/** The CPU's bits, its name, a reason, and in time. */
function answeredByCpu({ cpu, gpu }, reason) {
  assert.ok(gpu.ms < cpu.ms * 2 + SOON, `${Math.round(gpu.ms)} ms, the CPU alone ${Math.round(cpu.ms)} ms`);
  gpu.answers.forEach((answer, at) => {
    assert.equal(answer.backend, 'cpu');
    assert.match(answer.reason, reason);
    const { reason: _, ...rest } = answer;
    assert.deepEqual(rest, cpu.answers[at]);
  });
}

const STUBS = [
  [
    'no navigator.gpu',
    () => Object.defineProperty(Navigator.prototype, 'gpu', { value: undefined, configurable: true }),
    /^no WebGPU here/,
  ],
  ['requestAdapter gives null', () => (GPU.prototype.requestAdapter = async () => null), /^no WebGPU here/],
  [
    'requestAdapter rejects',
    () => (GPU.prototype.requestAdapter = () => Promise.reject(new Error('blocked'))),
    /^no WebGPU here: .*blocked/,
  ],
  ['requestAdapter throws', () => (GPU.prototype.requestAdapter = () => { throw new Error('broken'); }), /broken/],
  ['requestAdapter never answers', () => (GPU.prototype.requestAdapter = () => new Promise(() => undefined)), /did not answer/],
  [
    'requestDevice rejects',
    () => (GPUAdapter.prototype.requestDevice = () => Promise.reject(new DOMException('no room', 'OperationError'))),
    /^the GPU gave no device: .*no room/,
  ],
  [
    'requestDevice never answers',
    () => (GPUAdapter.prototype.requestDevice = () => new Promise(() => undefined)),
    /did not answer/,
  ],
  [
    'requestDevice gives a device that is lost',
    () => {
      const request = GPUAdapter.prototype.requestDevice;
      GPUAdapter.prototype.requestDevice = async function (...args) {
        const device = await request.apply(this, args);
        device.destroy();
        return device;
      };
    },
    /./,
  ],
  [
    'a pipeline fails',
    () => {
      GPUDevice.prototype.createComputePipeline = () => { throw new TypeError('no pipeline'); };
      GPUDevice.prototype.createComputePipelineAsync = () => Promise.reject(new TypeError('no pipeline'));
    },
    /no pipeline/,
  ],
  ['mapping fails', () => (GPUBuffer.prototype.mapAsync = () => Promise.reject(new Error('no map'))), /./],
];

for (const [name, stub, reason] of STUBS) {
  test(`${name}: the CPU answers for both models`, { timeout: 300_000 }, async () => {
    const page = await imitated.open(stub);
    for (const model of ['student', 'teacher']) answeredByCpu(await page.evaluate(both, model), reason);
  });
}

test('there is no memory left: the CPU answers', { timeout: 300_000 }, async () => {
  const page = await imitated.open(() => {
    const { submit } = GPUQueue.prototype;
    GPUQueue.prototype.submit = function (...args) {
      const error = new GPUOutOfMemoryError('none left');
      globalThis.devices.at(-1).dispatchEvent(new GPUUncapturedErrorEvent('uncapturederror', { error }));
      return submit.apply(this, args);
    };
  });
  answeredByCpu(await page.evaluate(both, 'student'), /^the GPU is out of memory: none left$/);
});

/** A word's weights, as close as two kinds of arithmetic can be. */
function weighAlike(found, wanted) {
  if (found.explanation.nodes !== wanted.explanation.nodes) {
    // Rounding decides where the error is near what is good enough; then both must be.
    const errors = [found, wanted].map(({ explanation }) => explanation.completeness);
    assert.ok(errors.every((error) => error < NEAR), errors.join());
    return;
  }
  found.words.forEach((word, at) => {
    for (const [label, weight] of Object.entries(wanted.words[at].weights)) {
      const apart = Math.abs(word.weights[label] - weight);
      assert.ok(apart <= WEIGHT, `word ${at}, ${label}: ${word.weights[label]}, not ${weight}`);
    }
  });
}

for (const name of ['student', 'teacher', ...(REAL === undefined ? [] : ['real-teacher'])]) {
  test(`a ${name} answers and explains on the GPU as on the CPU, and no reason is given`, { timeout: 300_000 }, async (context) => {
    const page = await imitated.open();
    const { cpu, gpu } = await page.evaluate(both, name);
    if (/did not answer/.test(gpu.answers[0].reason)) return context.skip(`${TOO_SLOW}: ${gpu.answers[0].reason}`);
    context.diagnostic(`GPU ${Math.round(gpu.ms)} ms, CPU ${Math.round(cpu.ms)} ms`);
    gpu.answers.forEach((answer, at) => {
      assert.deepEqual([answer.backend, answer.reason], ['gpu', undefined]);
      alike(answer, cpu.answers[at]);
      assert.equal(answer.explanation.method, cpu.answers[at].explanation.method);
      weighAlike(answer, cpu.answers[at]);
    });
  });
}

test('auto refuses a GPU that the CPU imitates', { timeout: 300_000 }, async () => {
  const page = await imitated.open();
  const answers = await page.evaluate(async () => {
    const model = await globalThis.load('teacher');
    return model.run(new Array(40).fill(globalThis.texts).flat(), { backend: 'auto' });
  });
  assert.ok(answers.every(({ backend }) => backend === 'cpu'));
  // A busy machine may be too slow to say even what it has.
  assert.match(answers.at(-1).reason, /^(the only GPU is software|the GPU did not answer)/);
});

test('a GPU that falls silent in mid-call is given up', { timeout: 300_000 }, async () => {
  const page = await imitated.open(() => {
    const { mapAsync } = GPUBuffer.prototype;
    GPUBuffer.prototype.mapAsync = function (...args) {
      return globalThis.silent ? new Promise(() => undefined) : mapAsync.apply(this, args);
    };
  });
  const { before, ...found } = await page.evaluate(async () => {
    const model = await globalThis.load('student');
    const [{ backend }] = await model.run(['x'], { backend: 'gpu' });
    const cpu = await globalThis.timed(model, { explain: true, backend: 'cpu' });
    globalThis.silent = true;
    const gpu = await globalThis.timed(model, { explain: true, backend: 'gpu' });
    return { before: backend, cpu, gpu };
  });
  assert.equal(before, 'gpu');
  answeredByCpu(found, /did not answer/);
});

for (const name of ['student', 'teacher']) {
  test(`a ${name}'s device destroyed before, during and after a call: the same labels, in time`, { timeout: 600_000 }, async (context) => {
    const page = await imitated.open();
    const found = await page.evaluate(async (name) => {
      const texts = name === 'student' ? new Array(4).fill(globalThis.texts).flat() : globalThis.texts.slice(0, 2);
      const reference = await globalThis.load(name);
      const cpu = await globalThis.timed(reference, { explain: true, backend: 'cpu' }, texts);
      const lost = [];
      // Milliseconds into the call; the first is before it does anything.
      // A teacher's shaders take the imitated GPU half a minute to compile.
      for (const delay of name === 'student' ? [0, 1, 5, 20, 60, 150, 400] : [0, 20, 150]) {
        const model = await globalThis.load(name);
        const [{ backend: before }] = await model.run(['x'], { backend: 'gpu' });
        const device = globalThis.devices.at(-1);
        const call = globalThis.timed(model, { explain: true, backend: 'gpu' }, texts);
        const from = performance.now();
        if (delay === 0) device?.destroy();
        else setTimeout(() => device?.destroy(), delay);
        const { answers } = await call;
        lost.push({ delay, before, answers, ms: performance.now() - from - delay });
        model.free();
      }
      return { cpu, lost };
    }, name);
    for (const { delay, answers, ms } of found.lost) {
      assert.ok(ms < found.cpu.ms * 2 + SOON, `after ${delay} ms: ${Math.round(ms)} ms, the CPU ${Math.round(found.cpu.ms)} ms`);
      answers.forEach((answer, at) => alike(answer, found.cpu.answers[at]));
      for (const answer of answers) assert.equal(answer.reason !== undefined, answer.backend === 'cpu', `after ${delay} ms`);
    }
    if (found.lost.every(({ before }) => before !== 'gpu')) return context.skip(TOO_SLOW);
    const fell = ({ before, answers }) => before === 'gpu' && answers.some(({ backend }) => backend === 'cpu');
    assert.ok(found.lost.some(fell), 'one was lost in mid-call');
  });
}

test('after a loss the GPU is tried again, later', { timeout: 300_000 }, async () => {
  const page = await imitated.open();
  const backends = await page.evaluate(async () => {
    const model = await globalThis.load('student');
    const ask = async () => (await model.run(['x'], { backend: 'gpu' }))[0].backend;
    const backends = [await ask()];
    globalThis.devices.at(-1).destroy();
    backends.push(await ask(), await ask());
    await new Promise((resolve) => setTimeout(resolve, 5_500));
    backends.push(await ask());
    return backends;
  });
  assert.deepEqual(backends, ['gpu', 'cpu', 'cpu', 'gpu']);
});
