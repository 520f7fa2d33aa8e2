/** Node: a file by its address and by its path, on this thread, and the other entries. */

import { Classifier, StillglassError, supported } from 'stillglass';
import { Classifier as Inline } from 'stillglass/inline';
import { comprehensiveness } from 'stillglass/metrics';
import { pipeline } from 'stillglass/pipeline';
import 'stillglass/element';

const [, , bundle] = process.argv;
const text = 'Northwind raises its profit outlook';
const clf = await Classifier.load(new URL(`file://${bundle}`), { integrity: process.env.INTEGRITY });
const { label, words } = await clf.classify(text, { explain: true });
const inline = await Inline.load(bundle);
const classify = await pipeline('text-classification', bundle);
const absent = await Classifier.load('/absent.glass').catch((error) => error instanceof StillglassError && error.code);
const result = {
  label,
  words: words.map(({ text }) => text),
  inline: (await inline.classify(text)).label,
  pipeline: (await classify(text))[0].label,
  faithful: (await comprehensiveness(clf, text)).values.length,
  absent,
  supported: supported(),
};
console.log(JSON.stringify(result));
