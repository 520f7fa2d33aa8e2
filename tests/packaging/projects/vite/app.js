/** The README's quick start, and what the test wants to know of it. */

import { Classifier } from 'stillglass';

const clf = await Classifier.load('/finance.glass', { backend: 'auto', onProgress: () => {} });
const { label, words } = await clf.classify('Northwind raises its profit outlook', { explain: true });
globalThis.result = { label, words: words.map(({ text }) => text) };
