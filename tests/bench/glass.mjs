/** Reads what a bundle says of itself, and its vocabulary. */

import { readFile } from 'node:fs/promises';

export async function read(file) {
  const bytes = await readFile(file);
  const end = 8 + Number(bytes.readBigUInt64LE(0));
  const { __metadata__, vocabulary } = JSON.parse(bytes.toString('utf8', 8, end));
  const manifest = JSON.parse(__metadata__.stillglass);
  const [from, to] = vocabulary.data_offsets;
  return { manifest, bytes: bytes.length, vocabulary: bytes.toString('utf8', end + from, end + to).split('\n') };
}
