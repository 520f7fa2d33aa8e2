import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fragment, LONGEST, opened, type Link } from '../src/answer/link.ts';

const VIEWS = ['many', 'models'];

test('a link gives back what was put into it, in any script', () => {
  const texts = ['Plain text', 'a&b=c#d%20+e', '“אבג” العربية 中文 日本語 ภาษาไทย 👩🏽‍🚀', 'two\nlines\ttab', '!\'()*.~ (end).', '%', '\u0000\u001b\u202e', '<script>', 'x'];
  for (const text of texts) {
    for (const link of [{ text, model: 'finance' }, { text, model: 'a b&c=d#', label: 'up & “down”=' }] satisfies Link[]) {
      const hash = fragment(link)!;
      assert.match(hash, /^#[\w%&=-]+$/, 'nothing that ends an address in the middle of a sentence');
      assert.deepEqual(opened(hash, VIEWS), { at: 'link', link });
      // As a browser has it after parsing an address.
      assert.deepEqual(opened(new URL(`https://example.org/${hash}`).hash, VIEWS), { at: 'link', link });
    }
  }
});

test('a pair is two texts in the address, without the sign that the page has between them', () => {
  const link = { text: 'A man sleeps.\u001fNobody & nothing = awake', model: 'nli', label: 'neutral' };
  const hash = fragment(link)!;
  assert.match(hash, /^#text=A%20man%20sleeps%2E&second=Nobody%20%26%20nothing%20%3D%20awake&model=nli&class=neutral$/);
  assert.deepEqual(opened(hash, VIEWS), { at: 'link', link });
  assert.deepEqual(opened('#text=a%1Fb&second=c&model=nli', VIEWS), { at: 'link', link: { text: 'a b\u001fc', model: 'nli' } });
});

test('a question and its choices are texts of their own in the address', () => {
  const link = { text: 'Who ran?\u001fhe\u001fshe', model: 'cqa' };
  const hash = fragment(link)!;
  assert.match(hash, /^#text=Who%20ran%3F&choice1=he&choice2=she&model=cqa$/);
  assert.deepEqual(opened(hash, VIEWS), { at: 'link', link });
});

test('a lone surrogate becomes what the models read', () => {
  const hash = fragment({ text: 'a\ud800b', model: 'finance' })!;
  assert.deepEqual(opened(hash, VIEWS), { at: 'link', link: { text: 'a\ufffdb', model: 'finance' } });
});

test('views and no fragment are no links', () => {
  for (const hash of ['', '#', '#many', '#models']) assert.deepEqual(opened(hash, VIEWS), { at: 'nothing' });
});

test('what is no link, or damaged, or too long, is refused with a reason', () => {
  const why = (hash: string) => {
    const found = opened(hash, VIEWS);
    return found.at === 'refused' ? found.why : found.at;
  };
  assert.match(why('#elsewhere'), /not one of this page/);
  assert.match(why('#access_token=x&state=y'), /not one of this page/);
  assert.match(why('#text=a'), /not one of this page/);
  assert.match(why('#text=%E0%A4%A&model=finance'), /damaged/);
  assert.match(why('#text=a&text=b&model=finance'), /damaged/);
  assert.match(why(`#text=${'a'.repeat(LONGEST)}&model=finance`), /longer than the 16,000 characters/);
});

test('a text too long for a link makes none', () => {
  const room = LONGEST - '#text=&model=finance'.length;
  assert.equal(fragment({ text: 'a'.repeat(room), model: 'finance' })?.length, LONGEST);
  assert.equal(fragment({ text: 'a'.repeat(room + 1), model: 'finance' }), undefined);
  assert.equal(fragment({ text: '漢'.repeat(2000), model: 'finance' }), undefined);
});
