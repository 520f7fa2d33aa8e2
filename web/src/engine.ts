/** The page's side of the worker: calls as promises, and a fresh worker when one has died. */

import type { ModelInfo } from 'stillglass';
import type { Answers, Call, Failure, Reading, Reply, Request } from './protocol.ts';

/** A call that did not succeed; `code` is one of the package's error codes. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: string;

  constructor(failure: Failure) {
    super(failure.message);
    this.code = failure.code;
  }
}

/** Runs models in a worker. */
export class Engine {
  readonly #compile: () => Promise<WebAssembly.Module>;
  readonly #bundles = new Map<string, Uint8Array>();
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #runtime: Promise<WebAssembly.Module> | undefined;
  #worker: Promise<Worker> | undefined;
  #calls = 0;

  /** `compile` brings the runtime; it is asked again only if it failed. */
  constructor(compile: () => Promise<WebAssembly.Module>) {
    this.#compile = compile;
  }

  /** Reads a bundle, and keeps it open under `id` in place of what was open there. */
  async open(id: string, arriving: Promise<Uint8Array>): Promise<ModelInfo> {
    const [worker, bytes] = await Promise.all([this.#ready(), arriving]);
    const info = await this.#send(worker, { kind: 'open', id, bytes });
    this.#bundles.set(id, bytes);
    return info;
  }

  /** Classifies and explains. If the runtime dies of it, starts it afresh and tries once more. */
  async classify(id: string, text: string): Promise<Reading> {
    const ask = async () => this.#send(await this.#ready(), { kind: 'classify', id, text });
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'trapped') throw error;
      return ask();
    }
  }

  #ready(): Promise<Worker> {
    if (this.#worker === undefined) {
      const starting = this.#start();
      starting.catch(() => this.#discard(starting));
      this.#worker = starting;
    }
    return this.#worker;
  }

  async #start(): Promise<Worker> {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }: MessageEvent<Reply>) => this.#waiting.get(data.call)?.(data);
    const broken = new Promise<never>((_, reject) => {
      worker.onerror = ({ message }) =>
        reject(new EngineError({ code: 'runtime-failed', message: message || 'its worker did not load' }));
    });
    const started = async () => {
      await this.#send(worker, { kind: 'start', runtime: await this.#compiled() });
      for (const [id, bytes] of this.#bundles) await this.#send(worker, { kind: 'open', id, bytes });
      return worker;
    };
    return Promise.race([started(), broken]);
  }

  #compiled(): Promise<WebAssembly.Module> {
    this.#runtime ??= this.#compile();
    this.#runtime.catch(() => (this.#runtime = undefined));
    return this.#runtime;
  }

  #send<R extends Request>(worker: Worker, request: R): Promise<Answers[R['kind']]> {
    const call = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(call, (reply) => {
        this.#waiting.delete(call);
        if (!('failure' in reply)) return resolve(reply.answer as Answers[R['kind']]);
        if (reply.failure.code === 'trapped') this.#discard(this.#worker);
        reject(new EngineError(reply.failure));
      });
      worker.postMessage({ call, request } satisfies Call);
    });
  }

  /** Ends a worker that cannot be trusted; the next call starts another. */
  #discard(dead: Promise<Worker> | undefined): void {
    if (this.#worker === dead) this.#worker = undefined;
    void dead?.then(
      (worker) => worker.terminate(),
      () => undefined,
    );
  }
}
