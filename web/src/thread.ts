/** One worker and the calls it owes an answer: each of them ends, if need be with the worker. */

import type { Progress } from 'stillglass';
import type { Answers, Failure, Message, Outcome, Reply, Request } from './protocol.ts';

/** A call that did not succeed; `code` is one of the package's error codes. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: string;

  constructor(failure: Failure) {
    super(failure.message);
    this.code = failure.code;
  }
}

/** What may accompany a call: a signal that breaks it off, and who hears how far it is. */
export interface Company {
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

interface Waiting {
  resolve: (answer: unknown) => void;
  reject: (error: unknown) => void;
  onProgress: Company['onProgress'];
}

/** A worker, from its start until it fails or is stopped. */
export class Thread {
  readonly #worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #end: { error: unknown } | undefined;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<Reply>) => this.#hear(data);
    this.#worker.onerror = ({ message }) => this.#fail(message || 'its worker did not load');
    this.#worker.onmessageerror = () => this.#fail('its worker sent what cannot be read');
  }

  /** Whether it takes no more calls. */
  get over(): boolean {
    return this.#end !== undefined;
  }

  /** Asks the worker; calls are answered in order. One that is broken off rejects with its signal's reason. */
  send<R extends Request>(request: R, { signal, onProgress }: Company = {}): Promise<Answers[R['kind']]> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) return reject(this.#end.error);
      if (signal?.aborted) return reject(signal.reason);
      const call = ++this.#calls;
      this.#waiting.set(call, { resolve: (answer) => resolve(answer as Answers[R['kind']]), reject, onProgress });
      this.#post({ call, request });
      signal?.addEventListener('abort', () => this.#cancel(call, signal.reason), { once: true });
    });
  }

  /** Ends the worker; whoever still waits for it hears `error`. */
  stop(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #post(message: Message): void {
    this.#worker.postMessage(message);
  }

  #cancel(call: number, reason: unknown): void {
    const waiting = this.#waiting.get(call);
    if (waiting === undefined) return;
    this.#waiting.delete(call);
    this.#post({ cancel: call });
    waiting.reject(reason);
  }

  #hear(reply: Reply): void {
    if ('progress' in reply) this.#waiting.get(reply.call)?.onProgress?.(reply.progress);
    else this.#settle(reply);
  }

  #settle(reply: Outcome): void {
    const waiting = this.#waiting.get(reply.call);
    this.#waiting.delete(reply.call);
    if (!('failure' in reply)) return waiting?.resolve(reply.answer);
    const error = new EngineError(reply.failure);
    waiting?.reject(error);
    // What traps is lost for every model in it.
    if (error.code === 'trapped') this.stop(error);
  }

  #fail(message: string): void {
    this.stop(new EngineError({ code: 'runtime-failed', message }));
  }
}
