/** The teacher beside the student: brought on demand, explained in its own time, stopped at any moment. */

import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { LONG, body, compared, comparing, explained, holdingBack, opened, release, teacher, underWay } from './comparing.mjs';
import { MODELS, exampleText, settle, value, write } from './page.mjs';

/** The table of numbers: rows of a name and a number a column. */
async function table(page) {
  const rows = await page.locator('#numbers table').evaluate((table) =>
    [...table.querySelectorAll('tbody tr, tfoot tr')].map((row) => ({
      kind: row.className,
      name: row.cells[0].textContent,
      cells: [...row.cells].slice(1).map((cell) => cell.textContent),
    })),
  );
  return rows.map(({ cells, ...row }) => ({ ...row, values: cells.map((cell) => (cell === '–' ? undefined : value(cell))) }));
}

/** The words of one sheet. */
async function words(page, sheet) {
  return page.locator(`${sheet} .word`).evaluateAll((words) =>
    words.map((word) => ({
      text: word.textContent,
      side: word.dataset.side,
      strength: Number(word.style.getPropertyValue('--strength')),
      odd: word.classList.contains('odd'),
      sign: getComputedStyle(word, '::after').content,
      frame: getComputedStyle(word).outlineStyle,
      label: word.getAttribute('aria-label'),
    })),
  );
}

comparing('the size told is that of the file', async () => {
  assert.equal((await stat(path.join(MODELS, teacher.file))).size, teacher.bytes);
});

comparing('the teacher comes when asked for, its size told first, and both stand side by side', async () => {
  const { page, requests, complaints, toggle } = await opened();
  const before = requests.length;
  assert.match(await toggle.textContent(), /^Compare with its teacher · [\d.]+ [KM]B$/);
  assert.ok(!requests.some((url) => url.includes('teacher')));
  assert.ok(await page.locator('#teacher').isHidden());
  await toggle.click();
  await explained(page);
  // The worker's script may be asked for again; nothing else is.
  const brought = requests.slice(before).filter((url) => !/worker-[^/]*\.js$/.test(url));
  assert.equal(brought.length, 1, brought.join());

  const [student, other] = [await words(page, '#words'), await words(page, '#teacher-words')];
  assert.deepEqual(other.map(({ text }) => text), student.map(({ text }) => text));
  assert.match(await page.locator('#student-head').textContent(), /^Student(Bearish|Bullish|Neutral)[<>]?\d+%/);
  assert.match(await page.locator('#teacher-head').textContent(), /^Teacher(Bearish|Bullish|Neutral)[<>]?\d+%/);
  assert.match(await page.locator('#student-made').textContent(), /^Its own contributions, exact · .*ms on the CPU/);
  assert.match(
    await page.locator('#teacher-made').textContent(),
    /^Integrated gradients · \d+ points · \d+(\.\d)?% unaccounted for · [\d.]+ m?s on the (CPU|GPU)/,
  );
  assert.match(await page.locator('#agreement-cosine').textContent(), /^\u2212?[01]\.\d\d$/);
  const chance = Math.round((3 / student.length) * 100);
  assert.match(await page.locator('#agreement-top').textContent(), new RegExp(`^[0-3] of 3, (0|33|67|100)%; by chance ${chance}%$`));
  assert.equal(await page.locator('#fact-network').textContent(), 'No more requests');
  assert.deepEqual(complaints, []);
});

comparing('both are coloured on one scale, and words at odds are framed and signed', async () => {
  const { page } = await compared();
  await page.locator('input[name=class][value=bullish]').check();
  await settle(page);
  const lines = (await table(page)).filter(({ kind }) => kind === 'word');
  const full = Math.max(0.5, ...lines.flatMap(({ values }) => values.map(Math.abs)));
  const labels = await page.locator('#classes input').evaluateAll((inputs) => inputs.map((input) => input.value));
  const column = labels.indexOf(await page.locator('#classes input:checked').getAttribute('value'));
  const sheets = [await words(page, '#words'), await words(page, '#teacher-words')];
  lines.forEach(({ name, values }, at) => {
    const pair = [values[column], values[column + labels.length]];
    sheets.forEach((sheet, model) => {
      const shown = sheet[at].side === 'neutral' ? 0 : sheet[at].strength;
      const due = Math.min(1, Math.abs(pair[model]) / full);
      // The table rounds to hundredths, and a faint word is shown as none.
      assert.ok(Math.abs(shown - due) < 0.02 || (shown === 0 && due < 0.12), `${name}: ${shown}, not ${due}`);
      assert.equal(sheet[at].odd, sheets[0][at].odd, name);
    });
    const [student] = sheets.map((sheet) => sheet[at]);
    const apart = Math.abs(pair[0] - pair[1]) / full;
    if (apart > 0.55) assert.ok(student.odd, name);
    if (apart < 0.15) assert.ok(!student.odd, name);
    assert.equal(student.sign.includes('≠'), student.odd);
    assert.equal(student.frame === 'solid', student.odd);
    assert.equal(student.label.includes('at odds'), student.odd);
    assert.equal(name.endsWith(', at odds'), student.odd);
  });
  const odd = sheets[0].filter((word) => word.odd).length;
  assert.ok(odd > 0, 'a made-up teacher is at odds with a trained student');
  assert.match(await page.locator('#agreement-odds').textContent(), new RegExp(`^${odd} words?, marked ≠$`));
});

comparing('the table has the columns of both, and each adds up', async () => {
  const { page } = await compared();
  const table_ = page.getByRole('table', { name: /How far each word moves the score/ });
  const heads = await table_.getByRole('columnheader').allTextContents();
  const classes = ['Bearish', 'Bullish', 'Neutral'];
  assert.deepEqual(heads, ['Student', 'Teacher', 'Word', ...classes, ...classes]);
  const rows = await table(page);
  assert.deepEqual(rows.filter(({ kind }) => kind !== 'word').map(({ name }) => name), ['Before any word', 'Outside the words', 'Score']);
  const score = rows.pop();
  score.values.forEach((total, column) => {
    const sum = rows.reduce((running, { values }) => running + (values[column] ?? 0), 0);
    assert.ok(Math.abs(sum - total) <= 0.005 * (rows.length + 1) + 1e-9, `${column}: ${sum} is not ${total}`);
  });
});

comparing('another class shows both models\u2019 words for it', async () => {
  const { page } = await compared();
  const before = await words(page, '#teacher-words');
  const figure = await page.locator('#agreement-cosine').textContent();
  await page.locator('#classes input:not(:checked)').first().check();
  assert.notDeepEqual(await words(page, '#teacher-words'), before);
  assert.ok(!(await page.locator('#agreement').isHidden()), 'the explanation holds for every class');
  assert.notEqual(await page.locator('#agreement-cosine').textContent(), figure);
});

comparing('loading can be cancelled, and begun again', async () => {
  let held;
  const arrived = new Promise((resolve) => (held = resolve));
  const { page, toggle } = await opened({
    respond: async (route) => {
      await arrived;
      await route.fulfill({ body }).catch(() => undefined);
    },
  });
  await toggle.click();
  assert.equal(await toggle.textContent(), 'Cancel');
  assert.ok(await page.locator('#bringing progress').isVisible());
  assert.equal(await page.locator('#fact-network').textContent(), 'Loading');
  await toggle.click();
  assert.match(await toggle.textContent(), /^Compare with its teacher · /);
  assert.equal(await page.locator('#fact-network').textContent(), 'No more requests');
  held();
  await page.waitForTimeout(200);
  assert.ok(await page.locator('#teacher').isHidden(), 'what was cancelled does not come after all');
  await toggle.click();
  await explained(page);
});

comparing('an explanation shows its progress, is stopped and asked for again; the student never waits', async () => {
  const { page, toggle, again } = await opened({ text: LONG, prepare: holdingBack });
  await toggle.click();
  await underWay(page);
  assert.match(await page.locator('#teacher-head').textContent(), /^Teacher(Bearish|Bullish|Neutral)/, 'its answer comes first');
  await again.click();
  assert.equal(await again.textContent(), 'Explain this text');
  assert.ok(await page.locator('#explaining').isHidden());
  await page.getByRole('radio', { name: /Neutral/ }).check();
  await page.waitForTimeout(600);
  assert.equal(await again.textContent(), 'Explain this text', 'it stays stopped');
  await again.click();
  await page.locator('#explaining').waitFor();
  const from = Date.now();
  await page.getByRole('textbox').fill('Shares fell');
  await page.waitForFunction(() => document.querySelector('#words').textContent === 'Shares fell');
  assert.ok(Date.now() - from < 1_500, 'the student answers while the teacher is at work');
  await release(page);
  await explained(page);
  assert.equal(await page.locator('#teacher-words').textContent(), 'Shares fell');
});

comparing('a new text ends the explanation of the old one', async () => {
  const { page, toggle } = await opened({ text: LONG, prepare: holdingBack });
  await toggle.click();
  await underWay(page);
  for (const text of ['Orders', 'Orders grew', 'Orders grew again']) {
    await page.getByRole('textbox').fill(text);
    await page.waitForFunction((wanted) => document.querySelector('#teacher-words').textContent === wanted, text);
  }
  await settle(page);
  await release(page);
  await explained(page);
  const { cancelled, runs } = await page.evaluate(() => globalThis.heard);
  assert.ok(cancelled >= 1, 'the worker was told');
  const explained_ = runs.filter(({ explain }) => explain).flatMap(({ texts }) => texts);
  assert.deepEqual([explained_[0], explained_.at(-1)], [LONG, 'Orders grew again']);
});

comparing('once the teacher is here it works with the network down and the server gone', async () => {
  const { page, context, requests, complaints } = await compared();
  const loaded = requests.length;
  await context.setOffline(true);
  await write(page, exampleText('Dividend cut'));
  await explained(page);
  await page.getByRole('radio', { name: /Neutral/ }).check();
  await write(page, exampleText('Upgrade'));
  await explained(page);
  assert.deepEqual(requests.slice(loaded), []);
  assert.deepEqual(complaints, []);
});

comparing('put away it leaves the page as it was, and comes back without a download', async () => {
  const { page, requests, toggle } = await compared();
  const fetched = () => requests.filter((url) => url.includes('.glass')).length;
  const before = fetched();
  await toggle.click();
  assert.ok(await page.locator('#teacher').isHidden());
  assert.ok(await page.locator('#agreement').isHidden());
  assert.equal(await toggle.textContent(), 'Compare with its teacher');
  assert.equal(await page.locator('#words .odd').count(), 0);
  await toggle.click();
  await explained(page);
  assert.equal(fetched(), before);
});

comparing('a teacher that does not load says why, and the student goes on', async () => {
  let respond = (route) => route.fulfill({ status: 404 });
  const { page, toggle } = await opened({ respond: (route) => respond(route) });
  const note = page.locator('#teacher-note');
  await toggle.click();
  await note.getByText(/^The teacher did not load\. .*404/).waitFor();
  const damaged = Buffer.from(body);
  damaged[damaged.length - 7] ^= 0x10;
  respond = (route) => route.fulfill({ body: damaged });
  await toggle.click();
  await note.getByText(/^The teacher did not load\. (?!.*404)/).waitFor();
  await write(page, exampleText('Upgrade'));
  respond = (route) => route.fulfill({ body });
  assert.equal(await toggle.textContent(), 'Try again');
  await toggle.click();
  await explained(page);
  assert.ok(await note.isHidden());
});

comparing('a model without a teacher offers none, and the way back does', async () => {
  const { page, toggle } = await compared();
  await page.getByRole('radio', { name: 'Spam', exact: true }).check();
  await page.getByRole('radio', { name: /^Ham/ }).waitFor();
  await settle(page);
  assert.ok(await toggle.isHidden());
  assert.ok(await page.locator('#teacher').isHidden());
  await page.getByRole('radio', { name: 'Finance', exact: true }).check();
  await page.getByRole('button', { name: 'Compare with its teacher' }).click();
  await explained(page);
});
