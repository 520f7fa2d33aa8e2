/** Both models side by side: by keyboard, by ear, and at every width. */

import assert from 'node:assert/strict';
import { LONG, TEXT, compared, comparing, explained, opened } from './comparing.mjs';

comparing('all of it by keyboard: the focus is never lost', async () => {
  const { page, toggle, again } = await opened({ text: LONG });
  const focused = () => page.evaluate(() => document.activeElement.id);
  await toggle.focus();
  await page.keyboard.press('Enter');
  await page.locator('#explaining').waitFor();
  assert.equal(await focused(), 'teacher-toggle');
  await again.focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Explain this text' }).waitFor();
  assert.equal(await focused(), 'teacher-again');
  await page.keyboard.press('Enter');
  await page.getByRole('textbox').fill(TEXT);
  await explained(page);
  await page.locator('#teacher-words .word').first().focus();
  assert.match(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), /; student (plus |minus )?\d\.\d\d/);
  assert.match(await page.locator('#tip').textContent(), /Student: [+\u2212]?\d\.\d\d$/);
  const first = await page.evaluate(() => document.activeElement.dataset.index);
  await page.keyboard.press('ArrowRight');
  assert.notEqual(await page.evaluate(() => document.activeElement.dataset.index), first);
});

comparing('a screen reader hears the turns it takes, and finds both readers by name', async () => {
  const { page, toggle } = await opened();
  await page.evaluate(() => {
    globalThis.spoken = [];
    const status = document.querySelector('#teacher-status');
    new MutationObserver(() => globalThis.spoken.push(status.textContent)).observe(status, { childList: true });
  });
  await toggle.click();
  await explained(page);
  const spoken = (await page.evaluate(() => globalThis.spoken)).filter((text) => text !== '');
  assert.equal(spoken[0], 'Loading the teacher.');
  assert.match(spoken.at(-1), /^The teacher says (bearish|bullish|neutral), [<>]?\d+%\.$/);
  assert.ok(spoken.length <= 3, spoken.join(' '));
  for (const name of ['Student', 'Teacher']) await page.getByRole('group', { name, exact: true }).waitFor();
  await page.getByRole('listbox', { name: /^Words and what they contribute to / }).waitFor();
  await page.getByRole('listbox', { name: /^The teacher’s words and what they contribute to / }).waitFor();
});

for (const width of [320, 390, 768, 1280]) {
  comparing(`nothing sticks out at ${width} pixels with both side by side`, async () => {
    const { page } = await compared({ viewport: { width, height: 844 } });
    await page.getByRole('button', { name: 'Show the numbers' }).click();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(overflow, 0);
    const [student, other] = await Promise.all(['#words', '#teacher-words'].map((sheet) => page.locator(sheet).boundingBox()));
    if (width >= 1280) assert.ok(Math.abs(student.y - other.y) < 1 && other.x > student.x + student.width);
    if (width <= 390) assert.ok(other.y > student.y + student.height);
  });
}
