/** What a server may do with the package: import all of it, and load files. */

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';

const BUNDLE = new URL('../../web/models/finance.glass', import.meta.url);
const manifest = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));

test('importing sets no global, fetches nothing and compiles nothing', async () => {
  const before = Object.getOwnPropertyNames(globalThis);
  const refused = (name) => () => assert.fail(`${name} was called by an import`);
  const { fetch, WebAssembly: wasm } = globalThis;
  Object.assign(globalThis, { fetch: refused('fetch'), WebAssembly: new Proxy({}, { get: refused('WebAssembly') }) });
  try {
    for (const entry of ['index', 'client', 'inline', 'element', 'metrics', 'pipeline']) await import(`../dist/${entry}.js`);
  } finally {
    Object.assign(globalThis, { fetch, WebAssembly: wasm });
  }
  assert.deepEqual(Object.getOwnPropertyNames(globalThis), before);
});

test('files are read by address, by path and from the hand; what is not there says so', async () => {
  const { Classifier } = await import('../dist/node.js');
  const labels = [];
  for (const source of [BUNDLE, BUNDLE.href, BUNDLE.pathname, await readFile(BUNDLE), new Blob([await readFile(BUNDLE)])]) {
    const clf = await Classifier.load(source);
    labels.push((await clf.classify('Northwind raises its profit outlook')).label);
    await clf.dispose();
  }
  assert.deepEqual(labels, new Array(5).fill('bullish'));
  await assert.rejects(Classifier.load('/absent.glass'), { code: 'fetch-failed', message: /absent.glass could not be read/ });
  await assert.rejects(Classifier.load(BUNDLE, { worker: true }), { code: 'worker-failed', message: /worker: false/ });
});

test('a way of explaining that the model has not is refused with those it has', async () => {
  const { Classifier, Model, start } = await import('../dist/node.js');
  const clf = await Classifier.load(BUNDLE);
  await start();
  const model = new Model(await readFile(BUNDLE));
  const asked = { explain: 'integrated-gradients' };
  for (const [call, place] of [
    [() => clf.classify('x', asked), 'classify'],
    [() => clf.classifyAll(['x'], asked), 'classifyAll'],
    [() => model.run(['x'], asked), 'run'],
  ]) {
    const message = `${place}: explain: 'integrated-gradients': a student has 'native' and 'occlusion'; choose one of these, or true`;
    await assert.rejects(call, { code: 'bad-argument', message });
  }
  await assert.rejects(clf.classify('x', { explain: 'ig' }), { code: 'bad-argument', message: /'ig': a student has/ });
  for (const explain of [true, ...clf.info.methods]) assert.ok((await clf.classify('up', { explain })).words.length > 0);
  model.free();
  await clf.dispose();
});

test('a text of more than `LONGEST_TEXT` units is refused, by either entry', async () => {
  const { Classifier, LONGEST_TEXT } = await import('../dist/node.js');
  assert.equal((await import('../dist/client.js')).LONGEST_TEXT, LONGEST_TEXT);
  const clf = await Classifier.load(BUNDLE);
  await assert.rejects(clf.classify('x'.repeat(LONGEST_TEXT + 1)), { code: 'bad-argument' });
  assert.ok((await clf.classify('x'.repeat(LONGEST_TEXT))).label);
  await clf.dispose();
});

test('a pair is no text for a model of single ones, and it gives no reasons', async () => {
  const { Classifier } = await import('../dist/node.js');
  const clf = await Classifier.load(BUNDLE);
  assert.deepEqual([clf.info.pairs, clf.info.reasons], [false, false]);
  const refused = 'want a string, found an array; this model reads single texts: give classifyAll many, or a pair to a model of pairs';
  await assert.rejects(clf.classify(['a', 'b']), { code: 'bad-argument', message: `classify: ${refused}` });
  await assert.rejects(clf.classifyAll(['a', ['a', 'b']]), { code: 'bad-argument', message: `classifyAll, text 1: ${refused}` });
  await assert.rejects(clf.reason('a'), { code: 'bad-argument', message: /gives no reasons in words \(info\.reasons\)/ });
  await clf.dispose();
});

test('pairs are joined in one way, and come apart where they were', async () => {
  const { halves, joined } = await import('../dist/client.js');
  assert.equal(joined(['one\u001ftwo', 'three\u001f']), 'one two\u001fthree ');
  for (const pair of [['a', 'b'], ['', ''], ['a', '']]) assert.deepEqual(halves(joined(pair)), pair);
  assert.deepEqual([halves('alone'), halves('a\u001fb\u001fc')], [['alone', ''], ['a', 'b\u001fc']]);
});

test('disposed of while another bundle opens, both models are freed', async () => {
  const { Classifier, Model } = await import('../dist/node.js');
  const freed = new Set();
  const { free } = Model.prototype;
  Model.prototype.free = function () {
    freed.add(this);
    free.call(this);
  };
  try {
    const clf = await Classifier.load(BUNDLE);
    const bytes = await readFile(BUNDLE);
    const blob = new Blob([bytes]);
    blob.arrayBuffer = async () => {
      await clf.dispose();
      return new Uint8Array(bytes).buffer;
    };
    await assert.rejects(clf.replace(blob), { code: 'disposed' });
    assert.equal(freed.size, 2);
  } finally {
    Model.prototype.free = free;
  }
});

test('every entry has types, no dependency is brought along, and `types` comes first', async () => {
  assert.equal(manifest.dependencies, undefined);
  const dist = new Set(await readdir(new URL('../dist/', import.meta.url)));
  for (const [name, target] of Object.entries(manifest.exports)) {
    if (typeof target === 'string') continue;
    assert.equal(Object.keys(target)[0], 'types', name);
    for (const file of Object.values(target)) assert.ok(dist.has(file.replace('./dist/', '')), file);
  }
});
