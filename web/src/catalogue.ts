/** The models this build carries: what `index.json` says of them, and where their files are. */

import index from '#models/index.json';

/** A text to try a model on. */
export interface Example {
  title: string;
  text: string;
}

/** A model one can choose. */
export interface Entry {
  id: string;
  name: string;
  /** What the model answers, as a question. */
  question: string;
  placeholder: string;
  examples: Example[];
  /** The bundle's address; the file's own bytes for one opened from disk. */
  source: string | File;
}

// Vite turns each file into the address of its hashed copy in the build.
const files = import.meta.glob<string>('#models/*.glass', { query: '?url', import: 'default', eager: true });
const addresses = new Map(Object.entries(files).map(([path, url]) => [path.slice(path.lastIndexOf('/') + 1), url]));

/** The models of `index.json` whose files were there when the page was built, in its order. */
export function catalogue(): Entry[] {
  return index.models.flatMap(({ file, ...entry }) => {
    const source = addresses.get(file);
    return source === undefined ? [] : [{ ...entry, source }];
  });
}

let opened = 0;

/** An entry for a bundle from the reader's own disk; each has an id of its own, the same file's too. */
export function fromFile(file: File): Entry {
  return {
    id: `file-${++opened}`,
    name: file.name.replace(/\.glass$/i, ''),
    question: 'What does your model make of this?',
    placeholder: 'Type a text…',
    examples: [],
    source: file,
  };
}

/** The bytes of a model's bundle. */
export async function bundle(entry: Entry): Promise<Uint8Array> {
  if (entry.source instanceof File) return new Uint8Array(await entry.source.arrayBuffer());
  const response = await fetch(entry.source);
  if (!response.ok) throw new Error(`the server answered ${response.status} for ${response.url}`);
  return new Uint8Array(await response.arrayBuffer());
}
