/** Stillglass as it ships, text → answer in a worker, as its documentation advises. */

import { Classifier } from '/pkg/index.js';

export async function open({ model: folder }) {
  const classifier = await Classifier.load(`${folder}model.glass`);
  const { labels } = classifier.info;
  const probabilities = ({ scores }) => labels.map((label) => scores[label]);
  return { prepare: (text) => text, call: (text) => classifier.classify(text), probabilities, close: () => classifier.dispose() };
}
