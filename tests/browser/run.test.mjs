/** `Model.run` of the npm package: the same answers, in its own time, broken off at any moment. */

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch } from './browser.mjs';
import { madeUp } from './made-up.mjs';
import { servePackage } from './site.mjs';

const STUDENT = fileURLToPath(new URL('../../web/models/finance.glass', import.meta.url));

let bundles;
let site;
let browser;
let page;

before(async () => {
  bundles = await madeUp();
  site = await servePackage({ '/student.glass': STUDENT, '/teacher.glass': path.join(bundles.folder, 'slow-teacher.glass') });
  browser = await launch();
  page = await browser.newPage();
  await page.goto(site.address);
  await page.evaluate(prepare);
});

after(async () => {
  await browser?.close();
  await site?.stop();
  await bundles?.remove();
});

/** In the page: both models, some texts, and what tells how a promise ended. */
async function prepare() {
  const { Model } = await import('/pkg/dist/index.js');
  const long = 'Orders grew again at Calder Foods, but margins fell. '.repeat(3);
  Object.assign(globalThis, {
    load: (name) => Model.load(`/${name}.glass`),
    texts: ['', 'Orders grew', 'x', 'Shares fell 12% and the dividend is cut. '.repeat(40), 'שלום 👍🏽'],
    long,
    ending: (promise) =>
      promise.then(
        () => 'an answer',
        (error) => (error instanceof Error ? `${error.name} ${error.code}` : String(error)),
      ),
  });
}

test('a student answers as it does at once, and can be explained by occlusion too', async () => {
  const { run, once, methods, occluded } = await page.evaluate(async () => {
    const model = await globalThis.load('student');
    const [first] = await model.run(['Orders grew but margins fell'], { explain: 'occlusion' });
    return {
      run: JSON.stringify(await model.run(globalThis.texts, { explain: true, backend: 'cpu' })),
      once: JSON.stringify(model.classifyAll(globalThis.texts, { explain: true })),
      methods: model.info.methods,
      occluded: first,
    };
  });
  assert.equal(run, once);
  assert.deepEqual(methods, ['native', 'occlusion']);
  assert.equal(occluded.explanation.method, 'occlusion');
  assert.equal(occluded.words.length, 5);
});

test('a teacher says what it is, answers as it does at once, and accounts for its answer', async () => {
  const { info, run, once, explained, heard } = await page.evaluate(async () => {
    const model = await globalThis.load('teacher');
    const heard = [];
    const onProgress = (progress) => heard.push(progress);
    const [explained] = await model.run(['orders grew but margins fell'], { explain: true, onProgress });
    const { info } = model;
    return {
      info,
      heard,
      explained,
      run: JSON.stringify(await model.run(globalThis.texts, { backend: 'cpu' })),
      once: JSON.stringify(model.classifyAll(globalThis.texts)),
    };
  });
  assert.equal(run, once);
  assert.equal(info.kind, 'teacher');
  assert.deepEqual(info.methods, ['integrated-gradients', 'occlusion']);
  assert.equal(info.architecture.layers, 6);
  const { method, nodes, completeness, remainder } = explained.explanation;
  assert.equal(method, 'integrated-gradients');
  assert.ok([4, 8, 16, 32, 64].includes(nodes));
  assert.ok(completeness < 0.05 || nodes === 64, `${completeness} at ${nodes}`);
  const mean = explained.logits.reduce((sum, logit) => sum + logit) / 3;
  info.labels.forEach((label, at) => {
    const words = explained.words.reduce((sum, word) => sum + word.weights[label], 0);
    const sum = words + explained.bias[label] + remainder[label];
    assert.ok(Math.abs(sum - (explained.logits[at] - mean)) < 1e-4, `${label}: ${sum}`);
  });
  assert.ok(heard.length >= 2);
  heard.forEach(({ done, total }, at) => {
    assert.ok(done <= total);
    if (at > 0) assert.ok(done >= heard[at - 1].done);
  });
});

test('a signal breaks a call off with its reason, before, during and between; the next call works', async () => {
  const { endings, waited, next } = await page.evaluate(async () => {
    const model = await globalThis.load('teacher');
    const run = (signal, onProgress) => globalThis.ending(model.run([globalThis.long], { explain: true, signal, onProgress }));
    const early = new AbortController();
    early.abort('too early');
    const midway = new AbortController();
    let from;
    const during = await run(midway.signal, ({ done }) => {
      if (done < 4) return;
      from ??= performance.now();
      midway.abort('enough');
    });
    const waited = performance.now() - from;
    const timed = new AbortController();
    setTimeout(() => timed.abort('time is up'), 50);
    const endings = [await run(early.signal), during, await run(timed.signal)];
    const unnamed = new AbortController();
    const last = run(unnamed.signal);
    unnamed.abort();
    endings.push(await last);
    return { endings, waited, next: await globalThis.ending(model.run(['fine'])) };
  });
  assert.deepEqual(endings, ['too early', 'enough', 'time is up', 'AbortError 20']);
  assert.ok(waited < 2_000, `broken off after ${waited} ms`);
  assert.equal(next, 'an answer');
});

/** In the page: how long a thread's other tasks wait while a teacher explains. */
async function turnsMeanwhile() {
  const model = await globalThis.load('teacher');
  let ended = false;
  let longest = 0;
  let turns = 0;
  const from = performance.now();
  let last = from;
  const tick = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    turns++;
    if (!ended) setTimeout(tick);
  };
  tick();
  // Some seconds on any machine: the thread is given up some times a second, however much is done meanwhile.
  await model.run(new Array(10).fill(globalThis.long), { explain: true, backend: 'cpu' });
  ended = true;
  model.free();
  return { longest, total: performance.now() - from, turns };
}

test('the thread stays free while a teacher explains', async () => {
  // A busy machine holds a thread up now and then; a call that never rests holds it up always.
  const tries = [];
  for (let tried = 0; tried < 3; tried++) {
    const { longest, total, turns } = await page.evaluate(turnsMeanwhile);
    tries.push(`${turns} turns in ${Math.round(total)} ms, the longest of ${Math.round(longest)} ms`);
    if (turns > 10 && longest < total / 4) return;
  }
  assert.fail(tries.join('; '));
});

test('freed while calls are under way, each ends, and the memory is used again', async () => {
  const { endings, memory, after } = await page.evaluate(async () => {
    const { memoryBytes } = await import('/pkg/dist/index.js');
    const bytes = new Uint8Array(await (await fetch('/teacher.glass')).arrayBuffer());
    const { Model } = await import('/pkg/dist/index.js');
    const round = async () => {
      const model = new Model(bytes);
      const calls = [1, 2, 3].map(() => globalThis.ending(model.run([globalThis.long], { explain: true })));
      await new Promise((resolve) => setTimeout(resolve, 30));
      model.free();
      calls.push(globalThis.ending(model.run(['x'])));
      return Promise.all(calls);
    };
    const endings = await round();
    await round();
    const memory = memoryBytes();
    for (let time = 0; time < 10; time++) await round();
    return { endings, memory, after: memoryBytes() };
  });
  assert.deepEqual(endings, new Array(4).fill('StillglassError freed'));
  assert.equal(after, memory);
});

test('what a listener throws ends its call, and no other', async () => {
  const endings = await page.evaluate(async () => {
    const model = await globalThis.load('teacher');
    const broken = model.run([globalThis.long], {
      explain: true,
      onProgress: () => {
        throw new RangeError('mine');
      },
    });
    const fine = model.run(['orders grew'], { explain: true });
    const message = await broken.then(
      () => 'an answer',
      (error) => `${error.code}: ${error.message}`,
    );
    return [message, await globalThis.ending(fine)];
  });
  assert.deepEqual(endings, ['failed: mine', 'an answer']);
});

test('a damaged bundle is refused, and whole, whoever computes its hash', async () => {
  const found = await page.evaluate(async () => {
    const { Model, start } = await import('/pkg/dist/index.js');
    await start();
    const whole = new Uint8Array(await (await fetch('/student.glass')).arrayBuffer());
    const damaged = whole.slice();
    damaged[damaged.length / 2 | 0] ^= 1;
    const outcome = async (bytes) => {
      const before = bytes.slice();
      const ending = await Model.open(bytes.buffer).then((model) => model.free() ?? 'open', ({ code, message }) => `${code}: ${message}`);
      return [ending, bytes.every((byte, at) => byte === before[at])];
    };
    const found = [await outcome(whole), await outcome(damaged)];
    // What an insecure page has.
    Object.defineProperty(crypto, 'subtle', { value: undefined, configurable: true });
    found.push(await outcome(whole), await outcome(damaged));
    delete crypto.subtle;
    return found;
  });
  const [byBrowser, damaged, byRuntime, again] = found;
  assert.deepEqual([byBrowser, byRuntime], [['open', true], ['open', true]]);
  assert.match(damaged[0], /^bad-bundle: .*sha256 is [0-9a-f]{64}, the manifest says [0-9a-f]{64}/);
  assert.deepEqual(again, damaged);
});

test('what cannot be run is refused with a reason', async () => {
  const refusals = await page.evaluate(async () => {
    const [student, teacher] = [await globalThis.load('student'), await globalThis.load('teacher')];
    const refusal = (promise) =>
      promise.then(
        () => 'an answer',
        ({ name, code, message }) => `${name} ${code}: ${message}`,
      );
    return Promise.all([
      refusal(student.run('no array')),
      refusal(student.run(['x', 42])),
      refusal(student.run(['x'], { explain: 'integrated-gradients' })),
      refusal(teacher.run(['x'], { explain: 'native' })),
      refusal(student.run(['x'], { explain: 'magic' })),
      refusal(student.run(['x'], { backend: 'abacus' })),
    ]);
  });
  assert.match(refusals[0], /^StillglassError bad-argument: run: want an array of strings, found string$/);
  assert.match(refusals[1], /^StillglassError bad-argument: run, text 1: want a string, found number$/);
  for (const refused of refusals.slice(2)) assert.match(refused, /^StillglassError bad-argument: run: .*(choose one of these|want )/);
});
