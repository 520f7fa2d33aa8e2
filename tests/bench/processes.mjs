/** Systems outside the browser: programs that answer one line of JSON with another. */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { softmax } from './pages/softmax.mjs';

/** One program, asked one thing at a time. */
export class Program {
  #child;
  #lines;

  constructor(command, arguments_) {
    const environment = { ...process.env, OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' };
    this.#child = spawn(command, arguments_, { stdio: ['pipe', 'pipe', 'inherit'], env: environment });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async ask(question) {
    this.#child.stdin.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.#child.spawnargs.join(' ')} ended; what it said stands above`);
    return JSON.parse(value);
  }

  /** Opens a row: what `interleaved` times. */
  async entry(system, row, given) {
    const { logits } = await this.ask({ row, ...given });
    const time = async (calls) => (await this.ask({ row, calls })).ms;
    return { system, answers: logits.map(softmax), time };
  }

  close() {
    this.#child.stdin.end();
  }
}
