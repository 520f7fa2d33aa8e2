import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reason, ReasonOptions, ReasonToken, Word } from 'stillglass/client';
import { isCopied, lookedAt, Reasons, tokensOf, type State } from '../src/reason.ts';

function token(text: string, attention: number[] = [], copied = 0): ReasonToken {
  return { text, probability: 0.5, copied, attention };
}

/** Stands in for a model: keeps what it is asked, and writes when told to. */
function made() {
  const asks: ({ text: string; resolve: (reason: Reason) => void; reject: (error: unknown) => void } & ReasonOptions)[] = [];
  const states: State['at'][] = [];
  const reasons = new Reasons(
    (text, options) =>
      new Promise((resolve, reject) => {
        asks.push({ text, resolve, reject, ...options });
        options.signal?.addEventListener('abort', () => reject(options.signal?.reason));
      }),
    ({ at }) => states.push(at),
  );
  return { reasons, asks, states };
}

const WRITTEN: Reason = { label: 'yes', text: 'so it is', tokens: ['so', ' it', ' is'].map((text) => token(text)) };
const texts = (state: State) => tokensOf(state).map(({ text }) => text);

test('tokens are there as they come, then the whole reason, once for a text', async () => {
  const { reasons, asks, states } = made();
  const writing = reasons.write('a');
  asks[0]!.onToken!(token('so'));
  assert.deepEqual(texts(reasons.state), ['so']);
  asks[0]!.onToken!(token(' it'));
  asks[0]!.resolve(WRITTEN);
  await writing;
  assert.deepEqual([reasons.state, states], [{ at: 'done', text: 'a', reason: WRITTEN }, ['writing', 'writing', 'writing', 'done']]);
  await reasons.write('a');
  assert.equal(asks.length, 1, 'another class is no other text');
});

test('a newer text breaks off what is written; what was written stays, out of date, until the next begins', async () => {
  const { reasons, asks } = made();
  const first = reasons.write('a');
  asks[0]!.onToken!(token('so'));
  reasons.turnTo('a');
  assert.equal(asks[0]!.signal!.aborted, false);
  reasons.turnTo('b');
  assert.equal(asks[0]!.signal!.aborted, true);
  await first;
  asks[0]!.onToken!(token(' late'));
  assert.deepEqual([reasons.state.at, texts(reasons.state)], ['stale', ['so']]);
  const second = reasons.write('b');
  assert.deepEqual(texts(reasons.state), []);
  asks[1]!.resolve(WRITTEN);
  await second;
  assert.equal(reasons.state.at, 'done');
  // The same text once more, after another was typed.
  reasons.turnTo('c');
  void reasons.write('b');
  assert.equal(asks.length, 3);
});

test('asked about two texts in a row, only the last is told', async () => {
  const { reasons, asks } = made();
  const both = [reasons.write('a'), reasons.write('b')];
  assert.equal(asks[0]!.signal!.aborted, true);
  asks[1]!.resolve(WRITTEN);
  await Promise.all(both);
  assert.deepEqual(reasons.state, { at: 'done', text: 'b', reason: WRITTEN });
});

test('what fails says so, and no answer means no reason', async () => {
  const { reasons, asks } = made();
  const error = new Error('no');
  const writing = reasons.write('a');
  asks[0]!.reject(error);
  await writing;
  assert.deepEqual(reasons.state, { at: 'failed', text: 'a', error });
  void reasons.write('b');
  reasons.clear();
  assert.equal(asks[1]!.signal!.aborted, true);
  assert.deepEqual(reasons.state, { at: 'nothing' });
  reasons.turnTo('c');
  assert.deepEqual(reasons.state, { at: 'nothing' }, 'nothing to be out of date');
});

test('where a token looked is told in words: the strongest three, with their text if there are two', () => {
  const word = (text: string, half?: 1): Word => ({ text, start: 0, end: 1, ...(half && { half }), weights: {} });
  const words = [word('a'), word('man'), word('asleep', 1), word('now', 1), word('not', 1)];
  const looking = token('sleeping', [0.01, 0.12, 0.6, 0.06, 0.2]);
  assert.equal(lookedAt(looking, words, ['Premise', 'Hypothesis']), '“asleep” 60%, hypothesis; “not” 20%, hypothesis; “man” 12%, premise');
  assert.equal(lookedAt(looking, words, undefined), '“asleep” 60%; “not” 20%; “man” 12%');
  assert.equal(lookedAt(token('so', [0.01, 0.02]), words, undefined), 'nothing in particular');
  assert.equal(lookedAt(token('so'), [], undefined), 'nothing in particular');
});

test('a token counts as copied from a half on', () => {
  assert.deepEqual([0, 0.49, 0.5, 1].map((copied) => isCopied(token('a', [], copied))), [false, false, true, true]);
});
