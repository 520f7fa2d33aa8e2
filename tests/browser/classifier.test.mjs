/** `Classifier` of the npm package: in a worker or not, in order, broken off, mended, disposed of. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch } from './browser.mjs';
import { madeUp } from './made-up.mjs';
import { servePackage } from './site.mjs';

const STUDENT = fileURLToPath(new URL('../../web/models/finance.glass', import.meta.url));
/** A worker that tells all progress twice: the second time before it can have heard what the first led to. */
const EAGER = `
  import '/pkg/dist/worker.js';
  const post = postMessage.bind(self);
  self.postMessage = (reply) => {
    if ('progress' in reply) post(reply);
    post(reply);
  };`;
/** How many of the next calls are to trap. */
let traps = 0;
/** Lets the held bundle go. */
let release;
let bundles;
let site;
let browser;
let page;
let complaints;

before(async () => {
  bundles = await madeUp();
  site = await servePackage({
    '/student.glass': STUDENT,
    '/teacher.glass': path.join(bundles.folder, 'teacher.glass'),
    '/slow-teacher.glass': path.join(bundles.folder, 'slow-teacher.glass'),
    '/trap.js': fileURLToPath(new URL('trap.js', import.meta.url)),
    '/trapping-worker.js': script("import '/trap.js'; import '/pkg/dist/worker.js';"),
    '/eager-worker.js': script(EAGER),
    '/set-traps': (request, response) => {
      traps = Number(request.url.split('?')[1]);
      response.end();
    },
    // Answered once it is released.
    '/held.glass': async (_, response) => {
      await new Promise((resolve) => (release = resolve));
      response.end(await readFile(STUDENT));
    },
    '/traps': (_, response) => response.end(String(traps > 0 ? traps-- : 0)),
  });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await site?.stop();
  await bundles?.remove();
});

beforeEach(async () => {
  traps = 0;
  complaints = [];
  page = await browser.newPage();
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(site.address);
  await page.evaluate(prepare);
});

afterEach(async () => {
  await page.close();
  assert.deepEqual(complaints, []);
});

function script(text) {
  return (_, response) => {
    response.setHeader('Content-Type', 'text/javascript');
    response.end(text);
  };
}

/** In the page: the package, texts of every kind, and what tells how a promise ended. */
async function prepare() {
  const stillglass = await import('/pkg/dist/index.js');
  const ending = (promise) =>
    promise.then(
      () => 'an answer',
      (error) => (error instanceof stillglass.StillglassError ? error.code : String(error)),
    );
  const { Classifier } = stillglass;
  const load = (name, options) => Classifier.load(`/${name}.glass`, options);
  const texts = ['', ' ', 'Orders grew', 'a \ud800 b \udc00', '👍🏽 שלום', 'x'.repeat(5_000), 'Shares fell 12%. '.repeat(60)];
  const long = 'Orders grew again at Calder Foods, but margins fell. '.repeat(3);
  Object.assign(globalThis, { stillglass, ending, load, texts, long });
}

/** Waits until so many workers run. */
async function workers(count) {
  for (let wait = 0; wait < 200 && page.workers().length !== count; wait++) await page.waitForTimeout(50);
  assert.equal(page.workers().length, count);
}

for (const worker of [true, false]) {
  const place = worker ? 'in a worker' : "on the page's thread";

  test(`${place}: the answers of the runtime, one by one and together, with the time they took`, async () => {
    const { alone, together, plain, ms, info, none } = await page.evaluate(async (worker) => {
      const bare = ({ ms, ...answer }) => JSON.stringify(answer);
      const clf = await globalThis.load('student', { worker });
      const model = await globalThis.stillglass.Model.load('/student.glass');
      const alone = [];
      for (const text of globalThis.texts) alone.push(await clf.classify(text, { explain: true }));
      const together = await clf.classifyAll(globalThis.texts, { explain: true, backend: 'cpu' });
      const plain = model.classifyAll(globalThis.texts, { explain: true });
      return {
        alone: alone.map(bare),
        together: together.map(bare),
        plain: plain.map(bare),
        ms: [...alone, ...together].map(({ ms }) => ms),
        info: JSON.stringify(clf.info) === JSON.stringify(model.info),
        none: await clf.classifyAll([]),
      };
    }, worker);
    assert.deepEqual(alone, plain);
    assert.deepEqual(together, plain);
    assert.ok(info);
    assert.deepEqual(none, []);
    // The clock of a page that is not isolated has steps of a tenth of a millisecond.
    for (const time of ms) assert.ok(time >= 0 && time < 60_000, String(time));
    assert.ok(ms.some((time) => time > 0), String(ms));
  });

  test(`${place}: what is no text, or too long, is refused, and the next is answered`, async () => {
    const refusals = await page.evaluate(async (worker) => {
      const clf = await globalThis.load('student', { worker });
      const refusal = (promise) => promise.then(() => 'an answer', ({ code, message }) => `${code}: ${message}`);
      return [
        await refusal(clf.classify(42)),
        await refusal(clf.classifyAll(['x', null])),
        await refusal(clf.classify('x'.repeat(1_000_001))),
        await refusal(clf.classify('x', { explain: 'integrated-gradients' })),
        await refusal(clf.classify('x'.repeat(1_000_000))),
      ];
    }, worker);
    assert.deepEqual(refusals.slice(0, 2), [
      'bad-argument: classify: want a string, found number',
      'bad-argument: classifyAll, text 1: want a string, found null',
    ]);
    assert.match(refusals[2], /^bad-argument: classify: the text has 1000001 UTF-16 units, at most 1000000 are read/);
    assert.equal(
      refusals[3],
      "bad-argument: classify: explain: 'integrated-gradients': a student has 'native' and 'occlusion'; choose one of these, or true",
    );
    assert.equal(refusals[4], 'an answer');
  });

  test(`${place}: calls are answered in order; one broken off ends at once, and the others go on`, async () => {
    const { order, endings, waited } = await page.evaluate(async (worker) => {
      const clf = await globalThis.load('teacher', { worker });
      const order = [];
      const call = (name, options) =>
        globalThis.ending(clf.classify(globalThis.long, { explain: true, backend: 'cpu', ...options })).then((ending) => {
          order.push(name);
          return ending;
        });
      const [early, midway, queued] = [1, 2, 3].map(() => new AbortController());
      early.abort('too early');
      const calls = [
        call('first'),
        call('early', { signal: early.signal }),
        call('midway', { signal: midway.signal, onProgress: ({ done }) => done >= 4 && midway.abort('enough') }),
        call('queued', { signal: queued.signal }),
        call('last'),
      ];
      const from = performance.now();
      queued.abort('not wanted');
      const notWanted = await calls[3];
      const waited = performance.now() - from;
      return { order, endings: [...(await Promise.all(calls)), notWanted], waited };
    }, worker);
    assert.deepEqual(endings, ['an answer', 'too early', 'enough', 'not wanted', 'an answer', 'not wanted']);
    assert.deepEqual([...order].sort(), ['early', 'first', 'last', 'midway', 'queued']);
    assert.deepEqual(order.filter((name) => ['first', 'midway', 'last'].includes(name)), ['first', 'midway', 'last']);
    assert.ok(waited < 500, `a queued call was given back after ${waited} ms`);
  });

  test(`${place}: what a listener throws ends its call, and no other`, async () => {
    const endings = await page.evaluate(async (worker) => {
      const clf = await globalThis.load('teacher', { worker });
      const onProgress = () => {
        throw new RangeError('mine');
      };
      const broken = clf.classify(globalThis.long, { explain: true, onProgress }).catch(({ code, message }) => `${code}: ${message}`);
      return [await broken, await globalThis.ending(clf.classify('fine'))];
    }, worker);
    assert.deepEqual(endings, ['failed: mine', 'an answer']);
  });

  test(`${place}: disposed of, calls end and memory is given back; twice is fine`, async () => {
    const endings = await page.evaluate(async (worker) => {
      const clf = await globalThis.load('slow-teacher', { worker });
      let calls;
      await new Promise((onProgress) => {
        calls = [1, 2].map(() => globalThis.ending(clf.classify(globalThis.long, { explain: true, onProgress })));
      });
      await clf.dispose();
      await clf.dispose();
      return Promise.all([...calls, globalThis.ending(clf.classify('x'))]);
    }, worker);
    assert.deepEqual(endings, ['disposed', 'disposed', 'disposed']);
    await workers(0);
  });

  test(`${place}: a runtime that traps is replaced and the call made once more`, async () => {
    const { answer, again, ending, after } = await page.evaluate(async (worker) => {
      if (!worker) await import('/trap.js');
      const clf = await globalThis.load('student', { worker: worker && '/trapping-worker.js' });
      const expected = JSON.stringify((await clf.classify('Orders grew', { explain: true })).words);
      const next = async (traps, text = 'Orders grew', options = { explain: true }) => {
        await fetch(`/set-traps?${traps}`);
        return clf.classify(text, options);
      };
      const same = async (...args) => JSON.stringify((await next(...args)).words) === expected;
      return {
        answer: await same(1),
        again: await same(1, 'Orders grew', { explain: 'native', backend: 'gpu' }),
        ending: await globalThis.ending(next(2)),
        after: await same(0),
      };
    }, worker);
    assert.deepEqual({ answer, again, ending, after }, { answer: true, again: true, ending: 'trapped', after: true });
  });
}

for (const worker of [true, false]) {
  test(`${worker ? 'in a worker' : "on the page's thread"}: replaced by another bundle it ends, and stays if that fails`, async () => {
    const asked = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    const told = await page.evaluate(async (worker) => {
      const first = await globalThis.load('student', { worker });
      const kinds = [first.info.kind];
      const held = first.memoryBytes;
      const failed = await globalThis.ending(first.replace(new TextEncoder().encode('<!doctype html>')));
      const stop = new AbortController();
      const stopped = globalThis.ending(first.replace(new Promise(() => undefined), { signal: stop.signal }));
      stop.abort('never mind');
      const still = (await first.classify('Orders grew')).label;
      const under = globalThis.ending(first.classify('Orders grew'));
      const second = await first.replace('/teacher.glass');
      kinds.push(second.info.kind, (await second.classify('Orders grew', { backend: 'cpu' })).tokens > 0);
      await first.dispose();
      const third = await second.replace('/student.glass');
      const back = (await third.classify('Orders grew')).label;
      const endings = [await globalThis.ending(first.classify('x')), await globalThis.ending(second.classify('x'))];
      await third.dispose();
      return { kinds, failed, stopped: await stopped, still, under: await under, back, endings, last: await globalThis.ending(third.classify('x')), memory: [held > 1e6, first.memoryBytes, third.memoryBytes] };
    }, worker);
    assert.deepEqual(told, {
      kinds: ['student', 'teacher', true],
      failed: 'bad-bundle',
      stopped: 'never mind',
      still: 'bullish',
      under: 'an answer',
      back: 'bullish',
      endings: ['disposed', 'disposed'],
      last: 'disposed',
      memory: [true, 0, 0],
    });
    assert.equal(asked.filter((address) => address.endsWith('worker.js')).length, worker ? 1 : 0);
    await workers(0);
  });
}

test('a replaced runtime that traps opens the bundle that took the place', async () => {
  const labels = await page.evaluate(async () => {
    const clf = await (await globalThis.load('teacher', { worker: '/trapping-worker.js' })).replace('/student.glass');
    await fetch('/set-traps?1');
    return [(await clf.classify('Orders grew', { explain: true })).label, clf.info.kind];
  });
  assert.deepEqual(labels, ['bullish', 'student']);
});

test('no progress is heard after an abort, though it was posted before', async () => {
  const { heard, ending, after } = await page.evaluate(async () => {
    const clf = await globalThis.load('teacher', { worker: '/eager-worker.js' });
    const abort = new AbortController();
    let heard = 0;
    const onProgress = () => {
      heard++;
      abort.abort('enough');
    };
    const ending = await globalThis.ending(clf.classify(globalThis.long, { explain: true, backend: 'cpu', signal: abort.signal, onProgress }));
    const after = await globalThis.ending(clf.classify('fine'));
    return { heard, ending, after };
  });
  assert.deepEqual({ heard, ending, after }, { heard: 1, ending: 'enough', after: 'an answer' });
});

test('one worker, from our own origin, until disposed of', async () => {
  await page.evaluate(async () => (globalThis.clf = await globalThis.load('student')));
  const workers = page.workers().map((worker) => worker.url());
  assert.deepEqual(workers, [`${site.address}pkg/dist/worker.js`]);
  const gone = page.workers()[0].evaluate(() => new Promise(() => {})).catch(() => 'gone');
  await page.evaluate(() => globalThis.clf[Symbol.asyncDispose]());
  assert.equal(await gone, 'gone');
});

test('the worker and its runtime load while the bundle is on its way, and go if it does not come', async () => {
  const loading = page.evaluate(async () => (await (await globalThis.load('held')).classify('Orders grew')).label);
  await workers(1);
  const started = () => page.workers()[0].evaluate(async () => (await import('/pkg/dist/index.js')).memoryBytes());
  for (let wait = 0; wait < 200 && (await started()) === 0; wait++) await page.waitForTimeout(50);
  assert.ok((await started()) > 0, 'the runtime has started');
  release();
  assert.equal(await loading, 'bullish');
  assert.equal(await page.evaluate(() => globalThis.ending(globalThis.load('absent'))), 'fetch-failed');
  await workers(1);
});

test('a bundle is fetched ahead, with progress, and opened more than once; the runtime is compiled once', async () => {
  const asked = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  const { labels, heard, size } = await page.evaluate(async () => {
    const { Classifier, compile, fetchBundle } = globalThis.stillglass;
    const heard = [];
    const [wasm, again] = await Promise.all([compile(), compile()]);
    if (wasm !== again) throw new Error('compiled twice');
    const fetching = fetchBundle('/student.glass', { onProgress: ({ loaded }) => heard.push(loaded) });
    const classifiers = await Promise.all([Classifier.load(fetching), Classifier.load(await fetching, { worker: false }), Classifier.load(fetching, { wasm })]);
    const answers = await Promise.all(classifiers.map((clf) => clf.classify('Orders grew')));
    return { labels: answers.map(({ label }) => label), heard, size: (await fetching).size };
  });
  assert.deepEqual(labels, ['bullish', 'bullish', 'bullish']);
  assert.equal(size, (await readFile(STUDENT)).length);
  assert.equal(heard.at(-1), size);
  const times = (suffix) => asked.filter((address) => address.endsWith(suffix)).length;
  assert.deepEqual([times('student.glass'), times('.wasm')], [1, 1]);
});

test('options and sources that are none are refused before anything is begun or lost', async () => {
  const found = await page.evaluate(async () => {
    const { Classifier, Model, start } = globalThis.stillglass;
    const outcome = (promise) => promise.then(() => 'fine', ({ code, message }) => `${code}: ${message}`);
    const clf = await Classifier.load('/student.glass');
    const refused = [
      await outcome(clf.replace('/student.glass', { backend: 'cuda' })),
      await outcome(clf.replace(Promise.reject(new Error('lost')), { signal: {} })),
      await outcome(Classifier.load(Promise.reject(new Error('lost')), { backend: 'cuda' })),
      await outcome(Classifier.load('/student.glass', { signal: {} })),
      await outcome(Classifier.load('/student.glass', { onProgress: 5 })),
      await outcome(Classifier.load('/student.glass', null)),
      await outcome(Classifier.load('/student.glass', { integrity: 5 })),
      await outcome(Classifier.load({})),
      await outcome(Classifier.load('')),
      await outcome(clf.classify('x', { signal: 5 })),
      await outcome(clf.classifyAll(['x'], { onProgress: 'x' })),
    ];
    await start();
    const bytes = new Uint8Array(await (await fetch('/student.glass')).arrayBuffer());
    const made = (make) => outcome(Promise.resolve().then(make));
    refused.push(await made(() => new Model(bytes, 5)), await made(() => new Model('bytes')));
    const fine = [
      await outcome(clf.classify('x')),
      await made(() => new Model(bytes).free()),
      // One buffer, opened three times at once.
      ...(await Promise.all([1, 2, 3].map(() => outcome(Model.open(bytes.buffer))))),
    ];
    await clf.dispose();
    return { refused, fine };
  });
  for (const refused of found.refused) assert.match(refused, /^bad-argument: .*want /);
  assert.deepEqual(new Set(found.fine), new Set(['fine']));
});

test('`stillglass/client` answers the same, without the runtime\u2019s script on the page', async () => {
  const fresh = await browser.newPage();
  await fresh.goto(site.address);
  const glue = await fresh.evaluate(async () => {
    globalThis.client = await import('/pkg/dist/client.js');
    const scripts = performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('.js'));
    const texts = await Promise.all(scripts.map(async ({ name }) => (await fetch(name)).text()));
    return texts.map((text) => text.includes('__wbg_'));
  });
  assert.ok(glue.length >= 1 && !glue.includes(true), glue.join());
  const { words, refused } = await fresh.evaluate(async () => {
    const { Classifier } = globalThis.client;
    const clf = await Classifier.load('/student.glass');
    const refused = await Classifier.load('/student.glass', { worker: false }).catch(({ code }) => code);
    return { words: JSON.stringify((await clf.classify('Orders grew', { explain: true })).words), refused };
  });
  const whole = await page.evaluate(async () => JSON.stringify((await (await globalThis.load('student')).classify('Orders grew', { explain: true })).words));
  assert.equal(words, whole);
  assert.equal(refused, 'bad-argument');
  await fresh.close();
});

test('what cannot be loaded says why, and what to do', async () => {
  const failures = await page.evaluate(async () => {
    const { Classifier } = globalThis.stillglass;
    const failure = (...load) => Classifier.load(...load).then(() => 'loaded', ({ code, message }) => `${code}: ${message}`);
    const abort = new AbortController();
    const aborted = globalThis.ending(globalThis.load('teacher', { signal: abort.signal }));
    abort.abort('never mind');
    return [
      await failure('/absent.glass'),
      await failure('/student.glass', { worker: '/absent.js' }),
      await failure('/student.glass', { wasm: '/absent.wasm' }),
      await failure('/student.glass', { wasm: '/student.glass' }),
      await failure(new TextEncoder().encode('<!doctype html>')),
      await aborted,
    ];
  });
  assert.match(failures[0], /^fetch-failed: the server answered 404 for .*absent\.glass/);
  assert.match(failures[1], /^worker-failed: the worker did not load.*worker: false/);
  assert.match(failures[2], /^runtime-failed: the runtime: the server answered 404/);
  assert.match(failures[3], /^runtime-failed: the runtime's file is damaged/);
  assert.match(failures[4], /^bad-bundle: .*web page/);
  assert.equal(failures[5], 'never mind');
});

test('the runtime is taken from an address, a response, bytes or a compiled module', async () => {
  const labels = await page.evaluate(async () => {
    const address = '/pkg/dist/stillglass_bg.wasm';
    const bytes = await (await fetch(address)).arrayBuffer();
    const sources = [
      address,
      new URL(address, location.href),
      await fetch(address),
      bytes,
      new Uint8Array(bytes),
      await WebAssembly.compile(bytes),
    ];
    const labels = [];
    for (const wasm of sources) {
      const clf = await globalThis.load('student', { wasm });
      labels.push((await clf.classify('Orders grew')).label);
      await clf.dispose();
    }
    return labels;
  });
  assert.equal(labels.length, 6);
  assert.equal(new Set(labels).size, 1);
});
