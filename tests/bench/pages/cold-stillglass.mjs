/** A page that classifies with Stillglass on its own thread. */

import { Model } from '/pkg/index.js';

export async function first({ model: folder, input }) {
  const model = await Model.load(`${folder}model.glass`);
  const { scores } = model.classify(input);
  return model.info.labels.map((label) => scores[label]);
}
