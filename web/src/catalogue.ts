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
  /** The larger model it was distilled from, for those who ask. */
  teacher?: { source: string; bytes: number };
}

/** A model as `index.json` names it: by its file, and its teacher's if it has one. */
type Listed = Omit<Entry, 'source' | 'teacher'> & { file: string; teacher?: { file: string; bytes: number } };

// Vite turns each file into the address of its hashed copy in the build.
const files = import.meta.glob<string>('#models/*.glass', { query: '?url', import: 'default', eager: true });
const addresses = new Map(Object.entries(files).map(([path, url]) => [path.slice(path.lastIndexOf('/') + 1), url]));

/** The models of `index.json` whose files were there when the page was built, in its order. */
export function catalogue(): Entry[] {
  return (index.models as Listed[]).flatMap(({ file, teacher, ...entry }) => {
    const source = addresses.get(file);
    const beside = teacher && addresses.get(teacher.file);
    if (source === undefined) return [];
    return [{ ...entry, source, ...(beside && { teacher: { source: beside, bytes: teacher.bytes } }) }];
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

/** What may accompany the fetching: a signal that stops it, and who hears how many bytes are here. */
export interface Fetching {
  signal?: AbortSignal;
  onReceived?: (bytes: number) => void;
}

/** The bytes of a bundle. */
export async function bundle(source: string | File, { signal, onReceived }: Fetching = {}): Promise<Blob> {
  // A copy: the file may change or go, and a worker may be started anew.
  if (source instanceof File) return new Blob([await source.arrayBuffer()]);
  const response = await fetch(source, signal ? { signal } : {});
  if (!response.ok) throw new Error(`the server answered ${response.status} for ${response.url}`);
  if (onReceived === undefined || response.body === null) return response.blob();
  return new Response(response.body.pipeThrough(counted(onReceived))).blob();
}

/** Lets bytes through and counts them. */
function counted(onReceived: (bytes: number) => void): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let received = 0;
  return new TransformStream({
    transform(chunk, output) {
      onReceived((received += chunk.byteLength));
      output.enqueue(chunk);
    },
  });
}
