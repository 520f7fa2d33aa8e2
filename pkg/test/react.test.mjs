/** The hooks, driven by hooks of our own: React itself is no dependency, and only its order of calls counts here. */

import assert from 'node:assert/strict';
import { register } from 'node:module';
import { test } from 'node:test';

/** Stands for `react` in what is imported from here on. */
const REACT = `
  const react = () => globalThis.imitatedReact;
  export const useState = (first) => react().useState(first);
  export const useEffect = (effect, parts) => react().useEffect(effect, parts);
`;
const RESOLVE = `
  const url = ${JSON.stringify(`data:text/javascript,${encodeURIComponent(REACT)}`)};
  export const resolve = (name, context, next) => (name === 'react' ? { url, shortCircuit: true } : next(name, context));
`;
register(`data:text/javascript,${encodeURIComponent(RESOLVE)}`);
const { useClassification } = await import('../dist/react.js');

/** A component of one state and one effect: what its hook gives for each row of arguments. */
function component(hook) {
  let state;
  let effect = {};
  const useState = (first) => [(state ??= first), (next) => (state = next)];
  const useEffect = (run, parts) => {
    if (effect.parts?.every((part, at) => Object.is(part, parts[at]))) return;
    effect.end?.();
    effect = { parts, end: run() };
  };
  return (...args) => {
    globalThis.imitatedReact = { useState, useEffect };
    return hook(...args);
  };
}

/** A classifier that answers with its own name. */
const classifier = (label) => ({ classify: async () => ({ label }) });
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('an answer is pending until it is of this text, by this classifier, with these options', async () => {
  const render = component(useClassification);
  const [one, two] = [classifier('one'), classifier('two')];
  assert.equal(render(undefined, 'up').pending, true);
  for (const args of [[one, 'up'], [one, 'down'], [two, 'down'], [two, 'down', { explain: true }], [two, 'down', { explain: true, backend: 'cpu' }]]) {
    assert.equal(render(...args).pending, true, JSON.stringify(args));
    await settled();
    const { answer, pending } = render(...args);
    assert.deepEqual([answer.label, pending], [args[0] === one ? 'one' : 'two', false]);
  }
  assert.equal(render(undefined, 'down', { explain: true, backend: 'cpu' }).pending, true);
});

test('a pair is asked about again when its texts are others, not when it is another list of the same', async () => {
  const render = component(useClassification);
  const asked = [];
  const pairs = { classify: async (text) => asked.push(text) && { label: 'one' } };
  for (const text of [['a', 'b'], ['a', 'b'], ['a', 'c'], '["a","c"]']) {
    render(pairs, text);
    await settled();
    assert.equal(render(pairs, text).pending, false);
  }
  assert.deepEqual(asked, [['a', 'b'], ['a', 'c'], '["a","c"]']);
});

test('what fails is not pending any more, and says why', async () => {
  const render = component(useClassification);
  const failing = { classify: async () => Promise.reject(new Error('no')) };
  render(failing, 'up');
  await settled();
  const { answer, error, pending } = render(failing, 'up');
  assert.deepEqual([answer, error.message, pending], [undefined, 'no', false]);
});
