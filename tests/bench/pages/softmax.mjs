/** Logits to probabilities. */
export function softmax(logits) {
  const most = Math.max(...logits);
  const parts = Array.from(logits, (logit) => Math.exp(logit - most));
  const sum = parts.reduce((total, part) => total + part, 0);
  return parts.map((part) => part / sum);
}

/** Logits of several texts, one after another, to each one's probabilities. */
export function softmaxes(logits, labels) {
  const texts = Array.from({ length: logits.length / labels }, (_, text) => logits.slice(text * labels, (text + 1) * labels));
  return texts.map(softmax);
}
