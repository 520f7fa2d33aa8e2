/** SHA-256 of a bundle, and whether it is the one that was promised. */

import { StillglassError } from './errors.js';

/** Fails unless the bytes have the digest: `sha256-` and base64 as in HTML, or 64 hexadecimal digits. */
export async function verify(bytes: Uint8Array<ArrayBuffer>, integrity: string): Promise<void> {
  const [wanted, found] = [digestOf(integrity), await sha256(bytes)];
  if (wanted === found) return;
  throw new StillglassError(
    'integrity',
    `the bundle's SHA-256 is ${found}, not ${wanted}: it was changed on its way, or is another version; give that one's digest`,
  );
}

/** The digest of bytes, in hexadecimal. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const subtle = globalThis.crypto?.subtle;
  if (subtle === undefined) {
    throw new StillglassError('unsupported', 'integrity: browsers compute a SHA-256 only for https and localhost; serve the page so');
  }
  return hexadecimal(new Uint8Array(await subtle.digest('SHA-256', bytes)));
}

/** The promised digest, in hexadecimal. */
export function digestOf(integrity: string): string {
  const trimmed = String(integrity).trim();
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return trimmed.toLowerCase();
  const base64 = /^sha256-([A-Za-z0-9+/]{43}=)$/.exec(trimmed)?.[1];
  if (base64 !== undefined) return hexadecimal(Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0)));
  throw new StillglassError('bad-argument', `integrity: want "sha256-" and base64, or 64 hexadecimal digits, found "${integrity}"`);
}

function hexadecimal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
