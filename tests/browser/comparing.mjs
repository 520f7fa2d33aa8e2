/** Visits to the page with a made-up teacher in the place of the built one. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';
import { madeUp } from './made-up.mjs';
import { exampleText, teacherOf, visiting, write } from './page.mjs';

const FILE = '**/finance-teacher-*.glass';
/** What pages open with. */
export const TEXT = exampleText('Mixed quarter');
/** Some seconds of work for the made-up teacher. */
export const LONG = 'Orders grew again at Calder Foods, but margins fell. '.repeat(3).trim();

const site = visiting();
/** What the built page offers; a test's own teacher then takes its place. */
export const teacher = teacherOf('finance');
const { folder, remove } = await madeUp();
/** The bytes of the made-up teacher. */
export const body = await readFile(path.join(folder, 'slow-teacher.glass'));
after(remove);

/** A test of the page with a made-up teacher in the place of the built one. */
export function comparing(name, work) {
  test(name, async (context) => {
    if (teacher === undefined) return context.skip('SKIPPED: the page was built without a teacher');
    await work(context);
  });
}

/** Opens the page, its teacher answered for by `respond`, and writes a text. */
export async function opened(options = {}) {
  const { text = TEXT, respond = (route) => route.fulfill({ body }), prepare, ...rest } = options;
  const visit = await site.open({
    ...rest,
    prepare: async (page) => {
      await page.route(FILE, respond);
      await prepare?.(page);
    },
  });
  await write(visit.page, text);
  return { ...visit, toggle: visit.page.locator('#teacher-toggle'), again: visit.page.locator('#teacher-again') };
}

/** Waits until the teacher has explained the text as it stands. */
export async function explained(page) {
  await page.waitForFunction(() => {
    const text = document.querySelector('#text').value;
    return !document.querySelector('#agreement').hidden && document.querySelector('#teacher-words').textContent === text;
  });
}

/**
 * Prepares a page whose teacher's explanation stays under way: once its worker has told of progress, what else it
 * says is held back until `release`. `heard` is what workers are asked to run, and how often to stop.
 */
export function holdingBack(page) {
  return page.addInitScript(() => {
    globalThis.heard = { cancelled: 0, runs: [] };
    let holding = true;
    const held = [];
    globalThis.release = () => {
      holding = false;
      for (const say of held.splice(0)) say();
    };
    const Real = globalThis.Worker;
    globalThis.Worker = class extends Real {
      #explaining = false;
      #progressed = false;
      set onmessage(hear) {
        super.onmessage = (event) => {
          if (holding && this.#progressed) return void held.push(() => hear(event));
          this.#progressed = this.#explaining && event.data.progress?.done > 0;
          hear(event);
        };
      }
      postMessage(message, ...rest) {
        const { ask } = message;
        if (message === 'cancel') globalThis.heard.cancelled++;
        if (ask !== undefined) {
          globalThis.heard.runs.push(ask);
          this.#explaining = ask.explain === true;
        }
        super.postMessage(message, ...rest);
      }
    };
  });
}

/** Lets a page's workers say what they were held back from, and anything from now on. */
export function release(page) {
  return page.evaluate(() => globalThis.release());
}

/** Waits until an explanation has got somewhere; only a page that is `holdingBack` stays there. */
export async function underWay(page) {
  await page.locator('#explaining span', { hasText: /^Explaining: \d+ of \d+ points$/ }).waitFor();
}

/** Opens the page with its teacher beside the student. */
export async function compared(options) {
  const visit = await opened(options);
  await visit.toggle.click();
  await explained(visit.page);
  return visit;
}
