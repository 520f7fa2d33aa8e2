/** The view of this device: times and memory of the models, stopped or whole, copied; and what is kept. */

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { launch, SOFTWARE_GPU } from './browser.mjs';
import { comparing, opened } from './comparing.mjs';
import { TOO_SLOW } from './imitated.mjs';
import { turnToDevice, turnToText, visiting, write } from './page.mjs';
import { servePage } from './site.mjs';

const site = visiting();
/** A folder to put screenshots in; none are taken without it. */
const folder = process.env.STILLGLASS_SCREENSHOTS;
if (folder !== undefined) await mkdir(folder, { recursive: true });

/** Presses the button and waits for the table. */
async function measured(page) {
  await page.getByRole('button', { name: 'Measure' }).click();
  await page.locator('#device-status', { hasText: 'Measured; the table has the times.' }).waitFor({ timeout: 240_000 });
}

/** The table: a head and rows for each model. */
async function table(page) {
  return page.locator('#measured-table tbody').evaluateAll((groups) =>
    groups.map(({ rows }) => ({ head: rows[0].textContent, rows: [...rows].slice(1).map(({ cells }) => [...cells].map((cell) => cell.textContent)) })),
  );
}

test('one text and 32 on the CPU are measured, and the GPU\u2019s rows say why there is none; the page stays free', async () => {
  const { page, complaints, requests } = await site.open();
  await turnToDevice(page);
  const asked = requests.length;
  await page.evaluate(() => {
    globalThis.longest = 0;
    let last = performance.now();
    setInterval(() => {
      globalThis.longest = Math.max(globalThis.longest, performance.now() - last);
      last = performance.now();
    }, 10);
  });
  // Whether the view is left and shown again before it ends is up to the machine.
  await page.evaluate(() => {
    const measured = document.querySelector('#measured');
    const ended = () => measured.hidden || (globalThis.ended = performance.now());
    new MutationObserver(ended).observe(measured, { attributes: true, attributeFilter: ['hidden'] });
    addEventListener('hashchange', () => (globalThis.turned = performance.now()));
  });
  await page.getByRole('button', { name: 'Measure' }).click();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'measure-stop');
  await page.locator('#measuring progress[value]').waitFor();
  await turnToText(page);
  await write(page, 'Shares fell');
  // What ends while another view is shown takes no focus from it.
  await turnToDevice(page);
  await page.locator('#measured:not([hidden])').waitFor();
  const { focus, ended, turned } = await page.evaluate(() => ({ focus: document.activeElement.id, ended: globalThis.ended, turned: globalThis.turned }));
  assert.equal(focus, ended < turned ? 'to-device' : 'measured-title');
  const [{ head, rows }, ...rest] = await table(page);
  assert.deepEqual(rest, []);
  assert.match(head, /^Finance, \d+(\.\d+)? MB of memory once it is open$/);
  assert.deepEqual(rows.map(([texts, on]) => `${texts} ${on}`), ['1 CPU', '32 CPU', '1 GPU', '32 GPU']);
  for (const [, , median, late, calls] of rows.slice(0, 2)) {
    assert.match(median, /^(< )?\d+(\.\d)? m?s$/);
    assert.match(late, /^(< )?\d+(\.\d)? m?s$/);
    assert.ok(Number(calls) >= 5 && Number(calls) <= 40, calls);
  }
  for (const row of rows.slice(2)) assert.match(row[2], /^no WebGPU here: /);
  assert.equal(await page.locator('#measured-chart .bar-name').count(), 2, 'bars only for what was measured');
  const facts = Object.fromEntries(await page.locator('#measured-facts > div').evaluateAll((pairs) => pairs.map(({ children }) => [...children].map((part) => part.textContent))));
  assert.equal(facts.Cores, String(await page.evaluate(() => navigator.hardwareConcurrency)));
  assert.match(facts.GPU, /^none: /);
  assert.match(facts.Measured, /20\d\d/);
  // The page's own thread, on a machine that does much else.
  assert.ok((await page.evaluate(() => globalThis.longest)) < 1_500);
  assert.ok(await page.locator('#measured-chart').getAttribute('role') === 'img');
  assert.deepEqual(requests.slice(asked).filter((url) => !/worker-[^/]*\.js$/.test(url)), []);
  assert.deepEqual(complaints, []);
});

test('it is stopped, keeps what was measured by then, and can be measured again', async () => {
  const { page } = await site.open();
  await turnToDevice(page);
  // In the page itself: the times are so short that a click from here would come after the last of them.
  await page.evaluate(() => {
    const observer = new MutationObserver(() => {
      if (!document.querySelector('#measuring .figures').textContent.includes('32 texts on the CPU')) return;
      observer.disconnect();
      document.querySelector('#measure-stop').click();
    });
    observer.observe(document.querySelector('#measuring'), { subtree: true, childList: true, characterData: true });
  });
  await page.getByRole('button', { name: 'Measure' }).click();
  await page.locator('#device-status', { hasText: 'Stopped.' }).waitFor();
  assert.match(await page.locator('#measured-title').textContent(), /as far as it was measured$/);
  const [{ rows }] = await table(page);
  assert.ok(rows.length >= 1 && rows.length < 4, JSON.stringify(rows));
  for (let wait = 0; wait < 100 && page.workers().length > 1; wait++) await page.waitForTimeout(50);
  assert.equal(page.workers().length, 1, 'the worker that measured is gone');
  await measured(page);
  assert.equal((await table(page))[0].rows.length, 4);
});

test('the table is copied as text and as CSV', async () => {
  const { page } = await site.open({ permissions: ['clipboard-read', 'clipboard-write'] });
  await turnToDevice(page);
  await measured(page);
  const copied = async (name) => {
    await page.getByRole('button', { name }).click();
    await page.locator('#device-status', { hasText: 'Copied.' }).waitFor();
    return page.evaluate(() => navigator.clipboard.readText());
  };
  const text = (await copied('Copy as text')).trimEnd().split('\n');
  assert.equal(text[0], 'Model\tTexts\tOn\tMedian\t95th percentile\tCalls\tMemory');
  assert.equal(text.length, 8);
  assert.match(text[1], /^Finance\t1\tCPU\t[\d.< ]+ m?s\t/);
  const csv = (await copied('Copy as CSV')).trimEnd().split(/\r?\n/);
  assert.match(csv[2], /^Finance,32,cpu,\d+\.\d{3},\d+\.\d{3},\d+,\d{7,},$/);
  assert.match(csv[3], /,gpu,,,,\d+,"?no WebGPU/);
});

comparing('the teacher is measured if that is asked for, its size told first, and is here from then on', async () => {
  const { page, requests } = await opened();
  await turnToDevice(page);
  const box = page.getByRole('checkbox', { name: /^Measure its teacher too: 12\.3 MB to load/ });
  assert.equal(await box.isChecked(), false);
  assert.ok(!requests.some((url) => url.includes('teacher')));
  await box.check();
  await measured(page);
  assert.deepEqual((await table(page)).map(({ head }) => head.split(', ').slice(0, -1).join()), ['Finance', 'Finance,teacher']);
  assert.equal(requests.filter((url) => url.includes('teacher')).length, 1);
  await page.getByRole('checkbox', { name: 'Measure its teacher too, which is here' }).waitFor();
  await turnToText(page);
  await page.getByRole('button', { name: 'Compare with its teacher', exact: true }).click();
  await page.locator('#teacher:not([hidden])').waitFor();
  assert.equal(requests.filter((url) => url.includes('teacher')).length, 1, 'it is not fetched twice');
});

for (const [width, colorScheme] of [[320, 'dark'], [390, 'light'], [1280, 'dark']]) {
  test(`nothing sticks out at ${width} pixels, ${colorScheme}`, async () => {
    const { page } = await site.open({ viewport: { width, height: 800 }, colorScheme });
    await turnToDevice(page);
    await measured(page);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(over, 0);
    const moving = await page.locator('#this-device .fill').evaluateAll((fills) => fills.filter((fill) => getComputedStyle(fill).transitionDuration !== '0s').length);
    assert.equal(moving, 0);
    if (folder !== undefined) await page.screenshot({ path: path.join(folder, `device-${width}-${colorScheme}.png`), fullPage: true });
  });
}

test('a GPU is measured where there is one, and named', async (context) => {
  const [browser, served] = await Promise.all([launch(SOFTWARE_GPU), servePage()]);
  try {
    const page = await browser.newPage({ serviceWorkers: 'block' });
    await page.goto(served.address);
    await page.waitForSelector('html[data-network=quiet]', { state: 'attached', timeout: 90_000 });
    await turnToDevice(page);
    await measured(page);
    const [{ rows }] = await table(page);
    const facts = await page.locator('#measured-facts').textContent();
    assert.doesNotMatch(facts, /GPUnone/);
    if (rows[2].length < 5) return context.skip(`${TOO_SLOW}: ${rows[2][2]}`);
    assert.match(rows[2][2], /m?s$/);
  } finally {
    await browser.close();
    await served.stop();
  }
});
