import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bringModel, bundleBytes, exampleText, settle, turnToDevice, turnToModels, turnToText, verdict, visiting, write } from './page.mjs';
import { PAGE_POLICY } from './site.mjs';

const site = visiting();

/** Uses all there is on the page. */
async function useEverything(page) {
  for (const title of ['Raised outlook', 'Mixed quarter']) await write(page, exampleText(title));
  await page.getByRole('radio', { name: /Neutral/ }).check();
  await page.locator('#words .word').first().hover();
  await page.getByRole('button', { name: 'Show the numbers' }).click();
  await useTools(page);
  await turnToModels(page);
  await page.getByRole('button', { name: 'Read the card Spam' }).click();
  await bringModel(page, 'mine.glass', await bundleBytes('spam'));
  await page.getByRole('radio', { name: 'mine', checked: true }).waitFor();
  await page.getByRole('button', { name: 'Remove mine' }).click();
  await turnToDevice(page);
  await turnToText(page);
  await page.getByRole('radio', { name: 'Spam', exact: true }).check();
  await settle(page);
  await write(page, exampleText('Prize'));
  await page.getByRole('radio', { name: 'Finance', exact: true }).check();
  await page.getByRole('radio', { name: /Neutral/ }).waitFor();
  await write(page, exampleText('Dividend cut'));
}

/** Takes a word out, searches, draws, saves, copies and links. */
async function useTools(page) {
  await page.locator('#words .word').first().click();
  await page.locator('#moved-table:not([hidden])').waitFor();
  for (const [tool, start, says] of [['#flip', '#flip-start', '#flip-says'], ['#curves', '#curves-start', '#curves-says']]) {
    await page.locator(`${tool} > summary`).click();
    await page.locator(start).click();
    await page.locator(`${says}:not(:empty)`).waitFor();
  }
  await page.locator('#keep > summary').click();
  for (const kind of ['json', 'csv', 'svg', 'html']) {
    await Promise.all([page.waitForEvent('download'), page.locator(`#save-${kind}`).click()]);
  }
  for (const what of ['answer', 'link']) {
    await page.locator(`#copy-${what}`).click();
    await page.locator('#keep-says', { hasText: /Copied|to copy by hand/ }).waitFor();
  }
}

test('nothing on the page needs more than the strict policy', async () => {
  const { page, response, complaints } = await site.open();
  assert.equal(response.headers()['content-security-policy'], PAGE_POLICY);
  assert.equal(
    await page.locator('meta[http-equiv=Content-Security-Policy]').getAttribute('content'),
    PAGE_POLICY,
    'the page holds to the policy where a host sends no headers',
  );
  await useEverything(page);
  assert.deepEqual(complaints, []);
  // That silence means something: breaches fail, and are heard.
  const attempts = await page.evaluate(() => {
    const attempt = (breach) => {
      try {
        breach();
        return 'done';
      } catch (error) {
        return error.name;
      }
    };
    void fetch('https://example.com').catch(() => undefined);
    return [
      attempt(() => document.body.insertAdjacentHTML('beforeend', '<b>breached</b>')),
      attempt(() => (document.createElement('script').textContent = 'document.title = "breached"')),
      attempt(() => new Worker('https://example.com/worker.js')),
    ];
  });
  assert.deepEqual(attempts, ['TypeError', 'TypeError', 'TypeError']);
  await page.waitForTimeout(100);
  for (const directive of ['connect-src', 'require-trusted-types-for']) {
    assert.ok(complaints.some((complaint) => complaint.startsWith(`policy: ${directive}`)), complaints.join());
  }
});

test('every request goes to the page\u2019s own server, and none follows loading', async () => {
  const { page, requests } = await site.open();
  const origin = new URL(page.url()).origin;
  assert.ok(requests.length >= 6, requests.join());
  assert.deepEqual(requests.filter((url) => new URL(url).origin !== origin), []);
  const loaded = requests.length;
  await useEverything(page);
  assert.deepEqual(requests.slice(loaded), []);
});

test('once loaded it works with the network down and the server gone', async () => {
  const { page, context, requests, complaints } = await site.open();
  const loaded = requests.length;
  await context.setOffline(true);
  await site.stopServer();
  await useEverything(page);
  assert.equal(await verdict(page), 'Bearish');
  assert.deepEqual(requests.slice(loaded), []);
  assert.deepEqual(complaints, []);
});
