import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { Entry } from '../src/entry.ts';
import type { Engine } from '../src/engine.ts';
import type { Reading } from '../src/protocol.ts';
import { Teacher, type State } from '../src/teacher.ts';
import type { Company } from '../src/thread.ts';

const ENTRY: Entry = {
  id: 'a',
  name: 'A',
  question: '',
  placeholder: '',
  examples: [],
  source: '/a.glass',
  teacher: { source: '/a-teacher.glass', bytes: 6 },
};

interface Ask extends Company {
  text: string;
  explain: boolean;
  resolve: (reading: Reading) => void;
  reject: (error: unknown) => void;
}

/** Stands in for the engine: keeps what it is asked, and answers when told to. */
class FakeEngine {
  opened: string[] = [];
  ended = 0;
  asks: Ask[] = [];

  async open(_: string, bytes: Promise<Blob>): Promise<void> {
    this.opened.push(await (await bytes).text());
  }

  classify(_: string, text: string, explain: boolean, company: Company): Promise<Reading> {
    return new Promise((resolve, reject) => {
      this.asks.push({ text, explain, resolve, reject, ...company });
      company.signal?.addEventListener('abort', () => reject(company.signal?.reason));
    });
  }

  end(): void {
    this.ended++;
  }
}

let served: { requests: string[]; respond: (signal: AbortSignal) => Promise<Response> };

beforeEach(() => {
  served = {
    requests: [],
    respond: async () => new Response(new Blob(['abcdef'])),
  };
  globalThis.fetch = async (address, init) => {
    served.requests.push(String(address));
    return served.respond(init!.signal!);
  };
});

function made(): { teacher: Teacher; engine: FakeEngine; states: State[] } {
  const engine = new FakeEngine();
  const states: State[] = [];
  const teacher: Teacher = new Teacher(engine as unknown as Engine, () => states.push(teacher.state));
  teacher.offer(ENTRY);
  return { teacher, engine, states };
}

async function here() {
  const parts = made();
  await parts.teacher.bring();
  return parts;
}

function reading(text: string): Reading {
  return { text, ms: 1 } as Reading;
}

const turn = () => new Promise(setImmediate);

test('it comes only when asked for, its size told first and its bytes counted', async () => {
  const { teacher, engine, states } = made();
  assert.deepEqual(teacher.state, { at: 'offered', bytes: 6 });
  assert.deepEqual(served.requests, []);
  await teacher.bring();
  assert.deepEqual(served.requests, ['/a-teacher.glass']);
  assert.deepEqual(engine.opened, ['abcdef']);
  assert.deepEqual(teacher.state, { at: 'waiting' });
  assert.ok(states.some((state) => state.at === 'loading' && state.received === 6));
});

test('a model without one offers nothing, and brings nothing', async () => {
  const { teacher } = made();
  const { teacher: _, ...alone } = ENTRY;
  teacher.offer(alone);
  await teacher.bring();
  assert.deepEqual(teacher.state, { at: 'absent' });
  assert.deepEqual(served.requests, []);
});

test('cancelling while it loads stops the request and offers it again', async () => {
  const { teacher, engine } = made();
  let stopped = false;
  served.respond = (signal) =>
    new Promise((_, reject) =>
      signal.addEventListener('abort', () => {
        stopped = true;
        reject(signal.reason);
      }),
    );
  const bringing = teacher.bring();
  teacher.stop();
  await bringing;
  assert.ok(stopped);
  assert.deepEqual(teacher.state, { at: 'offered', bytes: 6 });
  assert.deepEqual(engine.opened, []);
});

test('what failed to load says so, and is fetched anew', async () => {
  const { teacher } = made();
  served.respond = async () => new Response('gone', { status: 404 });
  await teacher.bring();
  assert.match(String(teacher.state.at === 'failed' && teacher.state.error), /404/);
  assert.ok(!teacher.here);
  served.respond = async () => new Response(new Blob(['abcdef']));
  await teacher.bring();
  assert.ok(teacher.here);
});

test('bytes that do not open are not kept', async () => {
  const { teacher, engine } = made();
  engine.open = () => Promise.reject(new Error('damaged'));
  await teacher.bring();
  assert.equal(teacher.state.at, 'failed');
  await teacher.bring();
  assert.equal(served.requests.length, 2);
});

test('put away, its memory goes and its bytes stay', async () => {
  const { teacher, engine } = await here();
  teacher.putAway();
  assert.equal(engine.ended, 1);
  assert.deepEqual(teacher.state, { at: 'offered', bytes: 0 });
  await teacher.bring();
  assert.ok(teacher.here);
  assert.equal(served.requests.length, 1);
});

test('the answer comes first, then the explanation with its progress', async () => {
  const { teacher, engine } = await here();
  const done = teacher.read('one');
  assert.deepEqual(engine.asks.map(({ explain }) => explain), [false]);
  engine.asks[0]!.resolve(reading('one'));
  await turn();
  assert.deepEqual(engine.asks.map(({ explain }) => explain), [false, true]);
  assert.deepEqual(teacher.state, { at: 'reading', text: 'one', answer: reading('one') });
  engine.asks[1]!.onProgress!({ done: 4, total: 12 });
  assert.deepEqual(teacher.state.at === 'reading' && teacher.state.progress, { done: 4, total: 12 });
  engine.asks[1]!.resolve(reading('one'));
  await done;
  assert.deepEqual(teacher.state, { at: 'done', text: 'one', reading: reading('one') });
});

test('another text ends the explanation of the one before; the same text does not', async () => {
  const { teacher, engine } = await here();
  const first = teacher.read('one');
  teacher.turnTo('one');
  assert.ok(!engine.asks[0]!.signal!.aborted);
  teacher.turnTo('two');
  assert.ok(engine.asks[0]!.signal!.aborted);
  await first;
  assert.deepEqual(teacher.state, { at: 'waiting' });
  const second = teacher.read('two');
  engine.asks[1]!.resolve(reading('two'));
  await turn();
  engine.asks[2]!.resolve(reading('two'));
  await second;
  assert.equal(teacher.state.at === 'done' && teacher.state.text, 'two');
});

test('stopped, it keeps its answer and waits to be asked; another text starts afresh', async () => {
  const { teacher, engine } = await here();
  const stopped = teacher.read('one');
  engine.asks[0]!.resolve(reading('one'));
  await turn();
  teacher.stop();
  await stopped;
  assert.deepEqual(teacher.state, { at: 'stopped', text: 'one', answer: reading('one') });
  teacher.turnTo('one');
  assert.equal(teacher.state.at, 'stopped');
  teacher.turnTo('two');
  assert.deepEqual(teacher.state, { at: 'waiting' });
});

test('a failed explanation keeps the teacher, and can be asked for again', async () => {
  const { teacher, engine } = await here();
  const failed = teacher.read('one');
  engine.asks[0]!.reject(new Error('out of luck'));
  await failed;
  assert.equal(teacher.state.at === 'failed' && teacher.state.text, 'one');
  assert.ok(teacher.here);
  void teacher.read('one');
  assert.equal(teacher.state.at, 'reading');
});

test('another model puts it away, whatever it was at', async () => {
  const { teacher, engine } = await here();
  const lost = teacher.read('one');
  teacher.offer({ ...ENTRY, id: 'b' });
  await lost;
  assert.ok(engine.asks[0]!.signal!.aborted);
  assert.equal(engine.ended, 1);
  assert.deepEqual(teacher.state, { at: 'offered', bytes: 6 });
});
