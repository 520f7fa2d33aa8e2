/**
 * Makes the scripts in `dist` from `src` and the generated files beside them: `node build.mjs`.
 *
 * One file an entry and what they share between them, so that a page without a bundler loads few files.
 */

import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, deflateRawSync } from 'node:zlib';
import { build } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** What a site may import, by name: the entries of one line share files. */
const ENTRIES = [
  ['index', 'inline', 'node', 'workerd', 'worker', 'element', 'react', 'metrics', 'pipeline', 'pipeline-node', 'pipeline-workerd'],
  // In the place of `index`, never beside it: shared, the pages of either would load more files.
  ['client'],
];
/** Those that pages import by address from a copy. */
const PAGES = ['index', 'client', 'element', 'metrics', 'pipeline'];
/** What lies in `dist` before: the runtime as xtask made it, and as text. */
const GENERATED = /^\.\/(stillglass|inlined)\.js$/;

/** Removes what an earlier build left: scripts, types and maps that may have no source any more. */
async function clean() {
  const kept = /^(stillglass|inlined)(_bg\.wasm)?(\.d)?\.(js|ts|wasm)$|^stillglass_bg\.wasm$/;
  const left = (await readdir(here('dist'))).filter((name) => !kept.test(name));
  await Promise.all(left.map((name) => rm(here(`dist/${name}`), { recursive: true })));
}

/** Writes the runtime as a script: deflated, then base64. */
async function inline() {
  const module = await readFile(here('dist/stillglass_bg.wasm'));
  const text = deflateRawSync(module, { level: constants.Z_BEST_COMPRESSION }).toString('base64');
  await writeFile(here('dist/inlined.js'), `export const INLINED = '${text}';\n`);
  await writeFile(here('dist/inlined.d.ts'), 'export declare const INLINED: string;\n');
}

/** Takes away a script's map, which would lead to a text of which there is no source. */
async function unmapped(name) {
  const script = here(`dist/${name}`);
  await writeFile(script, (await readFile(script, 'utf8')).replace(/\/\/# sourceMappingURL=.*\n/, ''));
  await rm(`${script}.map`);
}

const generated = {
  name: 'generated',
  setup: ({ onResolve }) => onResolve({ filter: GENERATED }, ({ path }) => ({ path: here(`dist/${path}`) })),
};

/** Bundles entries, with what they share in files of their own; the outputs, and what each imports. */
async function bundle(names) {
  const { metafile } = await build({
    entryPoints: names.map((name) => here(`src/${name}.ts`)),
    outdir: here('dist'),
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    sourcemap: true,
    sourcesContent: false,
    external: ['react', 'node:*', '*.wasm'],
    plugins: [generated],
    logLevel: 'warning',
    metafile: true,
  });
  return Object.entries(metafile.outputs).map(([output, { imports }]) => [output, imports.filter(({ kind, external }) => kind === 'import-statement' && !external)]);
}

/** Writes which files a page loads for each entry that it may import, for service workers that keep them. */
async function listFiles(outputs) {
  const name = (output) => path.basename(output);
  const imports = new Map(outputs.map(([output, found]) => [name(output), found.map(({ path: output }) => name(output))]));
  const reached = (file, seen = new Set()) => {
    if (!seen.has(file)) for (const next of (seen.add(file), imports.get(file))) reached(next, seen);
    return seen;
  };
  const files = PAGES.map((entry) => {
    const needed = entry === 'metrics' ? reached('metrics.js') : reached('worker.js', reached(`${entry}.js`)).add('stillglass_bg.wasm');
    return [entry, [...needed].sort()];
  });
  await writeFile(here('dist/files.json'), `${JSON.stringify(Object.fromEntries(files), null, 1)}\n`);
}

await clean();
await inline();
const outputs = [];
for (const names of ENTRIES) outputs.push(...(await bundle(names)));
await listFiles(outputs);
await unmapped('inline.js');
