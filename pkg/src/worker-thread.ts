/** The page's side of a classifier's worker. */

import { StillglassError, messageOf, type ErrorCode } from './errors.js';
import type { Asked, Call, Message, Opening, Reading, ReasonAsked, Reply, Said, Step } from './protocol.js';
import type { Company, Thread } from './thread.js';
import type { ModelInfo, Reason } from './types.js';

interface Waiting {
  resolve: (answer: Said) => void;
  reject: (error: unknown) => void;
  company: Company;
  /** What the listener threw. */
  thrown?: { error: StillglassError };
}

/** A worker with one model, from its start until it fails or is ended. */
export class WorkerThread implements Thread {
  readonly #worker: Worker;
  memoryBytes = 0;
  #info: ModelInfo | undefined;
  #waiting: Waiting | undefined;
  #end: { error: unknown } | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<Reply>) => this.#hear(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message);
    };
    worker.onmessageerror = () => this.#fail('it sent what cannot be read');
  }

  /** Starts a worker, from the script beside this one unless its address is given. */
  static begin(script: URL | string | undefined): WorkerThread {
    return new WorkerThread(made(script));
  }

  /** Starts the runtime there, while the bundle may still be on its way. */
  prepare(wasm: WebAssembly.Module): void {
    this.#worker.postMessage({ start: wasm } satisfies Message);
  }

  /** Opens the model; ends if that fails. */
  async open(opening: Opening): Promise<this> {
    try {
      await this.replace(opening);
    } catch (error) {
      this.end(error);
      throw error;
    }
    return this;
  }

  async replace(opening: Opening): Promise<void> {
    this.#info = (await this.#send({ open: opening }, {})) as ModelInfo;
  }

  get info(): ModelInfo {
    if (this.#info === undefined) throw new StillglassError('failed', 'the worker has opened no model');
    return this.#info;
  }

  get over(): boolean {
    return this.#end !== undefined;
  }

  async answer(asked: Asked, company: Company): Promise<Reading> {
    return (await this.#send({ ask: asked }, company)) as Reading;
  }

  async reason(asked: ReasonAsked, company: Company): Promise<Reason> {
    return (await this.#send({ reason: asked }, company)) as Reason;
  }

  end(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#worker.terminate();
    this.#waiting?.reject(error);
  }

  async #send(message: Call, company: Company): Promise<Said> {
    if (this.#end !== undefined) throw this.#end.error;
    const { signal } = company;
    const cancel = () => this.#worker.postMessage('cancel' satisfies Message);
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting = { resolve, reject, company };
        this.#worker.postMessage(message satisfies Message);
      });
    } finally {
      signal?.removeEventListener('abort', cancel);
      this.#waiting = undefined;
    }
  }

  #hear(reply: Reply): void {
    if ('progress' in reply || 'token' in reply) this.#tell(reply);
    else if (this.#waiting?.thrown !== undefined) this.#waiting.reject(this.#waiting.thrown.error);
    else if ('answer' in reply) this.#resolve(reply.answer, reply.memoryBytes);
    else this.#refuse(new StillglassError(reply.failure.code as ErrorCode, reply.failure.message));
  }

  #resolve(answer: Said, memoryBytes: number): void {
    this.memoryBytes = memoryBytes;
    this.#waiting?.resolve(answer);
  }

  /** A listener that throws ends its call, as it does on the page's own thread. */
  #tell(step: Step): void {
    const waiting = this.#waiting;
    // What was posted before the worker heard of an abort comes too late.
    if (waiting === undefined || waiting.thrown !== undefined || waiting.company.signal?.aborted) return;
    try {
      if ('token' in step) waiting.company.onToken?.(step.token);
      else waiting.company.onProgress?.(step.progress);
    } catch (cause) {
      waiting.thrown = { error: new StillglassError('failed', messageOf(cause), { cause }) };
      this.#worker.postMessage('cancel' satisfies Message);
    }
  }

  #refuse(error: StillglassError): void {
    // What traps is lost for good.
    if (error.code === 'trapped') this.end(error);
    else this.#waiting?.reject(error);
  }

  /** The worker itself failed: before it had opened its model most likely for want of its script. */
  #fail(message: string): void {
    const loaded = this.#info !== undefined;
    this.end(loaded ? new StillglassError('trapped', `the worker stopped: ${message}`) : notLoaded(message));
  }
}

function made(script: URL | string | undefined): Worker {
  if (typeof Worker === 'undefined') throw notLoaded('there is no Worker here');
  try {
    // Bundlers find the script by this very expression.
    if (script === undefined) return new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    return new Worker(script, { type: 'module' });
  } catch (cause) {
    throw notLoaded(messageOf(cause));
  }
}

function notLoaded(reason: string): StillglassError {
  return new StillglassError(
    'worker-failed',
    `the worker did not load${reason ? `: ${reason}` : ''}; serve the package's worker.js from this origin and give its ` +
      'address as `worker`, or set `worker: false` to work on this thread',
  );
}
