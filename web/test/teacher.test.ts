import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StillglassError, type Answer, type AskOptions, type ModelInfo, type fetchBundle } from 'stillglass/client';
import type { Entry } from '../src/entry.ts';
import type { Reading } from '../src/opened.ts';
import { Teacher, type State } from '../src/teacher.ts';

const ENTRY: Entry = {
  id: 'a',
  name: 'A',
  question: '',
  placeholder: '',
  examples: [],
  source: '/a.glass',
  teacher: { source: '/a-teacher.glass', bytes: 6 },
};

const LABELS = ['fall', 'rise'];
const STUDENT = { labels: LABELS, pairs: false, choices: false };

interface Ask extends AskOptions {
  text: string;
  resolve: (reading: Reading) => void;
  reject: (error: unknown) => void;
}

/** Stands in for what fetches and opens: keeps what it is asked, and answers when told to. */
class FakeMeans {
  requests: string[] = [];
  respond: (signal: AbortSignal) => Promise<Blob> = async () => new Blob(['abcdef']);
  opened: string[] = [];
  ended = 0;
  asks: Ask[] = [];
  info: Pick<ModelInfo, 'kind' | 'labels' | 'pairs' | 'choices'> = { kind: 'teacher', labels: [...LABELS].reverse(), pairs: false, choices: false };
  forgotten: string[] = [];

  fetch: typeof fetchBundle = async (source, options = {}) => {
    this.requests.push(String(source));
    const blob = await this.respond(options.signal!);
    options.onProgress?.({ loaded: blob.size, total: undefined });
    return blob;
  };

  forget = async (source: string) => void this.forgotten.push(source);

  open = async (_: string, bytes: Promise<Blob>) => {
    this.opened.push(await (await bytes).text());
    const classify = (text: string, options: AskOptions) =>
      new Promise<Reading>((resolve, reject) => {
        this.asks.push({ text, resolve, reject, ...options });
        options.signal?.addEventListener('abort', () => reject(options.signal?.reason));
      });
    const classifyAll = async (texts: string[]) => texts.map((text) => ({ label: text }) as Answer);
    return { info: this.info as ModelInfo, classify, classifyAll, end: () => void this.ended++ };
  };
}

function made(): { teacher: Teacher; means: FakeMeans; states: State[] } {
  const means = new FakeMeans();
  const states: State[] = [];
  const teacher: Teacher = new Teacher(means, () => states.push(teacher.state));
  teacher.offer(ENTRY);
  return { teacher, means, states };
}

async function here() {
  const parts = made();
  await parts.teacher.bring(STUDENT);
  return parts;
}

function reading(text: string): Reading {
  return { text, result: {} } as Reading;
}

const turn = () => new Promise(setImmediate);

test('it comes only when asked for, its size told first and its bytes counted', async () => {
  const { teacher, means, states } = made();
  assert.deepEqual(teacher.state, { at: 'offered', bytes: 6 });
  assert.deepEqual(means.requests, []);
  await teacher.bring(STUDENT);
  assert.deepEqual(means.requests, ['/a-teacher.glass']);
  assert.deepEqual(means.opened, ['abcdef']);
  assert.deepEqual(teacher.state, { at: 'waiting' });
  assert.ok(states.some((state) => state.at === 'loading' && state.received === 6));
});

test('it is asked about other texts while it is here, and says nothing once it is put away', async () => {
  const { teacher } = await here();
  const { signal } = new AbortController();
  assert.deepEqual(await teacher.ask(['a', 'b'], signal), [{ label: 'a' }, { label: 'b' }]);
  teacher.putAway();
  assert.deepEqual(await teacher.ask(['a'], signal), []);
});

test('a model without one offers nothing, and brings nothing', async () => {
  const { teacher, means } = made();
  const { teacher: _, ...alone } = ENTRY;
  teacher.offer(alone);
  await teacher.bring(STUDENT);
  assert.deepEqual(teacher.state, { at: 'absent' });
  assert.deepEqual(means.requests, []);
});

test('cancelling while it loads stops the request and offers it again', async () => {
  const { teacher, means } = made();
  let stopped = false;
  means.respond = (signal) =>
    new Promise((_, reject) =>
      signal.addEventListener('abort', () => {
        stopped = true;
        reject(signal.reason);
      }),
    );
  const bringing = teacher.bring(STUDENT);
  teacher.stop();
  await bringing;
  assert.ok(stopped);
  assert.deepEqual(teacher.state, { at: 'offered', bytes: 6 });
  assert.deepEqual(means.opened, []);
});

test('what failed to load says so, and is fetched anew', async () => {
  const { teacher, means } = made();
  means.respond = () => Promise.reject(new Error('the server answered 404'));
  await teacher.bring(STUDENT);
  assert.match(String(teacher.state.at === 'failed' && teacher.state.error), /404/);
  assert.ok(!teacher.here);
  means.respond = async () => new Blob(['abcdef']);
  await teacher.bring(STUDENT);
  assert.ok(teacher.here);
});

test('bytes that do not open are not kept', async () => {
  const { teacher, means } = made();
  means.open = () => Promise.reject(new Error('damaged'));
  await teacher.bring(STUDENT);
  assert.equal(teacher.state.at, 'failed');
  await teacher.bring(STUDENT);
  assert.equal(means.requests.length, 2);
});

test('put away, its memory goes and its bytes stay', async () => {
  const { teacher, means } = await here();
  teacher.putAway();
  assert.equal(means.ended, 1);
  assert.deepEqual(teacher.state, { at: 'offered', bytes: 0 });
  await teacher.bring(STUDENT);
  assert.ok(teacher.here);
  assert.equal(means.requests.length, 1);
});

test('the answer comes first, then the explanation with its progress', async () => {
  const { teacher, means } = await here();
  const done = teacher.read('one');
  assert.deepEqual(means.asks.map(({ explain }) => explain), [undefined]);
  means.asks[0]!.resolve(reading('one'));
  await turn();
  assert.deepEqual(means.asks.map(({ explain }) => explain), [undefined, true]);
  assert.deepEqual(teacher.state, { at: 'reading', text: 'one', answer: reading('one') });
  means.asks[1]!.onProgress!({ done: 4, total: 12 });
  assert.deepEqual(teacher.state.at === 'reading' && teacher.state.progress, { done: 4, total: 12 });
  means.asks[1]!.resolve(reading('one'));
  await done;
  assert.deepEqual(teacher.state, { at: 'done', text: 'one', reading: reading('one') });
});

test('another text ends the explanation of the one before; the same text does not', async () => {
  const { teacher, means } = await here();
  const first = teacher.read('one');
  teacher.turnTo('one');
  assert.ok(!means.asks[0]!.signal!.aborted);
  teacher.turnTo('two');
  assert.ok(means.asks[0]!.signal!.aborted);
  await first;
  assert.deepEqual(teacher.state, { at: 'waiting' });
  const second = teacher.read('two');
  means.asks[1]!.resolve(reading('two'));
  await turn();
  means.asks[2]!.resolve(reading('two'));
  await second;
  assert.equal(teacher.state.at === 'done' && teacher.state.text, 'two');
});

test('stopped, it keeps its answer and waits to be asked; another text starts afresh', async () => {
  const { teacher, means } = await here();
  const stopped = teacher.read('one');
  means.asks[0]!.resolve(reading('one'));
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
  const { teacher, means } = await here();
  const failed = teacher.read('one');
  means.asks[0]!.reject(new Error('out of luck'));
  await failed;
  assert.equal(teacher.state.at === 'failed' && teacher.state.text, 'one');
  assert.ok(teacher.here);
  void teacher.read('one');
  assert.equal(teacher.state.at, 'reading');
});

test('another model puts it away, whatever it was at', async () => {
  const { teacher, means } = await here();
  const lost = teacher.read('one');
  teacher.offer({ ...ENTRY, id: 'b' });
  await lost;
  assert.ok(means.asks[0]!.signal!.aborted);
  assert.equal(means.ended, 1);
  assert.deepEqual(teacher.state, { at: 'offered', bytes: 6 });
});

test('bytes that cannot be read are forgotten wherever they are kept, others are not', async () => {
  for (const [error, forgotten] of [
    [new StillglassError('bad-bundle', 'a web page'), ['/a-teacher.glass']],
    [new StillglassError('worker-failed', 'no script'), []],
  ] as const) {
    const { teacher, means } = made();
    means.open = async () => Promise.reject(error);
    await teacher.bring(STUDENT);
    assert.deepEqual([teacher.state, means.forgotten], [{ at: 'failed', error }, forgotten]);
  }
});

test('a bundle that is no teacher of this student is refused, and its worker ended', async () => {
  for (const [info, reason] of [
    [{ kind: 'student', labels: LABELS }, /holds a student/],
    [{ kind: 'teacher', labels: ['fall', 'stay'] }, /fall, stay.*fall, rise/],
    [{ kind: 'teacher', labels: ['fall', 'rise', 'stay'] }, /fall, rise, stay/],
    [{ kind: 'teacher', labels: LABELS, pairs: true }, /reads pairs of texts, the student single ones/],
    [{ kind: 'teacher', labels: LABELS, choices: true }, /chooses among answers, the student does not/],
  ] as const) {
    const { teacher, means } = made();
    means.info = { pairs: false, choices: false, ...(info as Pick<ModelInfo, 'kind' | 'labels'>) };
    await teacher.bring(STUDENT);
    assert.ok(teacher.state.at === 'failed' && reason.test(String(teacher.state.error)), JSON.stringify(teacher.state));
    assert.deepEqual([means.ended, means.forgotten], [1, ['/a-teacher.glass']]);
  }
});
