/** Brings the bytes of bundles. */

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
