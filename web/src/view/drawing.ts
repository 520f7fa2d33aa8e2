/**
 * An answer as a drawing: an SVG whose text is text.
 *
 * The browser breaks the lines and puts every script in its order; the drawing takes the places from there.
 */

import { readers, type Answer, type Reader } from '../answer/answer.ts';
import type { Saved } from '../answer/record.ts';
import { make } from '../dom.ts';
import { tone, type Segment } from '../explain.ts';
import { percent, title } from '../format.ts';
import { inOne, shownTexts, type Shown } from '../texts.ts';
import { pieces, type Piece } from './pieces.ts';

const SVG = 'http://www.w3.org/2000/svg';
/** In CSS pixels: of the drawing, and of the room around what stands in it. */
const WIDTH = 720;
const ROOM = 24;
/** What the name over one of two texts takes. */
const NAME = 22;
/** Light, as on paper; the page's own colours. */
const COLOURS = { paper: '#ffffff', ink: '#1c1f24', soft: '#5a616b', for: '#e07b1f', 'for-line': '#a8500b', against: '#3b8fd4', 'against-line': '#175f9e' };
const WASH = 0.62;
/** The line of a word that speaks against the class, the frame of one at odds, and the line through one taken out. */
const DASHED = { 'stroke-dasharray': '6 4' };
const FRAME = { fill: 'none', stroke: COLOURS.soft, 'stroke-width': 1.5 };
const STRUCK = { stroke: COLOURS.ink, 'stroke-width': 1.5 };
const SANS = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', sans-serif";
const SERIF = "'Iowan Old Style', Palatino, Georgia, 'Noto Serif', 'Liberation Serif', serif";
/** How many UTF-16 units of unread text are drawn. */
const GLIMPSE = 240;

/** The whole file. */
export function drawing(saved: Saved): string {
  const { answer, model } = saved;
  const file = document.implementation.createDocument(SVG, 'svg');
  const parts: Node[] = [];
  let y = ROOM;
  for (const reader of readers(answer)) {
    parts.push(line(heading(reader), y + 22, 18, COLOURS.ink));
    const { nodes, height } = sheet(saved, reader);
    const group = svg('g', { transform: `translate(${ROOM} ${y + 36})` }, ...nodes);
    parts.push(group);
    y += 36 + height + ROOM;
  }
  parts.push(...legend(answer, saved.out, y));
  parts.push(line(`${model.name} model, Stillglass ${saved.version}`, y + 44, 12, COLOURS.soft));
  const height = Math.ceil(y + 44 + ROOM);
  const root = file.documentElement;
  for (const [name, value] of Object.entries({ width: WIDTH, height, viewBox: `0 0 ${WIDTH} ${height}` })) root.setAttribute(name, String(value));
  root.append(svg('title', {}, `${title(answer.student.result.label)}: ${answer.names === undefined ? answer.text : inOne(answer.text)}`), svg('rect', { width: '100%', height: '100%', fill: COLOURS.paper }), ...parts);
  return new XMLSerializer().serializeToString(file);
}

/** A text that may hold what XML cannot: control characters, lone surrogates. */
export function sound(text: string): string {
  return text.replace(/[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd');
}

function svg(tag: string, attributes: Record<string, string | number>, ...children: (Node | string)[]): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children.map((child) => (typeof child === 'string' ? sound(child) : child)));
  return element;
}

function heading({ name, result }: Reader): string {
  return `${name}: ${title(result.label)} ${percent(result.scores[result.label] ?? 0)}`;
}

function line(text: string, y: number, size: number, fill: string): SVGElement {
  return svg('text', { x: ROOM, y, 'font-family': SANS, 'font-size': size, fill }, text);
}

/** What is drawn, from the corner of its own on, and how much room it takes. */
interface Drawn {
  nodes: Node[];
  height: number;
}

/** The coloured words of one reader; of a pair, both texts under their names. */
function sheet(saved: Saved, reader: Reader): Drawn {
  const { text, names } = saved.answer;
  const drawn = shownTexts(text, reader.words, reader.result.ends, names !== undefined).map((shown) => laidOut(saved, reader, shown));
  const [first = { nodes: [], height: 0 }] = drawn;
  if (names === undefined) return first;
  let height = 0;
  const nodes = drawn.flatMap((own, at) => {
    const name = svg('text', { x: 0, y: height + 13, 'font-family': SANS, 'font-size': 13, fill: COLOURS.soft }, names[at] ?? '');
    const group = svg('g', { transform: `translate(0 ${height + NAME})` }, ...own.nodes);
    height += NAME + own.height;
    return [name, group];
  });
  return { nodes, height };
}

/** One text, as the browser lays it out. */
function laidOut({ answer, out }: Saved, { words }: Reader, { parts: segments, unread }: Shown): Drawn {
  const removed = new Set(out?.words.map(({ start }) => start));
  const parts = whole(segments).map((part) => make('span', { 'data-word': String(part.word ?? '') }, part.text));
  const rest = make('span', { 'data-word': '' }, unread.slice(0, GLIMPSE));
  const box = make('div', { class: 'drawing-words', dir: 'auto' }, ...parts, rest);
  box.style.setProperty('inline-size', `${WIDTH - 2 * ROOM}px`);
  document.body.append(box);
  try {
    const nodes = [...parts, rest].flatMap((part) => {
      const word = part.dataset['word'] === '' ? undefined : words[Number(part.dataset['word'])];
      const look = word === undefined ? undefined : lookOf(answer, word.weights[answer.label] ?? 0, word.start, removed.has(word.start));
      return pieces(part, box).flatMap((piece) => draw(piece, part === rest ? COLOURS.soft : COLOURS.ink, look));
    });
    return { nodes, height: box.getBoundingClientRect().height };
  } finally {
    box.remove();
  }
}

/** Marks that models read past go with the character before them: alone they cannot be drawn. */
function whole(parts: readonly Segment[]): Segment[] {
  const joined: Segment[] = [];
  for (const part of parts) {
    const [marks = ''] = /^[\p{Mark}\u200c\u200d]+/u.exec(part.text) ?? [];
    const last = joined.at(-1);
    if (last !== undefined) last.text += marks;
    joined.push({ ...part, text: last === undefined ? part.text : part.text.slice(marks.length) });
  }
  return joined;
}

/** How a word is marked. */
interface WordLook {
  side: 'for' | 'against' | 'neutral';
  strength: number;
  odd: boolean;
  gone: boolean;
}

function lookOf({ full, atOdds }: Answer, value: number, start: number, gone: boolean): WordLook {
  return { ...tone(value, full), odd: atOdds.has(start), gone };
}

/** Wash, line and text of a piece; what is only space has a wash at most. */
function draw({ text, x, y, width, height, baseline, size, rtl }: Piece, fill: string, look: WordLook | undefined): Node[] {
  const place = { x: x - 1, y, width: width + 2, height, rx: 4 };
  const under = baseline + 6;
  const nodes: Node[] = [];
  if (look !== undefined && !look.gone && look.side !== 'neutral') {
    const { side, strength } = look;
    nodes.push(svg('rect', { ...place, fill: COLOURS[side], 'fill-opacity': (strength * WASH).toFixed(3) }));
    nodes.push(svg('line', { ...across(x, width, under), stroke: COLOURS[`${side}-line`], 'stroke-width': (1 + strength * 2.5).toFixed(2), ...(side === 'against' && DASHED) }));
  }
  if (look?.odd === true) nodes.push(svg('rect', { ...place, ...FRAME }));
  if (text.trim() === '') return nodes;
  // As wide as it was measured, whatever font draws it elsewhere.
  const attributes = { x: rtl ? x + width : x, y: baseline, textLength: width.toFixed(2), lengthAdjust: 'spacingAndGlyphs' };
  nodes.push(svg('text', { ...attributes, direction: rtl ? 'rtl' : 'ltr', 'font-family': SERIF, 'font-size': size, fill, ...(look?.gone === true && { 'fill-opacity': 0.6 }) }, text));
  if (look?.gone === true) nodes.push(svg('line', { ...across(x, width, baseline - size * 0.28), ...STRUCK }));
  return nodes;
}

function across(x: number, width: number, y: number): Record<string, number> {
  return { x1: x, x2: x + width, y1: y, y2: y };
}

/** What the colours and lines mean, as far as they are there. */
function legend({ label, atOdds }: Answer, out: Saved['out'], y: number): Node[] {
  const name = (x: number, words: string) => svg('text', { x: x + 36, y: y + 13, 'font-family': SANS, 'font-size': 13, fill: COLOURS.soft }, words);
  const place = (x: number) => ({ x, y: y - 2, width: 28, height: 20, rx: 4 });
  const side = (which: 'for' | 'against') => (x: number) => [
    svg('rect', { ...place(x), fill: COLOURS[which], 'fill-opacity': 0.4 }),
    svg('line', { ...across(x, 28, y + 19), stroke: COLOURS[`${which}-line`], 'stroke-width': 2.5, ...(which === 'against' && DASHED) }),
    name(x, `${which} ${label}`),
  ];
  const odd = (x: number) => [svg('rect', { ...place(x), ...FRAME }), name(x, 'at odds')];
  const gone = (x: number) => [svg('line', { ...across(x, 28, y + 9), ...STRUCK }), name(x, 'taken out')];
  const samples = [side('for'), side('against'), ...(atOdds.size > 0 ? [odd] : []), ...(out === undefined ? [] : [gone])];
  return samples.flatMap((sample, at) => sample(ROOM + (at * (WIDTH - 2 * ROOM)) / samples.length));
}
