/** Every WebAssembly memory of this page, whoever made it. */

const memories = new Set();

/** Begins to watch; before anything is instantiated. */
export function watchMemory() {
  const { Memory, instantiate, instantiateStreaming } = WebAssembly;
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor) {
      super(descriptor);
      memories.add(this);
    }
  };
  const watched = (result) => {
    const { exports } = result.instance ?? result;
    for (const value of Object.values(exports)) if (value instanceof Memory) memories.add(value);
    return result;
  };
  WebAssembly.instantiate = async (...given) => watched(await instantiate(...given));
  WebAssembly.instantiateStreaming = async (...given) => watched(await instantiateStreaming(...given));
}

export function wasmBytes() {
  let bytes = 0;
  for (const memory of memories) bytes += memory.buffer.byteLength;
  return bytes;
}
