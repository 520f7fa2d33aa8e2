import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { Classifier } from 'stillglass';
import { aboutOf } from '../src/library/manifest.ts';
import { Lazy } from '../src/lazy.ts';

test('the head of a bundle says what the runtime says once the model is open', async () => {
  for (const name of ['finance.glass', 'spam.glass', 'finance-teacher.glass']) {
    const bundle = new Blob([await readFile(new URL(`../../models/${name}`, import.meta.url))]);
    const classifier = await Classifier.load(bundle);
    const { methods: _, ...info } = classifier.info;
    const about = await aboutOf(bundle);
    assert.deepEqual({ ...about, card: plain(about.card), architecture: sizes(about) }, { ...info, card: plain(info.card), architecture: sizes(info) });
    await classifier.dispose();
  }
});

/** A card without the difference between a note that is missing and one that is nothing. */
function plain(card: { metrics: { note?: string | null }[] }): unknown {
  return { ...card, metrics: card.metrics.map(({ note, ...metric }) => ({ ...metric, note: note ?? null })) };
}

/** The sizes that the page shows; the head of a teacher has settings beside them. */
function sizes({ architecture }: { architecture: object }): unknown {
  const names = ['vocabulary', 'embedding', 'hidden', 'attention', 'layers', 'heads'];
  return Object.fromEntries(Object.entries(architecture).filter(([name]) => names.includes(name)));
}

test('what is no bundle has no head', async () => {
  for (const text of ['', 'PK\u0003\u0004', '<!doctype html><title>Not found</title>']) await assert.rejects(aboutOf(new Blob([text])));
});

test('a part is loaded once when it is wanted, and again if that failed', async () => {
  let loads = 0;
  let fails = true;
  const part = new Lazy(async () => {
    loads++;
    if (fails) throw new Error('no network');
    return 'here';
  });
  const told: string[] = [];
  part.tell((found) => told.push(found));
  assert.equal(part.begun, undefined);
  await assert.rejects(part.get(), /no network/);
  assert.equal(part.begun, undefined);
  fails = false;
  assert.deepEqual(await Promise.all([part.get(), part.get()]), ['here', 'here']);
  part.tell((found) => told.push(found));
  await part.get();
  assert.equal(loads, 2);
  assert.deepEqual(told, ['here']);
});
