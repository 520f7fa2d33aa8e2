/** The README's recipe for a service worker: a copy of the package and its model without a network, after one visit. */

import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch } from './browser.mjs';
import { serveFolder } from './site.mjs';

const here = (file) => fileURLToPath(new URL(file, import.meta.url));
const PAGE = '<!doctype html><title>A site</title><p id="label"></p><script type="module" src="/app.js"></script>';
const app = (version) => `import { Classifier } from '/stillglass/index.js';
// The host's policy asks for one.
trustedTypes.createPolicy('default', { createScriptURL: (address) => address });
navigator.serviceWorker.register('/sw.js');
const clf = await Classifier.load('/finance.glass');
const { label } = await clf.classify('Harbor Steel shares sink as the dividend is cut');
document.querySelector('#label').textContent = '${version}: ' + label;
`;

let browser;
let folder;
before(async () => {
  browser = await launch();
  folder = await mkdtemp(path.join(tmpdir(), 'stillglass-recipe-'));
  await cp(here('../../pkg/dist'), path.join(folder, 'stillglass'), { recursive: true });
  await cp(here('../../web/models/finance.glass'), path.join(folder, 'finance.glass'));
});
after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

/** The recipe as the README has it. */
async function recipe() {
  const readme = await readFile(here('../../pkg/README.md'), 'utf8');
  const found = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code).filter((code) => code.includes("addEventListener('install'"));
  assert.equal(found.length, 1);
  return found[0];
}

async function publish(version, worker) {
  await writeFile(path.join(folder, 'index.html'), PAGE);
  await writeFile(path.join(folder, 'app.js'), app(version));
  await writeFile(path.join(folder, 'sw.js'), worker);
}

test('after one visit the site works without a network, and the next version takes the place of this one', async () => {
  const worker = await recipe();
  await publish('one', worker);
  const site = await serveFolder(folder);
  const context = await browser.newContext();
  const visit = async () => {
    const page = await context.newPage();
    await page.goto(site.address);
    await page.locator('#label:not(:empty)').waitFor();
    return { page, says: await page.locator('#label').textContent() };
  };
  const first = await visit();
  assert.equal(first.says, 'one: bearish');
  await first.page.evaluate(() => navigator.serviceWorker.ready);
  await first.page.close();
  await context.setOffline(true);
  const offline = await visit();
  assert.equal(offline.says, 'one: bearish');

  await context.setOffline(false);
  await publish('two', worker.replace("'site-1'", "'site-2'"));
  await offline.page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    await registration.update();
    const next = registration.installing ?? registration.waiting;
    if (next.state === 'installing') await new Promise((resolve) => next.addEventListener('statechange', resolve, { once: true }));
  });
  await offline.page.close();
  const next = await context.newPage();
  await next.goto(site.address);
  await next.getByText('two: bearish').waitFor();
  assert.deepEqual(await next.evaluate(() => caches.keys()), ['site-2']);
  await context.close();
  await site.stop();
});
