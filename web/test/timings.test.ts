import assert from 'node:assert/strict';
import { test } from 'node:test';
import { remember, remembered } from '../src/timings.ts';

const timing = { device: 'a GPU', cpu: { call: 1, token: 2 }, gpu: { call: 3, token: 0.5 } };

function withStorage(storage: Partial<Storage> | undefined, then: () => void): void {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'localStorage');
  Object.defineProperty(globalThis, 'localStorage', { value: storage, configurable: true });
  try {
    then();
  } finally {
    if (before !== undefined) Object.defineProperty(globalThis, 'localStorage', before);
  }
}

test('a timing is remembered for its model alone', () => {
  const kept = new Map<string, string>();
  const getItem = (key: string): string | null => kept.get(key) ?? null;
  withStorage({ getItem, setItem: (key: string, value: string) => void kept.set(key, value) }, () => {
    assert.equal(remembered('finance 9'), undefined);
    remember('finance 9', timing);
    assert.deepEqual(remembered('finance 9'), timing);
    assert.equal(remembered('finance 8'), undefined);
    const [[key, value] = ['', '']] = kept;
    kept.set(key, value.replace(/"since":\d+/, '"since":0'));
    assert.equal(remembered('finance 9'), undefined, 'after a month it is measured again');
  });
});

test('storage that is forbidden, full or spoilt is lived without', () => {
  const refuse = (): never => {
    throw new Error('full');
  };
  withStorage(undefined, () => assert.equal(remembered('a 1'), undefined));
  withStorage({ getItem: refuse, setItem: refuse }, () => {
    remember('a 1', timing);
    assert.equal(remembered('a 1'), undefined);
  });
  withStorage({ getItem: () => '{spoilt' }, () => assert.equal(remembered('a 1'), undefined));
});
