import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Engine } from '../src/engine.ts';
import type { Call, Message, Reply, Request } from '../src/protocol.ts';

/** Stands in for the worker: keeps what it is sent, and answers when told to. */
class FakeWorker {
  static all: FakeWorker[] = [];
  readonly calls: Call[] = [];
  readonly cancelled: number[] = [];
  terminated = false;
  onmessage?: (event: { data: unknown }) => void;
  onerror?: (event: { message: string }) => void;
  onmessageerror?: () => void;

  constructor() {
    FakeWorker.all.push(this);
  }

  postMessage(message: Message): void {
    if ('cancel' in message) return void this.cancelled.push(message.cancel);
    this.calls.push(message);
    const { kind } = message.request;
    if (kind !== 'classify') this.answer(message, kind);
  }

  say(reply: Reply): void {
    setImmediate(() => this.onmessage?.({ data: reply }));
  }

  terminate(): void {
    this.terminated = true;
  }

  answer({ call }: Call, answer: unknown): void {
    setImmediate(() => this.onmessage?.({ data: { call, answer } }));
  }

  fail({ call }: Call, code: string): void {
    setImmediate(() => this.onmessage?.({ data: { call, failure: { code, message: code } } }));
  }

  /** The calls of one kind, once there are `count`. */
  async asked(kind: Request['kind'], count: number): Promise<Call[]> {
    for (let turn = 0; turn < 1_000; turn++) {
      const found = this.calls.filter(({ request }) => request.kind === kind);
      if (found.length >= count) return found;
      await new Promise(setImmediate);
    }
    throw new Error(`fewer than ${count} calls of ${kind}`);
  }
}

Object.assign(globalThis, { Worker: FakeWorker });
beforeEach(() => (FakeWorker.all = []));

/** Waits for the worker that is started as number `at`. */
async function worker(at: number): Promise<FakeWorker> {
  for (let turn = 0; turn < 1_000; turn++) {
    const found = FakeWorker.all[at];
    if (found !== undefined) return found;
    await new Promise(setImmediate);
  }
  throw new Error(`no worker ${at}`);
}

function engine(): Engine {
  return new Engine(async () => ({}) as WebAssembly.Module);
}

async function opened(): Promise<{ engine: Engine; first: FakeWorker }> {
  const made = engine();
  await made.open('a', Promise.resolve(new Blob(['1'])));
  return { engine: made, first: await worker(0) };
}

test('a trap answers every waiting call, on a new worker that has the models', async () => {
  const { engine, first } = await opened();
  const both = [engine.classify('a', 'one', true), engine.classify('a', 'two', true)];
  const [one, two] = await first.asked('classify', 2);
  first.fail(one!, 'trapped');
  const second = await worker(1);
  assert.ok(first.terminated);
  // What the first still had to say comes too late for anyone, and harms nobody.
  first.fail(two!, 'trapped');
  for (const call of await second.asked('classify', 2)) second.answer(call, 'an answer');
  assert.deepEqual(await Promise.all(both), ['an answer', 'an answer']);
  assert.ok(!second.terminated);
  assert.deepEqual(second.calls.map(({ request }) => request.kind), ['start', 'open', 'classify', 'classify']);
});

test('a text that always traps fails after one more try, and the next call works', async () => {
  const { engine, first } = await opened();
  const lost = engine.classify('a', 'poison', true);
  first.fail((await first.asked('classify', 1))[0]!, 'trapped');
  const second = await worker(1);
  second.fail((await second.asked('classify', 1))[0]!, 'trapped');
  await assert.rejects(lost, { code: 'trapped' });
  const next = engine.classify('a', 'fine', true);
  const third = await worker(2);
  third.answer((await third.asked('classify', 1))[0]!, 'an answer');
  assert.equal(await next, 'an answer');
});

test('a worker that breaks once it runs fails every call, and the next starts another', async () => {
  for (const message of ['out of memory', '']) {
    FakeWorker.all = [];
    const { engine, first } = await opened();
    const calls = Promise.allSettled([engine.classify('a', 'one', true), engine.classify('a', 'two', true)]);
    await first.asked('classify', 2);
    if (message === '') first.onmessageerror?.();
    else first.onerror?.({ message });
    for (const outcome of await calls) {
      assert.equal(outcome.status, 'rejected');
      assert.equal(outcome.reason.code, 'runtime-failed');
    }
    assert.ok(first.terminated);
    const next = engine.classify('a', 'three', true);
    const second = await worker(1);
    second.answer((await second.asked('classify', 1))[0]!, 'an answer');
    assert.equal(await next, 'an answer');
  }
});

test('a worker that does not load fails what waited, and is tried again when asked again', async () => {
  const made = engine();
  const lost = made.open('a', Promise.resolve(new Blob(['1'])));
  (await worker(0)).onerror?.({ message: '' });
  await assert.rejects(lost, { code: 'runtime-failed', message: 'its worker did not load' });
  assert.equal(await made.open('a', Promise.resolve(new Blob(['1']))), 'open');
  assert.equal(FakeWorker.all.length, 2);
});

test('a model that was closed is not opened again on a new worker', async () => {
  const { engine, first } = await opened();
  await engine.open('b', Promise.resolve(new Blob(['2'])));
  await engine.close('a');
  const reading = engine.classify('b', 'one', true);
  first.fail((await first.asked('classify', 1))[0]!, 'trapped');
  const second = await worker(1);
  second.answer((await second.asked('classify', 1))[0]!, 'an answer');
  assert.equal(await reading, 'an answer');
  assert.deepEqual(
    second.calls.map(({ request }) => ('id' in request ? request.id : request.kind)),
    ['start', 'b', 'b'],
  );
});

test('a model that is opened while the runtime dies is opened once more', async () => {
  const { engine, first } = await opened();
  const dying = engine.classify('a', 'one', true);
  const [call] = await first.asked('classify', 1);
  first.postMessage = function (this: FakeWorker, sent: Message) {
    if ('call' in sent) this.calls.push(sent); // and never answers
  };
  const opening = engine.open('b', Promise.resolve(new Blob(['2'])));
  await first.asked('open', 2);
  first.fail(call!, 'trapped');
  const second = await worker(1);
  assert.equal(await opening, 'open');
  second.answer((await second.asked('classify', 1))[0]!, 'an answer');
  assert.equal(await dying, 'an answer');
});

test('a call tells how far it is, to its own caller alone', async () => {
  const { engine, first } = await opened();
  const heard: unknown[] = [];
  const ran = engine.classify('a', 'one', true, { onProgress: (progress) => heard.push(progress) });
  const other = engine.classify('a', 'two', false, { onProgress: () => assert.fail('not of this one') });
  const [one, two] = await first.asked('classify', 2);
  first.say({ call: one!.call, progress: { done: 1, total: 4 } });
  first.answer(one!, 'an answer');
  first.say({ call: one!.call, progress: { done: 4, total: 4 } });
  first.answer(two!, 'another');
  assert.deepEqual([await ran, await other], ['an answer', 'another']);
  assert.deepEqual(heard, [{ done: 1, total: 4 }]);
});

test('a call that is broken off rejects at once with the reason, and the worker hears of it', async () => {
  const { engine, first } = await opened();
  const stop = new AbortController();
  const ran = engine.classify('a', 'one', true, { signal: stop.signal });
  const [call] = await first.asked('classify', 1);
  const next = engine.classify('a', 'two', true);
  stop.abort('enough');
  await assert.rejects(ran, (reason) => reason === 'enough');
  assert.deepEqual(first.cancelled, [call!.call]);
  // What the worker still says of it is for nobody.
  first.fail(call!, 'failed');
  first.answer((await first.asked('classify', 2))[1]!, 'an answer');
  assert.equal(await next, 'an answer');
  await assert.rejects(engine.classify('a', 'three', true, { signal: stop.signal }), (reason) => reason === 'enough');
  assert.equal(first.calls.filter(({ request }) => request.kind === 'classify').length, 2);
});

test('an ended engine gives its worker back, and begins anew with nothing open', async () => {
  const { engine, first } = await opened();
  const lost = engine.classify('a', 'one', true);
  await first.asked('classify', 1);
  engine.end();
  await assert.rejects(lost, { code: 'failed' });
  assert.ok(first.terminated);
  await engine.open('b', Promise.resolve(new Blob(['2'])));
  const second = await worker(1);
  assert.deepEqual(second.calls.map(({ request }) => request.kind), ['start', 'open']);
});
