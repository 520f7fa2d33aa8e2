/** The worker of one classifier: opens its model and answers, so that the page never waits. */

import { StillglassError, messageOf } from './errors.js';
import type { Call, Failure, Message, Reply, Said } from './protocol.js';
import { memoryBytes, start } from './runtime.js';
import { Session } from './session.js';

let session: Session | undefined;
let stop = new AbortController();

addEventListener('message', ({ data }: MessageEvent<Message>) => {
  if (data === 'cancel') return stop.abort();
  // Should that fail, the call that follows says so.
  if ('start' in data) return void start(data.start).catch(() => undefined);
  stop = new AbortController();
  void reply(data, stop.signal);
});

async function reply(message: Call, signal: AbortSignal): Promise<void> {
  try {
    const said = await answer(message, signal);
    post({ answer: said, memoryBytes: memoryBytes() });
  } catch (error) {
    post({ failure: failure(error) });
  }
}

async function answer(message: Call, signal: AbortSignal): Promise<Said> {
  if ('open' in message) {
    if (session === undefined) session = await Session.open(message.open);
    else await session.replace(message.open);
    return session.info;
  }
  if (session === undefined) throw new StillglassError('failed', 'the worker was asked before its model was open');
  if ('reason' in message) return session.reason(message.reason, { signal, onToken: (token) => post({ token }) });
  return session.answer(message.ask, { signal, onProgress: (progress) => post({ progress }) });
}

function failure(error: unknown): Failure {
  if (error instanceof StillglassError) return { code: error.code, message: error.message };
  return { code: 'failed', message: messageOf(error) };
}

function post(reply: Reply): void {
  postMessage(reply);
}
