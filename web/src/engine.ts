/** The page's side of the worker: calls as promises, and a fresh worker when one has died. */

import type { ModelInfo } from 'stillglass';
import type { Answers, Reading, Request } from './protocol.ts';
import { EngineError, Thread } from './thread.ts';

/** Runs models in a worker. */
export class Engine {
  readonly #compile: () => Promise<WebAssembly.Module>;
  readonly #bundles = new Map<string, Uint8Array>();
  #runtime: Promise<WebAssembly.Module> | undefined;
  #current: { thread: Thread; ready: Promise<void> } | undefined;

  /** `compile` brings the runtime; it is asked again only if it failed. */
  constructor(compile: () => Promise<WebAssembly.Module>) {
    this.#compile = compile;
  }

  /** Reads a bundle, and keeps it open under `id` in place of what was open there. */
  async open(id: string, arriving: Promise<Uint8Array>): Promise<ModelInfo> {
    const [bytes] = await Promise.all([arriving, this.#ready()]);
    const info = await this.#ask({ kind: 'open', id, bytes });
    this.#bundles.set(id, bytes);
    return info;
  }

  /** Classifies and explains. */
  classify(id: string, text: string): Promise<Reading> {
    return this.#ask({ kind: 'classify', id, text });
  }

  /** Lets go of what is open under `id`. */
  async close(id: string): Promise<void> {
    this.#bundles.delete(id);
    if (this.#current?.thread.over === false) await this.#current.thread.send({ kind: 'close', id });
  }

  /** Asks the worker. If the runtime dies of it or beside it, starts it afresh and asks once more. */
  async #ask<R extends Request>(request: R): Promise<Answers[R['kind']]> {
    const once = async () => (await this.#ready()).send(request);
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
      await thread.send({ kind: 'start', runtime: await this.#compiled() });
      for (const [id, bytes] of this.#bundles) await thread.send({ kind: 'open', id, bytes });
    } catch (error) {
      thread.stop(error);
      throw error;
    }
  }

  #compiled(): Promise<WebAssembly.Module> {
    this.#runtime ??= this.#compile();
    this.#runtime.catch(() => (this.#runtime = undefined));
    return this.#runtime;
  }
}
