/** The page's side of the worker: calls as promises, and a fresh worker when one has died. */

import type { ModelInfo } from 'stillglass';
import type { Answers, Reading, Request } from './protocol.ts';
import { EngineError, Thread, type Company } from './thread.ts';
import { remember, remembered } from './timings.ts';

/** Runs models in a worker of its own. */
export class Engine {
  readonly #compile: () => Promise<WebAssembly.Module>;
  readonly #bundles = new Map<string, Blob>();
  #current: { thread: Thread; ready: Promise<void> } | undefined;

  /** `compile` brings the runtime; it is asked again for each worker. */
  constructor(compile: () => Promise<WebAssembly.Module>) {
    this.#compile = compile;
  }

  /** Reads a bundle, and keeps it open under `id` in place of what was open there. */
  async open(id: string, arriving: Promise<Blob>): Promise<ModelInfo> {
    const [bytes] = await Promise.all([arriving, this.#ready()]);
    const info = await this.#ask(openRequest(id, bytes));
    this.#bundles.set(id, bytes);
    return info;
  }

  /** Classifies, and explains if wanted: a student at once, a teacher in its own time. */
  async classify(id: string, text: string, explain: boolean, company: Company = {}): Promise<Reading> {
    const reading = await this.#ask({ kind: 'classify', id, text, explain }, company);
    const bytes = this.#bundles.get(id);
    if (reading.timing !== undefined && bytes !== undefined) remember(key(id, bytes), reading.timing);
    return reading;
  }

  /** Lets go of what is open under `id`. */
  async close(id: string): Promise<void> {
    this.#bundles.delete(id);
    if (this.#current?.thread.over === false) await this.#current.thread.send({ kind: 'close', id });
  }

  /** Lets go of everything and ends the worker, which gives its memory back. The next call starts another. */
  end(): void {
    this.#bundles.clear();
    this.#current?.thread.stop(new EngineError({ code: 'failed', message: 'its worker was ended' }));
    this.#current = undefined;
  }

  /** Asks the worker. If the runtime dies of it or beside it, starts it afresh and asks once more. */
  async #ask<R extends Request>(request: R, company?: Company): Promise<Answers[R['kind']]> {
    const once = async () => (await this.#ready()).send(request, company);
    try {
      return await once();
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'trapped') throw error;
      return once();
    }
  }

  /** A worker with the runtime started and every bundle open. */
  async #ready(): Promise<Thread> {
    if (this.#current === undefined || this.#current.thread.over) {
      const thread = new Thread();
      this.#current = { thread, ready: this.#prepare(thread) };
    }
    const { thread, ready } = this.#current;
    await ready;
    return thread;
  }

  async #prepare(thread: Thread): Promise<void> {
    try {
      await thread.send({ kind: 'start', runtime: await this.#compile() });
      for (const [id, bytes] of this.#bundles) await thread.send(openRequest(id, bytes));
    } catch (error) {
      thread.stop(error);
      throw error;
    }
  }
}

function openRequest(id: string, bytes: Blob): Request & { kind: 'open' } {
  return { kind: 'open', id, bytes, timing: remembered(key(id, bytes)) };
}

/** The same in the next visit: files of one's own are numbered anew, so their size is told as well. */
function key(id: string, bytes: Blob): string {
  return `${id} ${bytes.size}`;
}
