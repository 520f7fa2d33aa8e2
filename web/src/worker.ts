/** The thread that runs models, so that typing never waits for one. */

import { Model, StillglassError, start, type Progress, type RunOptions, type Timing } from 'stillglass';
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
      if (request.timing !== undefined) tell(model, request.timing);
      return model.info;
    }
    case 'classify': {
      const onProgress = (progress: Progress) => post({ call, progress });
      return classify(request, { explain: request.explain, signal, onProgress });
    }
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

async function classify({ id, text }: { id: string; text: string }, options: RunOptions): Promise<Reading> {
  const model = opened(id);
  const from = performance.now();
  // A student is done before it could have yielded.
  const atOnce = model.info.kind === 'student';
  const [result] = atOnce ? [model.classify(text, { explain: options.explain === true })] : await model.run([text], options);
  if (result === undefined) throw new StillglassError('failed', 'the runtime gave no answer');
  return { text, result, ms: performance.now() - from, timing: model.timing };
}

/** Tells a model what was measured before, unless that cannot be read any more; then it is measured again. */
function tell(model: Model, timing: Timing): void {
  try {
    model.timing = timing;
  } catch (error) {
    if (!(error instanceof StillglassError)) throw error;
  }
}

function post(reply: Reply): void {
  postMessage(reply);
}

function failure(error: unknown): Failure {
  if (error instanceof StillglassError) return { code: error.code, message: error.message };
  return { code: 'failed', message: error instanceof Error ? error.message : String(error) };
}
