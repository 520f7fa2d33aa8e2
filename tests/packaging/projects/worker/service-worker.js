/** Classifies for its pages, on its own thread: a service worker starts no workers. */

import { Classifier } from '/stillglass/index.js';

let loading;

addEventListener('message', (event) => event.waitUntil(answer(event)));

async function answer({ data, source }) {
  loading ??= Classifier.load('/finance.glass');
  const { label, words } = await (await loading).classify(data, { explain: true });
  source.postMessage({ label, words: words.map(({ text }) => text) });
}
