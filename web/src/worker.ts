/** The thread that runs the models, so that typing never waits for one. */

import { Model, StillglassError, start } from 'stillglass';
import type { Answers, Call, Failure, Reading, Reply, Request } from './protocol.ts';

const models = new Map<string, Model>();
let queue: Promise<void> = Promise.resolve();

onmessage = (event: MessageEvent<Call>) => {
  queue = queue.then(() => reply(event.data));
};

async function reply({ call, request }: Call): Promise<void> {
  let message: Reply;
  try {
    message = { call, answer: await answer(request) };
  } catch (error) {
    message = { call, failure: failure(error) };
  }
  postMessage(message);
}

async function answer(request: Request): Promise<Answers[Request['kind']]> {
  switch (request.kind) {
    case 'start':
      await start(request.runtime);
      return undefined;
    case 'open': {
      const model = new Model(request.bytes);
      models.get(request.id)?.free();
      models.set(request.id, model);
      return model.info;
    }
    case 'classify':
      return classify(request.id, request.text);
    case 'close':
      models.get(request.id)?.free();
      models.delete(request.id);
      return undefined;
  }
}

function classify(id: string, text: string): Reading {
  const model = models.get(id);
  if (model === undefined) throw new StillglassError('failed', `no model ${id} is open`);
  const from = performance.now();
  const result = model.classify(text, { explain: true });
  return { text, result, ms: performance.now() - from };
}

function failure(error: unknown): Failure {
  if (error instanceof StillglassError) return { code: error.code, message: error.message };
  return { code: 'failed', message: error instanceof Error ? error.message : String(error) };
}
