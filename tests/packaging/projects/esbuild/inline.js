/** The variant with the runtime inside, as a classic script: nothing else to serve. */

import { Classifier } from 'stillglass/inline';

Classifier.load('/finance.glass')
  .then((clf) => clf.classify('Northwind raises its profit outlook', { explain: true }))
  .then(({ label, words }) => (globalThis.result = { label, words: words.map(({ text }) => text) }));
