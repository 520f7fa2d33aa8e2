/** What a bundle says of itself in its head, for models that nobody has opened yet. No DOM here. */

import type { ModelInfo } from 'stillglass/client';

/** Bytes that give the length of a safetensors file's header, which follows them. */
const LENGTH = 8;

/** What is read: all that an opened model tells, but for how it can explain itself. */
export type About = ModelInfo extends infer Info ? (Info extends ModelInfo ? Omit<Info, 'methods'> : never) : never;

/** Reads the head of a bundle. Nothing is checked: the runtime does that when the model is opened. */
export async function aboutOf(bundle: Blob): Promise<About> {
  const length = Number(new DataView(await bundle.slice(0, LENGTH).arrayBuffer()).getBigUint64(0, true));
  const header = JSON.parse(await bundle.slice(LENGTH, LENGTH + length).text()) as { __metadata__: { stillglass: string } };
  const { kind, labels, architecture, tokenizer, choices = false, max_tokens, card } = JSON.parse(header.__metadata__.stillglass);
  const can = { pairs: tokenizer.separator !== undefined, reasons: architecture.decoder !== undefined, choices };
  return { kind, labels, architecture, card, maxTokens: max_tokens, bytes: bundle.size, ...can };
}
