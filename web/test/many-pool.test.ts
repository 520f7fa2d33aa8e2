import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Mortal } from '../src/many/mortal.ts';
import { Pool } from '../src/many/pool.ts';
import type { Opening } from '../src/many/protocol.ts';

interface Call {
  id: string;
  path: string[];
}

/** Stands in for a worker: it opens at once, and reads when it is told to. */
class StandIn extends EventTarget {
  static all: StandIn[] = [];
  onerror: ((event: Event) => void) | undefined;
  onmessageerror: (() => void) | undefined;
  ended = false;
  opened = 0;
  readonly batches: string[] = [];

  constructor() {
    super();
    StandIn.all.push(this);
  }

  postMessage({ id, path }: Call): void {
    if (path?.[0] === 'open') this.opened++;
    if (path?.[0] === 'read') this.batches.push(id);
    else queueMicrotask(() => this.#answer(id, undefined));
  }

  readAll(answer: string): void {
    for (const id of this.batches.splice(0)) this.#answer(id, answer);
  }

  die(): void {
    this.onerror?.(new Event('error', { cancelable: true }));
  }

  terminate(): void {
    this.ended = true;
  }

  #answer(id: string, value: unknown): void {
    this.dispatchEvent(new MessageEvent('message', { data: { id, type: 'RAW', value } }));
  }
}

Object.assign(globalThis, { Worker: StandIn });
beforeEach(() => void (StandIn.all = []));

const OPENING = { id: 'finance' } as Opening;
const turn = () => new Promise((resolve) => setTimeout(resolve));

test('a reader that dies with two batches is replaced once, and the one in its place reads both', async () => {
  const pool = new Pool(1);
  await pool.open(OPENING);
  const both = Promise.all([pool.read(['one']), pool.read(['two'])]);
  await turn();
  const [first] = StandIn.all;
  assert.equal(first!.batches.length, 2);
  first!.die();
  await turn();
  assert.equal(StandIn.all.length, 2);
  assert.ok(first!.ended);
  const [, second] = StandIn.all;
  assert.deepEqual([second!.opened, second!.batches.length], [1, 2]);
  second!.readAll('read');
  assert.deepEqual(await both, ['read', 'read']);
});

test('a batch is tried once more, no oftener, and the next one finds a reader again', async () => {
  const pool = new Pool(1);
  await pool.open(OPENING);
  const lost = assert.rejects(pool.read(['one']), /^Error: a reader stopped: its worker did not load$/);
  for (const place of [0, 1]) {
    await turn();
    StandIn.all[place]!.die();
  }
  await lost;
  const next = pool.read(['two']);
  await turn();
  assert.equal(StandIn.all.length, 3);
  StandIn.all[2]!.readAll('read');
  assert.equal(await next, 'read');
});

test('readers that did not come are called again', async () => {
  const pool = new Pool(2);
  const failed = assert.rejects(pool.ready());
  StandIn.all[1]!.die();
  await failed;
  await pool.ready();
  assert.deepEqual(StandIn.all.map(({ ended }) => ended), [false, true, false]);
});

test('what a worker owes when it dies is rejected, what it is asked later too, and its death is told once', async () => {
  const told: string[] = [];
  const worker = new StandIn();
  const mortal = new Mortal<{ read: () => void }>(worker as unknown as Worker, 'the desk', ({ message }) => told.push(message));
  const owed = mortal.ask((remote) => remote.read());
  worker.onmessageerror?.();
  worker.die();
  const cause = /^Error: the desk stopped: it sent what cannot be read$/;
  await assert.rejects(owed, cause);
  await assert.rejects(mortal.ask((remote) => remote.read()), cause);
  assert.equal(told.length, 1);
});
