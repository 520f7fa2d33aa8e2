/** A host at the end of a slow line: everything compressed once, and sent no faster than the line takes it. */

import { readFile, readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { brotliCompress } from 'node:zlib';
import { PAGE_POLICY, TYPES, started } from './site.mjs';

/** How much of an answer is sent at a time, so that answers share the line. */
const PIECE = 1_460;
/** What compresses no further. */
const PACKED = /\.(png|woff2)$/;

const compressed = promisify(brotliCompress);

/** Serves `files`, as `packed` gives them, over a line of `bits` a second that takes `latency` ms there and back; `widen` ends that. */
export async function serveOverLine(files, { bits, latency }) {
  const line = new Line(bits / 8_000);
  const sent = { bytes: 0 };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const file = files.get(pathname === '/' ? '/index.html' : pathname);
    await new Promise((resolve) => setTimeout(resolve, latency));
    if (file === undefined) return response.writeHead(404).end();
    response.writeHead(200, { ...file.headers, 'Content-Length': file.body.length, 'Content-Security-Policy': PAGE_POLICY });
    // Whoever goes away meanwhile wants no more.
    await pipeline(pieces(file.body), response).catch(() => undefined);
  });
  async function* pieces(body) {
    for (let from = 0; from < body.length; from += PIECE) {
      const piece = body.subarray(from, from + PIECE);
      await line.take(piece.length);
      sent.bytes += piece.length;
      yield piece;
    }
  }
  return { ...(await started(server)), sent, widen: () => line.widen() };
}

/** The capacity that all answers share. */
class Line {
  #perMillisecond;
  #free = 0;

  constructor(perMillisecond) {
    this.#perMillisecond = perMillisecond;
  }

  /** Resolves when so many bytes have gone through, after those that were asked for before. */
  async take(bytes) {
    this.#free = Math.max(this.#free, performance.now()) + bytes / this.#perMillisecond;
    const wait = this.#free - performance.now();
    // Timers are coarse: a wait too short for one is made up for by the next.
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
  }

  /** Takes all that comes from now on at once. */
  widen() {
    this.#perMillisecond = Infinity;
    this.#free = 0;
  }
}

/** Every file of a folder by its address, compressed as a host would keep it. */
export async function packed(folder) {
  const files = new Map();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.includes('-teacher')) continue;
    const place = path.join(entry.parentPath, entry.name);
    const type = { 'Content-Type': TYPES[path.extname(place)] ?? 'application/octet-stream', 'Cache-Control': 'max-age=31536000' };
    const bytes = await readFile(place);
    const small = PACKED.test(place);
    const headers = small ? type : { ...type, 'Content-Encoding': 'br' };
    files.set(`/${path.relative(folder, place)}`, { headers, body: small ? bytes : await compressed(bytes) });
  }
  return files;
}
