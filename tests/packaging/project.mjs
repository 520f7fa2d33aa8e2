/** A fresh project with the tarball installed, and the commands that are run in it. */

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const HERE = fileURLToPath(new URL('projects/', import.meta.url));
const FOLDER = process.env.PROJECTS ?? path.join(ROOT, 'target/packaging');
const TARBALL = process.env.TARBALL ?? path.join(ROOT, 'target/package/stillglass-0.1.0.tgz');

/** The bundle every project classifies with. */
export const BUNDLE = path.join(ROOT, 'web/models/finance.glass');

/**
 * Copies a project out of the repository and installs the tarball beside its packages, whose versions its
 * `package.json` pins; `run`, `bin` and `copy` work in its folder. What an earlier run installed is kept while that is the same; ours is always installed anew.
 */
export function project(name) {
  const made = projects.get(name) ?? make(name);
  projects.set(name, made);
  return made;
}

const projects = new Map();

function make(name) {
  if (!existsSync(TARBALL)) throw new Error(`${TARBALL} is missing; run \`cargo xtask pack\``);
  const folder = path.join(FOLDER, name);
  const stamp = path.join(folder, 'node_modules/.wanted');
  const wanted = readFileSync(path.join(HERE, name, 'package.json'), 'utf8');
  const kept = existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
  mkdirSync(folder, { recursive: true });
  for (const entry of readdirSync(folder)) {
    if (!kept || entry !== 'node_modules') rmSync(path.join(folder, entry), { recursive: true });
  }
  cpSync(path.join(HERE, name), folder, { recursive: true });
  const run = (command, ...args) =>
    execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], env: QUIET });
  rmSync(path.join(folder, 'node_modules/stillglass'), { recursive: true, force: true });
  run('npm', 'install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', TARBALL);
  writeFileSync(stamp, wanted);
  const copy = (from, to) => cpSync(path.resolve(folder, from), path.join(folder, to), { recursive: true });
  return { folder, run, copy, bin: (script, ...args) => run(process.execPath, path.join('node_modules', script), ...args) };
}

/** No telemetry, and nothing of npm's own settings for the programs that are run. */
const QUIET = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', PARCEL_DISABLE_CACHE: '1', npm_config_loglevel: 'error' };
