/** The shape of transformers.js's pipeline, on the committed spam model. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { pipeline } from '../dist/pipeline-node.js';

const BUNDLE = fileURLToPath(new URL('../../web/models/spam.glass', import.meta.url));
const SPAM = 'You have WON a guaranteed £500 voucher! Text CLAIM to 80000 now';
const steps = [];
let classify;

before(async () => {
  classify = await pipeline('text-classification', BUNDLE, { device: 'wasm', progress_callback: ({ status }) => steps.push(status) });
});

after(() => classify.dispose());

test('one text or several, the best class or more', async () => {
  const [one] = await classify(SPAM);
  assert.equal(one.label, 'spam');
  assert.ok(one.score > 0.5 && one.score <= 1);
  assert.deepEqual(await classify([SPAM, 'See you at eight']), [one, (await classify('See you at eight'))[0]]);
  const both = await classify(SPAM, { top_k: 2 });
  assert.deepEqual(both.map(({ label }) => label), ['spam', 'ham']);
  assert.ok(Math.abs(both[0].score + both[1].score - 1) < 1e-6);
  assert.deepEqual(await classify([SPAM], { top_k: null }), [both]);
});

test('it tells how far it is, and refuses other tasks', async () => {
  assert.deepEqual([steps[0], ...steps.slice(-2)], ['initiate', 'done', 'ready']);
  await assert.rejects(pipeline('fill-mask', BUNDLE), { code: 'bad-argument', message: /found "fill-mask"/ });
});

test('the classifier underneath explains', async () => {
  const { words } = await classify.classifier.classify(SPAM, { explain: true });
  assert.ok(words.some(({ text }) => text === 'WON'));
});
