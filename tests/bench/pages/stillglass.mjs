/** Stillglass as it ships, text → answer on the page's own thread. */

import { Model } from '/pkg/index.js';

export async function open({ model: folder, backend, many = false }) {
  const model = await Model.load(`${folder}model.glass`);
  const { labels } = model.info;
  const one = ({ scores }) => labels.map((label) => scores[label]);
  const close = () => model.free();
  if (backend === 'gpu') {
    const call = async (text) => (await model.run([text], { backend }))[0];
    const [{ backend: used, reason }] = await model.run(['a'], { backend });
    if (used !== 'gpu') throw new Error(`no GPU: ${reason}`);
    return { prepare: (text) => text, call, probabilities: one, close };
  }
  if (many) {
    return { prepare: (texts) => texts, call: (texts) => model.classifyAll(texts), probabilities: (answers) => answers.map(one), close };
  }
  return { prepare: (text) => text, call: (text) => model.classify(text), probabilities: one, close };
}
