import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, decimal, duration, ordinal, percent, sentence, share, signed, spoken, title } from '../src/format.ts';

test('a probability is never rounded to certainty', () => {
  assert.equal(percent(0), '0%');
  assert.equal(percent(0.0004), '<1%');
  assert.equal(percent(0.01), '1%');
  assert.equal(percent(0.555), '56%');
  assert.equal(percent(0.9951), '>99%');
  assert.equal(percent(1), '100%');
});

test('a contribution carries its sign, and none when it rounds to zero', () => {
  assert.equal(signed(0.517), '+0.52');
  assert.equal(signed(-1.2), '\u22121.20');
  assert.equal(signed(-0.004), '0.00');
  assert.equal(signed(0), '0.00');
});

test('a screen reader hears the sign as a word', () => {
  assert.equal(spoken(0.5), 'plus 0.50');
  assert.equal(spoken(-0.5), 'minus 0.50');
  assert.equal(spoken(0), '0.00');
});

test('times and sizes keep two or three digits', () => {
  assert.equal(duration(0.04), '< 0.1 ms');
  assert.equal(duration(0.44), '0.4 ms');
  assert.equal(duration(12.4), '12 ms');
  assert.equal(duration(2345), '2.3 s');
  assert.equal(bytes(0), '0 KB');
  assert.equal(bytes(300), '1 KB');
  assert.equal(bytes(812_345), '812 KB');
  assert.equal(bytes(1_234_567), '1.23 MB');
  assert.equal(bytes(12_412_345), '12.4 MB');
});

test('a small share keeps a decimal, and one above everything is said as it is', () => {
  assert.deepEqual([0, 0.0213, 0.1, 1.5].map(share), ['0.0%', '2.1%', '10%', '150%']);
});

test('a figure between minus one and one has no sign when it rounds to zero', () => {
  assert.deepEqual([0.625, -0.5, -0.001, 1].map(decimal), ['0.63', '\u22120.50', '0.00', '1.00']);
});

test('a message becomes a sentence once', () => {
  assert.deepEqual(['no luck', 'No luck!'].map(sentence), ['No luck.', 'No luck!']);
});

test('ordinals, the teens included', () => {
  assert.deepEqual([1, 2, 3, 4, 11, 12, 13, 21, 22, 111, 123].map(ordinal), [
    '1st', '2nd', '3rd', '4th', '11th', '12th', '13th', '21st', '22nd', '111th', '123rd',
  ]);
});

test('a class name starts with a capital', () => {
  assert.equal(title('bearish'), 'Bearish');
  assert.equal(title(''), '');
});
