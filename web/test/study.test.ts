import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Course, type Store } from '../src/study/course.ts';
import { readPlan } from '../src/study/plan.ts';

const PLAN = {
  format: 'stillglass-study/1',
  study: 'abc',
  constructs: [
    { name: 'plausibility', statement: 'It convinces.' },
    { name: 'completeness', statement: 'It is whole.' },
  ],
  scale: ['no', 'rather not', 'neither', 'rather', 'yes'],
  items: [
    { id: 'item-1', text: 'Up 😀 it goes', answer: 'up', explanation: { words: [{ start: 0, end: 2, weight: 1 }] } },
    { id: 'item-2', text: 'Down', text2: 'It falls.', answer: 'down', explanation: { sentence: 'It fell.' } },
    { id: 'check-1', text: 'A shop', answer: 'flat', explanation: { sentence: 'Choose “rather”.' }, check: 4 },
  ],
  raters: [
    { rater: 'rater-1', items: ['item-2', 'check-1', 'item-1'] },
    { rater: 'rater-2', items: ['item-1'] },
  ],
};

const plan = () => readPlan(JSON.stringify(PLAN));

/** What stands in for the browser's storage. */
function store(content = new Map<string, string>()): Store & { content: Map<string, string> } {
  return {
    content,
    getItem: (name) => content.get(name) ?? null,
    setItem: (name, value) => void content.set(name, value),
    removeItem: (name) => void content.delete(name),
  };
}

test('a plan is read with its items in the order of each rater', () => {
  const [first] = plan().raters;
  assert.deepEqual(first?.items.map(({ id }) => id), ['item-2', 'check-1', 'item-1']);
  assert.equal(first?.items[0]?.text2, 'It falls.');
  assert.equal(first?.items[1]?.check, 4);
});

test('words of a second text come after those of the first, in its own units', () => {
  const words = [{ start: 2, end: 4, weight: 1 }, { start: 0, end: 2, half: 1, weight: -1 }];
  const with_ = (words: object[], texts: object) => readPlan(JSON.stringify({ ...PLAN, items: [{ ...PLAN.items[0], ...texts, id: 'item-2', explanation: { words } }, PLAN.items[0], PLAN.items[2]] }));
  assert.deepEqual(with_(words, { text2: 'No' }).raters[0]?.items[0]?.explanation, { words });
  for (const [bad, texts] of [
    [words, {}],
    [words.map((word) => ({ ...word, half: 2 })), { text2: 'No' }],
    [[...words].reverse(), { text2: 'No' }],
    [[{ start: 0, end: 9, half: 1, weight: 1 }], { text2: 'No' }],
  ] as const) {
    assert.throws(() => with_([...bad], texts), /is no word of its text/);
  }
});

test('what is no plan says so', () => {
  const says = (content: string, pattern: RegExp) => assert.throws(() => readPlan(content), pattern);
  says('rater,item', /no JSON/);
  says('[]', /the file is no object/);
  says('{"study":"abc","groups":{}}', /looks like the key/);
  const changed = (change: object) => JSON.stringify({ ...PLAN, ...change });
  says(changed({ format: 'stillglass-study/2' }), /format stillglass-study\/1/);
  says(changed({ raters: [{ rater: 'r', items: ['item-9'] }] }), /rates item-9/);
  says(changed({ raters: [] }), /nobody to rate/);
  says(changed({ items: [{ id: 'x', text: 'ab', answer: 'a', explanation: { words: [{ start: 0, end: 3, weight: 1 }] } }] }), /words\[0\] is no word/);
  says(changed({ items: [{ id: 'x', text: 5 }] }), /items\[0\]\.text is no text/);
});

test('ratings are kept and go on where they were', () => {
  const kept = store();
  const study = plan();
  const first = new Course(study, study.raters[0]!, kept);
  assert.deepEqual([first.next, first.done], [0, 0]);
  assert.ok(first.rate('item-2', [4, 5], 2.4));
  assert.ok(first.rate('item-1', [1, 2], 1));
  const again = new Course(study, study.raters[0]!, kept);
  assert.deepEqual([again.next, again.done, again.of('item-2')], [1, 2, [4, 5]]);
  const other = new Course(study, study.raters[1]!, kept);
  assert.deepEqual([other.next, other.done], [0, 0]);
});

test('what was kept of something else is not taken', () => {
  const study = plan();
  for (const content of ['{', '[]', '{"item-2":{"values":[4],"seconds":1}}', '{"item-2":{"values":[4,9],"seconds":1}}', '{"item-2":null}']) {
    const course = new Course(study, study.raters[0]!, store(new Map([['stillglass-study:abc:rater-1', content]])));
    assert.equal(course.next, 0, content);
  }
});

test('what is chosen of an item is kept before all of it is', () => {
  const kept = store();
  const study = plan();
  const course = new Course(study, study.raters[0]!, kept);
  course.rate('item-2', [4, 0], 1);
  const again = new Course(study, study.raters[0]!, kept);
  assert.deepEqual([again.next, again.done, again.of('item-2')], [0, 0, [4, 0]]);
  assert.equal(again.csv().trim().split('\r\n').length, 1);
  again.forget();
  assert.equal(kept.content.size, 0);
});

test('two tabs of a rater lose nothing of each other', () => {
  const kept = store();
  const study = plan();
  const [first, second] = [0, 0].map(() => new Course(study, study.raters[0]!, kept)) as [Course, Course];
  first.rate('item-2', [4, 5], 1);
  second.rate('item-1', [1, 1], 1);
  first.rate('check-1', [4, 4], 1);
  assert.equal(new Course(study, study.raters[0]!, kept).done, 3);
});

test('a full storage loses nothing of this visit', () => {
  const study = plan();
  const full = { ...store(), setItem: () => { throw new Error('quota'); } };
  const course = new Course(study, study.raters[0]!, full);
  assert.equal(course.rate('item-2', [4, 5], 1), false);
  assert.deepEqual(course.of('item-2'), [4, 5]);
});

test('the file has a row for each rated item, says which checks were passed, and what revisiting took', () => {
  const study = plan();
  const course = new Course(study, study.raters[0]!, store());
  course.rate('item-2', [4, 5], 2);
  course.rate('item-2', [3, 5], 1.6);
  course.rate('check-1', [4, 4], 3);
  assert.deepEqual(course.csv().split('\r\n'), [
    'study,rater,item,check,plausibility,completeness,seconds',
    'abc,rater-1,item-2,,3,5,4',
    'abc,rater-1,check-1,passed,4,4,3',
    '',
  ]);
  course.rate('check-1', [4, 3], 1);
  assert.match(course.csv(), /check-1,failed,4,3/);
});
