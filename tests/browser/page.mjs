/** A visit to the built page, with everything worth asserting about it recorded. */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch } from './browser.mjs';
import { servePage } from './site.mjs';

/** The folder of the bundles that the page was built with. */
export const MODELS = process.env.STILLGLASS_MODELS ?? fileURLToPath(new URL('../../web/models', import.meta.url));
const { models } = JSON.parse(await readFile(path.join(MODELS, 'index.json'), 'utf8'));

/** What the page calls its models, in their order. */
export const IDS = models.map(({ id }) => id);
export const NAMES = models.map(({ name }) => name);

/** The bytes of a bundle that the page was built with. */
export function bundleBytes(id) {
  return readFile(path.join(MODELS, models.find((model) => model.id === id).file));
}

/** What the page offers as a model's teacher: its file's name and bytes; none where the file is not there. */
export function teacherOf(id) {
  const { teacher } = models.find((model) => model.id === id);
  return teacher !== undefined && existsSync(path.join(MODELS, teacher.file)) ? teacher : undefined;
}

/** The text of an example by the title on its button. */
export function exampleText(title) {
  return models.flatMap(({ examples }) => examples).find((example) => example.title === title).text;
}

/** Starts site and browser around a file's tests; returns what opens visits. */
export function visiting() {
  let browser;
  let site;
  const visits = [];
  before(async () => {
    [browser, site] = await Promise.all([launch(), servePage()]);
  });
  afterEach(async () => {
    await Promise.all(visits.splice(0).map((context) => context.close()));
  });
  after(async () => {
    await browser?.close();
    await site?.stop();
  });
  return {
    async open(options) {
      const visit = await open(browser, site.address, options);
      visits.push(visit.context);
      return visit;
    },
    stopServer: () => site.stop(),
  };
}

/**
 * Opens the page, or another one at `path`, in a fresh context. `prepare` gets the page before it goes anywhere;
 * `state` is what to wait for: `quiet` (all models here), `failed`, or nothing.
 */
async function open(browser, address, { prepare, state = 'quiet', path: where = '', ...context } = {}) {
  // A service worker would answer what a test means to intercept; `offline.test.mjs` has one.
  const visit = await browser.newContext({ viewport: { width: 1280, height: 900 }, serviceWorkers: 'block', ...context });
  // Generous, for machines that do much else meanwhile.
  visit.setDefaultTimeout(90_000);
  const page = await visit.newPage();
  const requests = [];
  const complaints = [];
  // Chromium asks for the icon again whenever the address changes, whatever a page does.
  const icon = (url) => url.endsWith('/favicon.svg');
  visit.on('request', (request) => {
    if (!icon(request.url())) requests.push(request.url());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !icon(message.location().url)) complaints.push(message.text());
  });
  await page.exposeFunction('complain', (text) => complaints.push(text));
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      globalThis.complain(`policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  await prepare?.(page);
  const response = await page.goto(new URL(where, address).href);
  if (state === 'quiet') await page.waitForSelector('html[data-network=quiet]', { state: 'attached' });
  if (state === 'failed') await page.waitForSelector('html[data-state=failed]', { state: 'attached' });
  return { page, context: visit, requests, complaints, response };
}

/** Puts a text into the page and waits until the answer, the sentence and the table are about it. */
export async function write(page, text) {
  await page.getByRole('textbox').fill(text);
  await settle(page);
}

/** Waits until what is shown is about the text as it stands, and typing counts as paused. */
export async function settle(page) {
  await page.waitForFunction(() => {
    const text = document.querySelector('#text').value;
    const shown = document.querySelector('#words').textContent;
    // Of text that was not read only the beginning is shown.
    return shown === text || (shown.endsWith('…') && text.startsWith(shown.slice(0, -1)));
  });
  await page.locator('#summary:not(.stale):not(:empty)').waitFor();
}

/** Turns to the view of models, and waits until its list and the card of the one in use are there. */
export async function turnToModels(page) {
  await page.getByRole('link', { name: 'Models', exact: true }).click();
  await page.locator('#card:not([hidden])').waitFor();
}

/** Turns to the view of this device. */
export async function turnToDevice(page) {
  await page.getByRole('link', { name: 'This device', exact: true }).click();
  await page.locator('#measure-note:not(:empty)').waitFor();
}

/** Turns back to the one text. */
export async function turnToText(page) {
  await page.getByRole('link', { name: 'One text' }).click();
}

/** Brings a file of one's own as a model. */
export async function bringModel(page, name, buffer) {
  await page.locator('#file').setInputFiles({ name, mimeType: 'application/octet-stream', buffer });
}

/** Takes a word out, and opens all tools under the words with their results. */
export async function openTools(page, word) {
  await word.click();
  await page.locator('#moved-table:not([hidden])').waitFor();
  for (const tool of ['flip', 'curves', 'keep']) await page.locator(`#${tool} > summary`).click();
  for (const tool of ['flip', 'curves']) {
    await page.locator(`#${tool}-start`).click();
    await page.locator(`#${tool}-says:not(:empty)`).waitFor();
  }
  await page.getByText('Every point').click();
}

/** The predicted class as the page shows it. */
export function verdict(page) {
  return page.locator('.verdict-label').textContent();
}

/** A `+1.25`, `−0.50` or `0.00` of the page as a number. */
export function value(shown) {
  return Number(shown.replace('\u2212', '-'));
}
