/** The little of Node that its entry needs: the rest of its types would say what browsers do not have. */
declare module 'node:fs/promises' {
  export function readFile(path: URL | string): Promise<Uint8Array<ArrayBuffer>>;
}
