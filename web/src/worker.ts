/** The thread that runs models, so that typing never waits for one. */

import { Model, StillglassError, start } from 'stillglass';
import type { Answers, Call, Failure, Message, Outcome, Reading, Reply, Request } from './protocol.ts';

const models = new Map<string, Model>();
/** What breaks a call off, from its arrival to its end. */
const stops = new Map<number, AbortController>();
let queue: Promise<void> = Promise.resolve();

onmessage = ({ data }: MessageEvent<Message>) => {
  if ('cancel' in data) return stops.get(data.cancel)?.abort();
  const stop = new AbortController();
  stops.set(data.call, stop);
  queue = queue.then(() => reply(data, stop.signal));
};

async function reply({ call, request }: Call, signal: AbortSignal): Promise<void> {
  let message: Outcome;
  try {
    signal.throwIfAborted();
    message = { call, answer: await answer(call, request, signal) };
  } catch (error) {
    message = { call, failure: failure(error) };
  }
  stops.delete(call);
  postMessage(message);
}

async function answer(call: number, request: Request, signal: AbortSignal): Promise<Answers[Request['kind']]> {
  switch (request.kind) {
    case 'start':
      await start(request.runtime);
      return undefined;
    case 'open': {
      const model = new Model(new Uint8Array(await request.bytes.arrayBuffer()));
      models.get(request.id)?.free();
      models.set(request.id, model);
      return model.info;
    }
    case 'classify':
      return timed(request.text, async () => opened(request.id).classify(request.text, { explain: true }));
    case 'run':
      return timed(request.text, async () => {
        const onProgress = (progress: { done: number; total: number }) => post({ call, progress });
        const [result] = await opened(request.id).run([request.text], { explain: request.explain, signal, onProgress });
        return result!;
      });
    case 'close':
      models.get(request.id)?.free();
      models.delete(request.id);
      return undefined;
  }
}

function opened(id: string): Model {
  const model = models.get(id);
  if (model === undefined) throw new StillglassError('failed', `no model ${id} is open`);
  return model;
}

async function timed(text: string, classify: () => Promise<Reading['result']>): Promise<Reading> {
  const from = performance.now();
  const result = await classify();
  return { text, result, ms: performance.now() - from };
}

function post(reply: Reply): void {
  postMessage(reply);
}

function failure(error: unknown): Failure {
  if (error instanceof StillglassError) return { code: error.code, message: error.message };
  return { code: 'failed', message: error instanceof Error ? error.message : String(error) };
}
