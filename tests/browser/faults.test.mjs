import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IDS, bringModel, bundleBytes, exampleText, turnToModels, turnToText, visiting, write } from './page.mjs';

const site = visiting();

/** Answers for one model's file with something else. */
function instead(id, respond) {
  return (page) => page.route(`**/${id}-*.glass`, respond);
}

async function flipped(id) {
  const bytes = await bundleBytes(id);
  bytes[bytes.length - 7] ^= 0x10;
  return bytes;
}

test('one flipped bit is named, the other model still works, and trying again does too', async () => {
  const body = await flipped('finance');
  const { page } = await site.open({
    prepare: instead('finance', (route) => route.fulfill({ body })),
    state: 'failed',
  });
  const alert = page.getByRole('alert');
  assert.match(await alert.textContent(), /The Finance model could not be read/);
  assert.ok(await page.locator('#answer').isHidden());
  assert.equal(await page.locator('#fact-network').textContent(), 'Some models are not here yet');

  await page.getByRole('radio', { name: 'Spam', exact: true }).check();
  await write(page, exampleText('Prize'));
  assert.equal(await alert.textContent(), '');

  await page.getByRole('radio', { name: 'Finance', exact: true }).check();
  await page.getByRole('button', { name: 'Try again' }).waitFor();
  await page.unroute('**/finance-*.glass');
  await page.getByRole('button', { name: 'Try again' }).click();
  await write(page, exampleText('Upgrade'));
  assert.equal(await alert.textContent(), '');
});

test('a web page in place of a bundle is called that', async () => {
  const { page } = await site.open({
    prepare: instead('finance', (route) => route.fulfill({ body: '<!doctype html><title>Not found</title>' })),
    state: 'failed',
  });
  assert.match(await page.getByRole('alert').textContent(), /web page/);
});

test('a missing file and a broken line are told apart from a bad one', async () => {
  const missing = await site.open({
    prepare: instead('finance', (route) => route.fulfill({ status: 404 })),
    state: 'failed',
  });
  assert.match(await missing.page.getByRole('alert').textContent(), /did not load.*404/);
  const broken = await site.open({ prepare: instead('finance', (route) => route.abort()), state: 'failed' });
  assert.match(await broken.page.getByRole('alert').textContent(), /did not load/);
});

test('a bad file from disk is refused with a reason, and the way back is open', async () => {
  const { page } = await site.open();
  await turnToModels(page);
  await bringModel(page, 'holiday.glass', Buffer.from('PK\u0003\u0004 not a bundle at all'));
  await page.getByRole('alert').getByText('holiday.glass was not opened').waitFor();
  assert.deepEqual(await page.locator('#chooser input').evaluateAll((inputs) => inputs.map(({ value, checked }) => [value, checked])), IDS.map((id) => [id, id === 'finance']));
  await turnToText(page);
  await write(page, exampleText('Upgrade'));
});

test('a browser without WebAssembly gets a sentence, not a blank page', async () => {
  const { page } = await site.open({
    prepare: (page) => page.addInitScript(() => delete globalThis.WebAssembly),
    state: 'failed',
  });
  assert.match(await page.getByRole('alert').textContent(), /cannot run the model.*WebAssembly/);
});

test('a browser without SIMD gets the same sentence', async () => {
  const { page } = await site.open({
    prepare: (page) => page.addInitScript(() => (WebAssembly.validate = () => false)),
    state: 'failed',
  });
  assert.match(await page.getByRole('alert').textContent(), /cannot run the model.*SIMD/);
});

test('a damaged runtime, or a web page in its place, is not blamed on the browser', async () => {
  for (const body of [Buffer.from('\0asm\x01\0\0\0\xff'), '<!doctype html><title>Not found</title>', '']) {
    const { page } = await site.open({
      prepare: (page) => page.route('**/*.wasm', (route) => route.fulfill({ body })),
      state: 'failed',
    });
    const alert = page.getByRole('alert');
    assert.match(await alert.textContent(), /did not load.*file is damaged; reload it/);
    await page.unroute('**/*.wasm');
    await page.getByRole('button', { name: 'Try again' }).click();
    await write(page, exampleText('Upgrade'));
  }
});

test('a worker that does not load is reported and tried again', async () => {
  const { page } = await site.open({
    prepare: (page) => page.route('**/worker-*.js', (route) => route.abort(), { times: 1 }),
    state: 'failed',
  });
  assert.match(await page.getByRole('alert').textContent(), /did not load/);
  await page.getByRole('button', { name: 'Try again' }).click();
  await write(page, exampleText('Upgrade'));
});

test('a runtime that dies in mid-call is replaced, and the call is answered', async () => {
  const { page, complaints } = await site.open({ prepare: dieOnce });
  await write(page, exampleText('Raised outlook'));
  assert.equal(await page.evaluate(() => globalThis.workers), 2);
  assert.deepEqual(complaints, []);
});

test('a call that fails leaves nothing of the text before it', async () => {
  const { page } = await site.open({ prepare: failAtPoison });
  await write(page, exampleText('Raised outlook'));
  await page.getByRole('textbox').fill('poison');
  await page.getByRole('alert').getByText('out of luck').waitFor();
  for (const part of ['#answer', '#verdict', '#blank']) assert.ok(await page.locator(part).isHidden(), part);
  assert.equal(await page.locator('#summary').textContent(), '');
  await write(page, exampleText('Upgrade'));
  assert.equal(await page.getByRole('alert').textContent(), '');
});

/** Makes every classification of the text `poison` fail. */
function failAtPoison(page) {
  return page.addInitScript(() => {
    const Real = globalThis.Worker;
    globalThis.Worker = class extends Real {
      constructor(...args) {
        super(...args);
        this.addEventListener('message', (event) => {
          if (event.data.answer?.results?.[0].words?.[0]?.text !== 'poison') return;
          event.stopImmediatePropagation();
          const failure = { code: 'failed', message: 'out of luck' };
          this.dispatchEvent(new MessageEvent('message', { data: { failure } }));
        });
      }
    };
  });
}

/** Makes the first worker's first classification look as if the WebAssembly instance had trapped. */
function dieOnce(page) {
  return page.addInitScript(() => {
    globalThis.workers = 0;
    const Real = globalThis.Worker;
    globalThis.Worker = class extends Real {
      constructor(...args) {
        super(...args);
        if (++globalThis.workers > 1) return;
        this.addEventListener('message', (event) => {
          if (event.data.answer?.results === undefined) return;
          event.stopImmediatePropagation();
          const failure = { code: 'trapped', message: 'unreachable' };
          this.dispatchEvent(new MessageEvent('message', { data: { failure } }));
        });
      }
    };
  });
}
