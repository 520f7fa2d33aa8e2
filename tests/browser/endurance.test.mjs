import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch } from './browser.mjs';
import { bundleBytes, exampleText, visiting, write } from './page.mjs';
import { servePackage } from './site.mjs';

const CALLS = 10_000;
/** What a heap may differ by without anything having been kept: far under a byte per call and word. */
const SLACK = 256 * 1024;

const visits = visiting();
let browser;
let site;

before(async () => {
  [browser, site] = await Promise.all([launch(), servePackage()]);
});
after(async () => {
  await browser?.close();
  await site?.stop();
});

/** Bytes of live JavaScript objects, after collection. */
async function liveHeap(devtools) {
  for (let round = 0; round < 3; round++) await devtools.send('HeapProfiler.collectGarbage');
  return (await devtools.send('Runtime.getHeapUsage')).usedSize;
}

async function openPackage() {
  const page = await browser.newPage();
  await page.goto(site.address);
  const bytes = [...(await bundleBytes('finance'))];
  await page.evaluate(async (bundle) => {
    globalThis.stillglass = await import('/pkg/dist/index.js');
    await globalThis.stillglass.start();
    globalThis.bundle = new Uint8Array(bundle);
  }, bytes);
  return page;
}

/** In the page: classifies texts of many lengths and returns the WebAssembly memory held afterwards. */
function classifyMany([from, count]) {
  const words = ['Shares', 'of', 'Calder', 'fell', '12', '%', 'grew', '👍🏽', 'שלום', 'record', ',', 'x'.repeat(120)];
  for (let call = from; call < from + count; call++) {
    const text = Array.from({ length: call % 200 === 0 ? 300 : (call * 37) % 31 }, (_, at) => words[(call + at * 7) % words.length]).join(' ');
    const { words: explained } = globalThis.model.classify(text, { explain: call % 2 === 0 });
    if ((explained === undefined) === (call % 2 === 0)) throw new Error('explained when not asked, or the reverse');
  }
  return globalThis.stillglass.memoryBytes();
}

test(`${CALLS} calls leave WebAssembly memory and JavaScript heap as they were`, async (t) => {
  const page = await openPackage();
  const devtools = await page.context().newCDPSession(page);
  await page.evaluate(() => {
    globalThis.model = new globalThis.stillglass.Model(globalThis.bundle);
  });
  const memory = await page.evaluate(classifyMany, [0, 500]);
  const heap = await liveHeap(devtools);
  const memoryAfter = await page.evaluate(classifyMany, [500, CALLS]);
  const heapAfter = await liveHeap(devtools);
  t.diagnostic(`WebAssembly ${memory} → ${memoryAfter} bytes, heap ${heap} → ${heapAfter} bytes`);
  assert.equal(memoryAfter, memory);
  assert.ok(heapAfter - heap < SLACK, `heap grew by ${heapAfter - heap} bytes`);
});

test('models made and freed 200 times give their memory back', async () => {
  const page = await openPackage();
  const remake = (times) =>
    page.evaluate((count) => {
      for (let time = 0; time < count; time++) {
        const model = new globalThis.stillglass.Model(globalThis.bundle);
        model.classify('Orders grew', { explain: true });
        model.free();
      }
      return globalThis.stillglass.memoryBytes();
    }, times);
  const few = await remake(5);
  assert.equal(await remake(200), few);
});

test('a freed model, a bad bundle and one before start say what they are', async () => {
  const page = await openPackage();
  const outcome = await page.evaluate(() => {
    const { Model, StillglassError } = globalThis.stillglass;
    const code = (attempt) => {
      try {
        attempt();
      } catch (error) {
        return error instanceof StillglassError ? error.code : String(error);
      }
      return 'nothing thrown';
    };
    const model = new Model(globalThis.bundle);
    model.free();
    model.free();
    return [code(() => model.classify('x')), code(() => new Model(new Uint8Array(10)))];
  });
  assert.deepEqual(outcome, ['freed', 'bad-bundle']);
  const early = await browser.newPage();
  await early.goto(site.address);
  const code = await early.evaluate(async () => {
    const { Model } = await import('/pkg/dist/index.js');
    try {
      new Model(new Uint8Array(10));
    } catch (error) {
      return error.code;
    }
    return 'nothing thrown';
  });
  assert.equal(code, 'not-started');
});

test('what is no text is refused, and the model answers on', async () => {
  const page = await openPackage();
  const outcome = await page.evaluate(() => {
    const { Model, StillglassError } = globalThis.stillglass;
    const model = new Model(globalThis.bundle);
    const refusal = (attempt) => {
      try {
        attempt();
      } catch (error) {
        return error instanceof StillglassError && error.code === 'bad-argument' ? error.message : String(error);
      }
      return 'nothing thrown';
    };
    const noText = [42, undefined, null, [], {}, new String('x')];
    const noTexts = ['Orders grew', undefined, 3, { length: 1, 0: 'x' }, ['x', 42], [, 'x']];
    return {
      single: noText.map((text) => refusal(() => model.classify(text))),
      batch: noTexts.map((texts) => refusal(() => model.classifyAll(texts, { explain: true }))),
      label: model.classify('Orders grew').label,
      none: model.classifyAll([]),
    };
  });
  for (const message of outcome.single) assert.match(message, /^classify: want a string, found (number|undefined|null|an array; this model reads single texts: .*|object)$/);
  for (const message of outcome.batch) assert.match(message, /^classifyAll(, text \d)?: want (a string|an array of strings), found /);
  assert.equal(outcome.batch[4], 'classifyAll, text 1: want a string, found number');
  assert.equal(typeof outcome.label, 'string');
  assert.deepEqual(outcome.none, []);
});

test('a batch answers as its texts do one by one', async () => {
  const page = await openPackage();
  const [batch, single] = await page.evaluate(() => {
    const model = new globalThis.stillglass.Model(globalThis.bundle);
    const texts = ['', 'Orders grew', 'x', 'Shares fell 12% and the dividend is cut. '.repeat(40), 'שלום 👍🏽'];
    const all = model.classifyAll(texts, { explain: true });
    return [JSON.stringify(all), JSON.stringify(texts.map((text) => model.classify(text, { explain: true })))];
  });
  assert.equal(batch, single);
});

test('500 edits leave the page with as many nodes and listeners as before', async (t) => {
  const { page, context } = await visits.open();
  const devtools = await context.newCDPSession(page);
  await devtools.send('Performance.enable');
  const edit = async (count) => {
    await page.evaluate(async (edits) => {
      const area = document.querySelector('#text');
      for (let edit = 0; edit < edits; edit++) {
        area.value = `Orders grew ${edit} percent `.repeat(1 + (edit % 6));
        area.dispatchEvent(new Event('input'));
        await new Promise(requestAnimationFrame);
      }
    }, count);
    await write(page, exampleText('Mixed quarter'));
    await liveHeap(devtools);
    const { metrics } = await devtools.send('Performance.getMetrics');
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  };
  const before = await edit(50);
  const after = await edit(500);
  t.diagnostic(`nodes ${before.Nodes} → ${after.Nodes}, listeners ${before.JSEventListeners} → ${after.JSEventListeners}`);
  assert.ok(after.Nodes <= before.Nodes + 200);
  assert.ok(after.JSEventListeners <= before.JSEventListeners + 5);
});
