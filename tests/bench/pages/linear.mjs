/** A linear model over bags of words, as fastText's classifier with a word per row: how small and fast a model without order is. */

import { softmax } from './softmax.mjs';

export async function open({ model: folder }) {
  const tokenizer = await (await fetch(`${folder}tokenizer.json`)).json();
  const rows = new Map(Object.keys(tokenizer.model.vocab).map((word, row) => [word, row]));
  const weights = new Float32Array(await (await fetch(`${folder}linear.bin`)).arrayBuffer());
  const labels = weights.length / rows.size;
  const call = (text) => {
    const logits = new Float32Array(labels);
    for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu) ?? []) {
      const row = rows.get(word);
      if (row === undefined) continue;
      for (let label = 0; label < labels; label++) logits[label] += weights[row * labels + label];
    }
    return logits;
  };
  return { prepare: (text) => text, call, probabilities: softmax };
}
