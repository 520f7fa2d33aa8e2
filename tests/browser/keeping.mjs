/** What the page makes of an answer to be kept: files, and what they hold. */

import { readFile } from 'node:fs/promises';

/** Opens the tool that copies, saves and links. */
export async function openKeep(page) {
  if (!(await page.locator('#keep').evaluate((tool) => tool.open))) await page.locator('#keep > summary').click();
}

/** Saves the answer as a file: its name, its text, and a copy that a browser takes for what it is. */
export async function saved(page, kind) {
  await openKeep(page);
  const [begun] = await Promise.all([page.waitForEvent('download'), page.locator(`#save-${kind}`).click()]);
  const file = `${await begun.path()}.${kind}`;
  await begun.saveAs(file);
  return { name: begun.suggestedFilename(), text: await readFile(file, 'utf8'), file };
}

/** Prepares a page whose files stay in it, for tests that make very many: `globalThis.kept` has the last one. */
export function keepingFiles(page) {
  return page.addInitScript(() => {
    const make = URL.createObjectURL;
    URL.createObjectURL = (blob) => {
      globalThis.kept = blob;
      return make(blob);
    };
    const click = HTMLAnchorElement.prototype.click;
    HTMLAnchorElement.prototype.click = function () {
      if (!this.hasAttribute('download')) click.call(this);
    };
  });
}

/** The text of each kind of file that the page makes of its answer; for a page that is `keepingFiles`. */
export function filesOf(page, kinds = ['json', 'csv', 'svg', 'html']) {
  return page.evaluate(async (wanted) => {
    const texts = {};
    for (const kind of wanted) {
      document.querySelector(`#save-${kind}`).click();
      texts[kind] = await globalThis.kept.text();
    }
    return texts;
  }, kinds);
}

/** What a browser makes of a file: its elements, its attributes and its text. `page` may parse, so it is not the site's. */
export function parsed(page, text, type) {
  return page.evaluate(
    ([content, as]) => {
      const file = new DOMParser().parseFromString(content, as);
      const elements = [...file.querySelectorAll('*')];
      return {
        faulty: file.querySelector('parsererror') !== null,
        elements: [...new Set(elements.map(({ localName }) => localName))].sort(),
        attributes: [...new Set(elements.flatMap((element) => element.getAttributeNames()))].sort(),
        words: file.querySelector('.words')?.textContent,
        pieces: [...file.querySelectorAll('g text')].map((piece) => ({
          text: piece.textContent,
          x: Number(piece.getAttribute('x')),
          y: Number(piece.getAttribute('y')),
          width: Number(piece.getAttribute('textLength')),
          direction: piece.getAttribute('direction'),
        })),
      };
    },
    [text, type],
  );
}
