/** A page that classifies with Stillglass in a worker, as its documentation advises. */

import { Classifier } from '/pkg/index.js';

export async function first({ model: folder, input }) {
  const classifier = await Classifier.load(`${folder}model.glass`);
  const { scores } = await classifier.classify(input);
  return classifier.info.labels.map((label) => scores[label]);
}
