/** An answer as a page of its own: one file, no script, nothing fetched, light and dark, on paper too. */

import { readers, type Answer, type Reader } from '../answer/answer.ts';
import { ABOUT_REASON, MEANING, type Saved } from '../answer/record.ts';
import { byId, make, within } from '../dom.ts';
import { rows, tone } from '../explain.ts';
import { percent, signed, title } from '../format.ts';
import { shownTexts } from '../texts.ts';
import { made } from './teacher.ts';
import STYLE from './saved-page.css?inline';

/** The page holds itself to what it is: nothing runs and nothing is fetched. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

/** The whole file. */
export function pageOf(saved: Saved): string {
  const { answer } = saved;
  // Without a window: nothing in it is ever run or fetched.
  const page = document.implementation.createHTMLDocument(`${title(answer.student.result.label)} – Stillglass`);
  page.documentElement.setAttribute('lang', 'en');
  page.head.prepend(
    make('meta', { charset: 'utf-8' }),
    make('meta', { 'http-equiv': 'Content-Security-Policy', content: POLICY }),
    make('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
    make('meta', { name: 'color-scheme', content: 'light dark' }),
  );
  page.body.append(make('main', {}, ...readers(answer).flatMap((reader) => section(saved, reader)), ...endnotes(saved)));
  // The style comes last, for this page's own policy would refuse it as an element; `<` is escaped in the title.
  const [head = '', ...body] = page.documentElement.outerHTML.split('</head>');
  return `<!doctype html>\n${head}<style>\n${STYLE}</style>\n</head>${body.join('</head>')}\n`;
}

function section(saved: Saved, reader: Reader): Node[] {
  const { answer, out } = saved;
  const { name, result } = reader;
  const head = name === 'Student' ? make('h1', {}) : make('h2', {});
  head.append(`${name}: `, make('bdi', {}, title(result.label)), ` ${percent(result.scores[result.label] ?? 0)}`);
  return [
    head,
    probabilities(answer, reader, out?.after.get(name)?.scores),
    make('p', { class: 'about' }, 'Words for and against ', make('bdi', {}, answer.label), ':'),
    ...words(saved, reader),
    make('p', { class: 'about' }, made(reader)),
    ...(name === 'Student' ? reason(answer) : []),
    contributions(answer, reader),
  ];
}

function probabilities({ labels }: Answer, { name, result }: Reader, after: Record<string, number> | undefined): HTMLElement {
  const heads = ['Class', 'Probability', ...(after === undefined ? [] : ['Without the words taken out'])];
  const line = (label: string) =>
    make(
      'tr',
      {},
      make('th', { scope: 'row', dir: 'auto' }, title(label)),
      make('td', {}, percent(result.scores[label] ?? 0)),
      ...(after === undefined ? [] : [make('td', {}, percent(after[label] ?? 0))]),
    );
  return table(`Probabilities, ${name}`, heads, labels.map(line));
}

/** What the student says in words; not where it looked, which takes a pointer. */
function reason({ reason }: Answer): Node[] {
  if (reason === undefined) return [];
  const said = make('p', { class: 'reason', dir: 'auto' }, reason.text);
  return [make('p', { class: 'about' }, 'Its reason, in words, for ', make('bdi', {}, reason.label), ':'), said, make('p', { class: 'about' }, ABOUT_REASON)];
}

function words({ answer, out }: Saved, { result, words }: Reader): HTMLElement[] {
  const removed = new Set(out?.words.map(({ start }) => start));
  const mark = ({ text, word }: { text: string; word?: number }) => {
    const { start = 0, weights = {} } = word === undefined ? {} : (words[word] ?? {});
    if (word === undefined) return text;
    const value = weights[answer.label] ?? 0;
    const { side, strength } = tone(value, answer.full);
    const marks = ['word', side, `s${Math.round(strength * 10)}`, ...(answer.atOdds.has(start) ? ['odd'] : [])];
    return make(removed.has(start) ? 'del' : 'span', { class: marks.join(' '), title: signed(value) }, text);
  };
  const { text, names } = answer;
  return shownTexts(text, words, result.ends, names !== undefined).flatMap(({ parts, unread }, at) => [
    ...(names === undefined ? [] : [make('p', { class: 'about' }, names[at] ?? '')]),
    make('p', { class: 'words', dir: 'auto' }, ...parts.map(mark), make('span', { class: 'unread' }, unread)),
  ]);
}

/** Every figure of the page's own table. */
function contributions({ labels }: Answer, { name, result, words }: Reader): HTMLElement {
  const lines = rows(result, words, labels).map(({ kind, text, values }) =>
    make('tr', { class: kind }, make('th', { scope: 'row', dir: 'auto' }, text), ...values.map((value) => make('td', {}, value === undefined ? '–' : signed(value)))),
  );
  return make('details', {}, make('summary', {}, 'The numbers'), table(`The numbers, ${name}`, ['Word', ...labels.map(title)], lines));
}

/** A wide one scrolls, and a keyboard can reach it then. */
function table(name: string, heads: string[], lines: Node[]): HTMLElement {
  const head = make('tr', {}, ...heads.map((heading) => make('th', { scope: 'col', dir: 'auto' }, heading)));
  return make('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': name }, make('table', {}, make('thead', {}, head), make('tbody', {}, ...lines)));
}

function endnotes({ answer, model, made, version, out }: Saved): Node[] {
  const key = make(
    'p',
    { class: 'about' },
    make('span', { class: 'word for s6' }, 'for'),
    ' ',
    make('span', { class: 'word against s6' }, 'against'),
    ...(answer.atOdds.size === 0 ? [] : [' ', make('span', { class: 'word odd' }, 'at odds')]),
    ...(out === undefined ? [] : [' ', make('del', {}, 'taken out')]),
  );
  const limits = within(byId('why'), '.limits').textContent.replace(/\s+/g, ' ').trim();
  return [
    key,
    make('p', { class: 'about' }, limits),
    make('p', { class: 'about' }, `${MEANING} `, make('bdi', {}, model.name), ` model, Stillglass ${version}, ${made.toISOString().slice(0, 10)}.`),
  ];
}
