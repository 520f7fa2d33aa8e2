/** Every way of having no GPU, and of losing one: the call settles soon, with the CPU's answer and the reason. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FULL } from '../browser.mjs';
import { TOO_SLOW, alike, imitatedGpu, inTime } from '../imitated.mjs';

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

/** The CPU's bits, its name, a reason, and in time; `ask` gives both answers. */
async function answeredByCpu(ask, reason) {
  const { cpu, ...gpu } = await inTime(async () => {
    const { cpu, gpu } = await ask();
    return { ...gpu, cpu };
  });
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
    for (const model of ['student', 'teacher']) await answeredByCpu(() => page.evaluate(both, model), reason);
  });
}

test('there is no memory left: the CPU answers', { timeout: 300_000 }, async (context) => {
  const page = await imitated.open(() => {
    const { submit } = GPUQueue.prototype;
    GPUQueue.prototype.submit = function (...args) {
      const error = new GPUOutOfMemoryError('none left');
      globalThis.devices.at(-1).dispatchEvent(new GPUUncapturedErrorEvent('uncapturederror', { error }));
      return submit.apply(this, args);
    };
  });
  const found = await page.evaluate(both, 'student');
  const [{ reason }] = found.gpu.answers;
  if (/did not answer/.test(reason)) return context.skip(`${TOO_SLOW}: ${reason}`);
  await answeredByCpu(async () => found, /^the GPU is out of memory: none left$/);
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

test('auto measures a GPU once, remembers it, and takes what is faster', { timeout: 300_000 }, async (context) => {
  // The same imitation, under the name of a card that would be worth asking.
  const page = await imitated.open(() => {
    Object.defineProperty(GPUAdapter.prototype, 'info', { get: () => ({ vendor: 'made-up', device: 'card' }) });
    Object.defineProperty(GPUAdapter.prototype, 'isFallbackAdapter', { get: () => false });
  });
  const found = await page.evaluate(async () => {
    const many = new Array(400).fill(globalThis.texts).flat();
    const ask = async (model) => {
      const dispatch = GPUComputePassEncoder.prototype.dispatchWorkgroups;
      let dispatches = 0;
      GPUComputePassEncoder.prototype.dispatchWorkgroups = function (...groups) {
        dispatches++;
        return dispatch.apply(this, groups);
      };
      const answers = await model.run(many, { backend: 'auto' });
      GPUComputePassEncoder.prototype.dispatchWorkgroups = dispatch;
      return { answers, dispatches, timing: model.timing };
    };
    const model = await globalThis.load('student');
    const [first, second] = [await ask(model), await ask(model)];
    const told = await globalThis.load('student');
    // Whoever is told that the GPU is slow does not even ask for it.
    told.timing = { device: 'made-up card', cpu: { call: 0, token: 1e-6 }, gpu: { call: 1e3, token: 1 } };
    return { first, second, told: await ask(told), cpu: await model.run(many, { backend: 'cpu' }) };
  });
  const { first, second, told, cpu } = found;
  if (/did not answer/.test(first.answers[0].reason)) return context.skip(`${TOO_SLOW}: ${first.answers[0].reason}`);
  assert.equal(first.timing.device, 'made-up card');
  for (const cost of [first.timing.cpu, first.timing.gpu]) {
    assert.ok(cost.call >= 0 && cost.token >= 0 && cost.call + cost.token > 0, JSON.stringify(first.timing));
  }
  assert.ok(first.dispatches > 0, 'it was measured');
  assert.deepEqual(second.timing, first.timing, 'and not again');
  const tokens = first.answers.reduce((sum, answer) => sum + answer.tokens + 2, 0);
  const takes = ({ call, token }) => call + token * tokens;
  const faster = takes(first.timing.gpu) < 0.8 * takes(first.timing.cpu) ? 'gpu' : 'cpu';
  for (const { answers } of [first, second]) {
    answers.forEach((answer, at) => {
      assert.deepEqual([answer.backend, answer.reason], [faster, undefined]);
      alike(answer, cpu[at]);
    });
  }
  assert.deepEqual([told.dispatches, told.answers[0].backend], [0, 'cpu']);
});

test('a GPU that falls silent in mid-call is given up', { timeout: 300_000 }, async () => {
  const page = await imitated.open(() => {
    const { mapAsync } = GPUBuffer.prototype;
    GPUBuffer.prototype.mapAsync = function (...args) {
      return globalThis.silent ? new Promise(() => undefined) : mapAsync.apply(this, args);
    };
  });
  const ask = async () => {
    const { before, ...found } = await page.evaluate(async () => {
      globalThis.silent = false;
      const model = await globalThis.load('student');
      const [{ backend }] = await model.run(['x'], { backend: 'gpu' });
      const cpu = await globalThis.timed(model, { explain: true, backend: 'cpu' });
      globalThis.silent = true;
      const gpu = await globalThis.timed(model, { explain: true, backend: 'gpu' });
      return { before: backend, cpu, gpu };
    });
    assert.equal(before, 'gpu');
    return found;
  };
  await answeredByCpu(ask, /did not answer/);
});

for (const name of ['student', 'teacher']) {
  test(`a ${name}'s device destroyed before, during and after a call: the same labels, in time`, { timeout: 600_000 }, async (context) => {
    const page = await imitated.open();
    const cpu = await page.evaluate(async (name) => {
      globalThis.some = name === 'student' ? new Array(4).fill(globalThis.texts).flat() : globalThis.texts.slice(0, 2);
      return globalThis.timed(await globalThis.load(name), { explain: true, backend: 'cpu' }, globalThis.some);
    }, name);
    const lose = async (delay) => ({ ...(await page.evaluate(loseAfter, [name, delay])), cpu });
    const lost = [];
    // Milliseconds into the call; the first is before it does anything.
    // A teacher's shaders take the imitated GPU many seconds to compile, each time.
    for (const delay of name === 'student' ? [0, 1, 5, 20, 60, 150, 400] : FULL ? [0, 20, 150] : [0, 100]) {
      const { before, answers } = await inTime(() => lose(delay), `after ${delay} ms`);
      answers.forEach((answer, at) => alike(answer, cpu.answers[at]));
      for (const answer of answers) assert.equal(answer.reason !== undefined, answer.backend === 'cpu', `after ${delay} ms`);
      lost.push({ before, fell: before === 'gpu' && answers.some(({ backend }) => backend === 'cpu') });
    }
    if (lost.every(({ before }) => before !== 'gpu')) return context.skip(TOO_SLOW);
    assert.ok(lost.some(({ fell }) => fell), 'one was lost in mid-call');
  });
}

/** In the page: a call of a model on the GPU, whose device is destroyed so many milliseconds into it. */
async function loseAfter([name, delay]) {
  const model = await globalThis.load(name);
  const [{ backend: before }] = await model.run(['x'], { backend: 'gpu' });
  const device = globalThis.devices.at(-1);
  const call = globalThis.timed(model, { explain: true, backend: 'gpu' }, globalThis.some);
  const from = performance.now();
  if (delay === 0) device?.destroy();
  else setTimeout(() => device?.destroy(), delay);
  const { answers } = await call;
  model.free();
  return { before, answers, ms: performance.now() - from - delay };
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
