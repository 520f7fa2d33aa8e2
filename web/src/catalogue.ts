/** The models this build carries: what `index.json` says of them, and where their files are. */

import index from '#models/index.json';
import type { Entry } from './entry.ts';

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
