/** Bundles with made-up weights, written by an example of the Rust tests. */

import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Writes students, `odd`, `wide`, `pair`, which reads pairs and gives reasons, and `chooser`, which chooses among
 * answers, and teachers, `teacher` and `slow-teacher`, into a new folder; returns it and what removes it.
 */
export async function madeUp() {
  const folder = await mkdtemp(path.join(tmpdir(), 'stillglass-'));
  const example = ['run', '--quiet', '--package', 'stillglass-tests', '--example', 'awkward_bundles', '--', folder];
  execFileSync('cargo', example, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
