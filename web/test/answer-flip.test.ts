import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Classification, Word } from 'stillglass';
import { EXACT, MOST, proof, smallestFlip, turn, type Outcome } from '../src/answer/flip.ts';

/** A text of `n` words, `a b c …`, with the weights that a model claims for them. */
function wordsOf(weights: readonly number[]): { text: string; words: Word[] } {
  const names = weights.map((_, at) => `w${at}`);
  let start = 0;
  const words = weights.map((weight, at): Word => {
    const text = names[at]!;
    const word = { text, start, end: start + text.length, weights: { up: weight, down: -weight } };
    start += text.length + 1;
    return word;
  });
  return { text: names.join(' '), words };
}

/** A model that adds up what `score` says of the words that are there. */
function model(score: (there: Set<number>) => number): (text: string) => Classification {
  return (text) => {
    const there = new Set([...text.matchAll(/w(\d+)/g)].map(([, at]) => Number(at)));
    const up = 1 / (1 + Math.exp(-score(there)));
    return { label: up >= 0.5 ? 'up' : 'down', scores: { up, down: 1 - up }, logits: [], tokens: there.size, backend: 'cpu' };
  };
}

async function search(weights: readonly number[], classify: (text: string) => Classification, stop = new AbortController()): Promise<Outcome & { calls: number[] }> {
  const { text, words } = wordsOf(weights);
  const calls: number[] = [];
  const ask = async (texts: string[]) => {
    calls.push(texts.length);
    return texts.map(classify);
  };
  return { ...(await smallestFlip({ text, words, before: classify(text), ask, signal: stop.signal })), calls };
}

/** Every set of places below `n`, the smaller ones first. */
function subsets(n: number): number[][] {
  const all = Array.from({ length: 2 ** n }, (_, bits) => Array.from({ length: n }, (_, at) => at).filter((at) => (bits >> at) & 1));
  return all.sort((a, b) => a.length - b.length);
}

/** Numbers between −1 and 1 that look random. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 1073741824 - 1;
  };
}

test('the size is that of brute force, and the label turns', async () => {
  let [exact, greedy, none] = [0, 0, 0];
  for (let seed = 1; seed <= 300; seed++) {
    const next = generator(seed);
    const n = 1 + (seed % 8);
    const weights = Array.from({ length: n }, next);
    const pairs = weights.map(() => weights.map(next));
    // Words that work together, so that the weights alone do not tell; and a start of either sign.
    const start = 0.8 * next();
    const score = (there: Set<number>) => {
      const list = [...there];
      return start + list.reduce((sum, a) => sum + weights[a]! + list.reduce((more, b) => more + 0.3 * (a < b ? pairs[a]![b]! : 0), 0), 0);
    };
    const classify = model(score);
    const { text, words } = wordsOf(weights);
    const before = classify(text);
    const whole = words.map((_, at) => at);
    const turns = (set: number[]) => classify(whole.filter((at) => !set.includes(at)).map((at) => `w${at}`).join(' ')).label !== before.label;
    const smallest = subsets(n).find(turns);
    const { flip } = await search(weights, classify);
    if (smallest === undefined) {
      none++;
      assert.equal(flip, undefined, `seed ${seed}`);
    } else if (smallest.length <= EXACT.length) {
      exact++;
      assert.equal(flip?.how, 'exact', `seed ${seed}`);
      assert.equal(flip?.words.length, smallest.length, `seed ${seed}`);
      assert.ok(turns(flip!.words), `seed ${seed}`);
    } else if (flip !== undefined) {
      greedy++;
      assert.equal(flip.how, 'greedy');
      assert.ok(turns(flip.words), `seed ${seed}`);
      for (const back of flip.words) assert.ok(!turns(flip.words.filter((word) => word !== back)), `seed ${seed}: ${back} need not be out`);
    }
  }
  assert.ok(exact > 100 && none > 20 && greedy > 3, `${exact} exact, ${greedy} greedy, ${none} none`);
});

test('of several sets of one size it takes the one that leaves the label least', async () => {
  const weights = [1, 3, 2, -2];
  const { flip } = await search(weights, model((there) => [...there].reduce((sum, at) => sum + weights[at]!, -1.5)));
  assert.deepEqual(flip?.words, [1]);
  assert.equal(flip?.after.label, 'down');
});

test('what was tried is told, and no more is claimed', async () => {
  const sum = (weights: number[], start: number) => model((there) => [...there].reduce((total, at) => total + weights[at]!, start));
  const equal = (n: number) => new Array<number>(n).fill(1);

  const single = await search([3, 1], sum([3, 1], -2));
  assert.equal(proof(single), 'No smaller set can do that.');
  const pair = await search(equal(4), sum(equal(4), -2.5));
  assert.equal(proof(pair), 'It is the smallest: every single word was tried.');
  const three = await search(equal(50), sum(equal(50), -47.5));
  assert.deepEqual([three.flip?.words.length, three.covered], [3, [50, 40]]);
  assert.equal(proof(three), 'No smaller set was found: every single word and every pair among the 40 words that speak most for it were tried.');
  const five = await search(equal(8), sum(equal(8), -3.5));
  assert.deepEqual([five.flip?.words.length, five.flip?.how], [5, 'greedy']);
  assert.equal(
    proof(five),
    'It was found word by word, not by trying every set: none of its 5 words can be put back, but a smaller set may exist. ' +
      'Every single word, every pair and every three were tried.',
  );
  const never = await search(equal(3), sum(equal(3), 1));
  assert.equal(proof(never), 'No set of its words turns the label: every single word, every pair and every three were tried.');
  const stubborn = await search(equal(5), sum(equal(5), 1));
  assert.match(proof(stubborn), /^No set of words was found that turns the label\. Every single word, .* one after the other, .*, not even when none was left\.$/);
  const long = await search(equal(60), sum(equal(60), 1));
  assert.match(proof(long), /and the search ended with 20 of 60 left\.$/);
  assert.match(proof(await search([], sum([], 1))), /no word/);
});

test('the search is bounded, in small calls', async () => {
  const weights = new Array<number>(420).fill(1);
  const { tried, calls } = await search(weights, model((there) => there.size + 1));
  assert.equal(tried, 400 + (40 * 39) / 2 + (18 * 17 * 16) / 6 + 40 * 24);
  assert.ok(Math.max(...calls) <= 64 && tried < MOST);
  // All of them turn the label together only: found at the last step, and nothing can be put back.
  const hard = await search(new Array<number>(40).fill(1), model((there) => there.size - 0.5));
  assert.deepEqual([hard.flip?.words.length, hard.tried < MOST], [40, true]);
});

test('it stops when told to', async () => {
  const stop = new AbortController();
  const classify = model(() => 1);
  let calls = 0;
  const counted = (text: string) => {
    if (++calls === 70) stop.abort(new Error('enough'));
    return classify(text);
  };
  await assert.rejects(search(new Array<number>(100).fill(1), counted, stop), { message: 'enough' });
  assert.ok(calls < 200);
});

test('the turn is told with both labels and what they had', () => {
  const of = (up: number): Classification => ({ label: up > 0.5 ? 'up' : 'down', scores: { up, down: 1 - up }, logits: [], tokens: 1, backend: 'cpu' });
  assert.equal(turn(of(0.75), of(0.25)), 'the label turns from up (75%) to down (75%).');
});
