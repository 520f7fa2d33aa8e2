/** What the driver asks of a page: open a row, answer its inputs, time calls. `?system=` names the module that answers. */

import { watchMemory, wasmBytes } from './memory.mjs';

watchMemory();
const system = await import(`./${new URL(location.href).searchParams.get('system')}.mjs`);

/** By name: the row's call, its inputs, and which of them is next. */
const rows = new Map();

globalThis.bench = {
  /** Loads what a row needs; every input's probabilities, in the labels' order. */
  async open(name, { inputs, ...options }) {
    const { prepare, call, probabilities, close } = await system.open(options);
    const row = { call, close, inputs: inputs.map(prepare), next: 0 };
    rows.set(name, row);
    const answers = [];
    for (const input of row.inputs) answers.push(probabilities(await call(input)));
    return answers;
  },

  /** Milliseconds a call, over so many calls, input after input. */
  async time(name, calls) {
    const row = rows.get(name);
    const { inputs, call } = row;
    const began = performance.now();
    for (let done = 0; done < calls; done++) {
      const answer = call(inputs[row.next]);
      // What answers at once is not made to wait for the next turn.
      if (answer instanceof Promise) await answer;
      row.next = (row.next + 1) % inputs.length;
    }
    return (performance.now() - began) / calls;
  },

  /** Lets go of a row's model. */
  async close(name) {
    await rows.get(name).close?.();
    rows.delete(name);
  },

  /** Bytes of all WebAssembly memories of the page, which never shrink. */
  wasmBytes,
};
