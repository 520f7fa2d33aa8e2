/** A worker at the edge: the runtime and the bundle are modules, compiled and read when it is deployed. */

import { Classifier } from 'stillglass';
import bundle from './finance.glass';

let loading;

export default {
  async fetch(request) {
    loading ??= Classifier.load(bundle);
    const { label, words } = await (await loading).classify(await request.text(), { explain: true });
    return Response.json({ label, words: words.map(({ text }) => text) });
  },
};
