/** Serves pages, packages and models as a good host would: kept by the browser, compressed where that was asked for. */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';

const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};
const HEADERS = {
  'Cache-Control': 'max-age=31536000, immutable',
  // A page of its own: the browser then tells it the time to 5 µs, and shares no process with others.
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

const compress = promisify(brotliCompress);

/** Serves folders by the first part of their addresses; `kept` is where compressed files stay from run to run. */
export async function serve(folders, kept) {
  /** By address, what a host would have compressed ahead of time. */
  const packed = new Map();
  const requests = [];

  const fileOf = (pathname) => {
    const [, first, ...rest] = decodeURIComponent(pathname).split('/');
    const folder = folders[first];
    if (folder === undefined || rest.includes('..')) return undefined;
    return path.join(folder, ...rest);
  };

  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    requests.push(pathname);
    const file = fileOf(pathname);
    const found = file !== undefined && (await stat(file).then((entry) => entry.isFile(), () => false));
    if (!found) return response.writeHead(404, HEADERS).end();
    const type = { 'Content-Type': TYPES[path.extname(file)] ?? 'application/octet-stream' };
    const small = packed.get(pathname);
    const encoding = small === undefined ? {} : { 'Content-Encoding': 'br' };
    const body = small ?? (await readFile(file));
    response.writeHead(200, { ...HEADERS, ...type, ...encoding, 'Content-Length': body.length }).end(body);
  });

  /** Compresses files at Brotli's highest level, and serves them so from then on; each one's bytes. */
  async function pack(pathnames) {
    const sizes = {};
    for (const pathname of pathnames) {
      const body = await readFile(fileOf(pathname));
      const small = packed.get(pathname) ?? (await compressed(body, kept));
      packed.set(pathname, small);
      sizes[pathname] = { raw: body.length, brotli: small.length };
    }
    return sizes;
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { address: `http://127.0.0.1:${server.address().port}`, requests, pack, stop };
}

async function compressed(body, kept) {
  const place = path.join(kept, `${createHash('sha256').update(body).digest('hex')}.br`);
  const before = await readFile(place).catch(() => undefined);
  if (before !== undefined) return before;
  const small = await compress(body, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: body.length } });
  await mkdir(kept, { recursive: true });
  await writeFile(place, small);
  return small;
}
