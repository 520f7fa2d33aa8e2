/** The package on a page that demands Trusted Types, as its README tells how. */

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch } from './browser.mjs';
import { servePackage } from './site.mjs';

const STUDENT = fileURLToPath(new URL('../../web/models/finance.glass', import.meta.url));
const POLICY = "script-src 'self' 'wasm-unsafe-eval'; require-trusted-types-for 'script'";
let site;
let browser;
let page;

before(async () => {
  site = await servePackage({ '/student.glass': STUDENT });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await site?.stop();
});

beforeEach(async () => {
  page = await browser.newPage();
  await page.route(site.address, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), 'content-security-policy': POLICY } });
  });
  await page.goto(site.address);
});

afterEach(() => page.close());

/** In the page: a label, or the code and the words of why there is none. */
async function ask(how) {
  const { Classifier } = await import('/pkg/dist/index.js');
  const createScriptURL = (address) => address;
  const worker = {
    'the address as a policy makes it': () => trustedTypes.createPolicy('app', { createScriptURL }).createScriptURL('/pkg/dist/worker.js'),
    'a default policy': () => void trustedTypes.createPolicy('default', { createScriptURL }),
    'this thread': () => false,
    'no policy': () => undefined,
  }[how]();
  try {
    const clf = await Classifier.load('/student.glass', { worker });
    const { label } = await clf.classify('Northwind raises its profit outlook');
    await clf.dispose();
    return { label };
  } catch ({ code, message }) {
    return { code, message };
  }
}

for (const how of ['the address as a policy makes it', 'a default policy', 'this thread']) {
  test(`${how} is enough under Trusted Types`, async () => {
    assert.deepEqual(await page.evaluate(ask, how), { label: 'bullish' });
  });
}

test('without a policy the worker is refused, and the error says so', async () => {
  const { code, message } = await page.evaluate(ask, 'no policy');
  assert.equal(code, 'worker-failed');
  assert.match(message, /TrustedScriptURL/);
});
