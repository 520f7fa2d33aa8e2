/** Every way of having no GPU, and of losing one: the call settles soon, with the CPU's answer and the reason. */

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch, SOFTWARE_GPU } from './browser.mjs';
import { madeUp } from './made-up.mjs';
import { servePackage } from './site.mjs';

const STUDENT = fileURLToPath(new URL('../../web/models/finance.glass', import.meta.url));
/** What a call may take beyond what the CPU takes for it, in milliseconds. */
const SOON = 2_000;
/** What a probability may differ by between GPU and CPU. */
const PROBABILITY = 1e-3;

let bundles;
let site;
let browser;
let page;

before(async () => {
  bundles = await madeUp();
  site = await servePackage({ '/student.glass': STUDENT, '/teacher.glass': path.join(bundles.folder, 'teacher.glass') });
  browser = await launch(SOFTWARE_GPU);
});

afterEach(() => page?.close());

after(async () => {
  await browser?.close();
  await site?.stop();
  await bundles?.remove();
});

/** Opens the package's page; `stub` runs in it before anything else. */
async function open(stub = () => undefined) {
  page = await browser.newPage();
  await page.addInitScript(stub);
  await page.goto(site.address);
  await page.evaluate(prepare);
  return page;
}

/** In the page: what tests share. */
async function prepare() {
  const { Model } = await import('/pkg/dist/index.js');
  Object.assign(globalThis, {
    load: (name) => Model.load(`/${name}.glass`),
    texts: ['orders grew but margins fell', 'x', 'the stock rose and fell and rose'],
    // An answer with the time it took.
    timed: async (model, options, texts = globalThis.texts) => {
      const from = performance.now();
      const answers = await model.run(texts, options);
      return { answers, ms: performance.now() - from };
    },
  });
}

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

/** The same labels, and probabilities as close as two kinds of arithmetic can be. */
function alike(found, wanted) {
  assert.equal(found.label, wanted.label);
  for (const [label, score] of Object.entries(wanted.scores)) {
    assert.ok(Math.abs(found.scores[label] - score) <= PROBABILITY, `${label}: ${found.scores[label]}, not ${score}`);
  }
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
    await open(stub);
    for (const model of ['student', 'teacher']) answeredByCpu(await page.evaluate(both, model), reason);
  });
}

/** Said aloud where a busy machine is too slow for the GPU that it imitates. */
const TOO_SLOW = 'SKIPPED: the software GPU was not ready in time';

for (const name of ['student', 'teacher']) {
  test(`a ${name} answers on the GPU as on the CPU, and no reason is given`, { timeout: 300_000 }, async (context) => {
    await open();
    const { cpu, gpu } = await page.evaluate(both, name);
    if (/did not answer/.test(gpu.answers[0].reason)) return context.skip(TOO_SLOW);
    gpu.answers.forEach((answer, at) => {
      assert.deepEqual([answer.backend, answer.reason], ['gpu', undefined]);
      alike(answer, cpu.answers[at]);
      assert.equal(answer.explanation.method, cpu.answers[at].explanation.method);
    });
  });
}

test('auto refuses a GPU that the CPU imitates', { timeout: 300_000 }, async () => {
  await open();
  const answers = await page.evaluate(async () => {
    const model = await globalThis.load('teacher');
    return model.run(new Array(40).fill(globalThis.texts).flat(), { backend: 'auto' });
  });
  assert.ok(answers.every(({ backend }) => backend === 'cpu'));
  // A busy machine may be too slow to say even what it has.
  assert.match(answers.at(-1).reason, /^(the only GPU is software|the GPU did not answer)/);
});

test('a GPU that falls silent in mid-call is given up', { timeout: 300_000 }, async () => {
  await open(() => {
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

/** In the page: a device that can be taken away. */
function keepDevices() {
  globalThis.devices = [];
  const request = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (...args) {
    const device = await request.apply(this, args);
    globalThis.devices.push(device);
    return device;
  };
}

for (const name of ['student', 'teacher']) {
  test(`a ${name}'s device destroyed before, during and after a call: the same labels, in time`, { timeout: 600_000 }, async (context) => {
    await open(keepDevices);
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
  await open(keepDevices);
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
