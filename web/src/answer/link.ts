/**
 * An answer as an address: text, model and class behind the `#`, which browsers send to no server.
 *
 * Percent-encoded and not compressed, so that who gets a link can see what it says. No DOM here.
 */

import { isPair, textsOf, together } from '../texts.ts';

/** The names of the texts of a pair; a single one has the first, and so has a question, whose choices are numbered from 1. */
const TEXTS = ['text', 'second'];
const CHOICE = 'choice';

/** The longest fragment, in characters: what most programs pass on whole. */
export const LONGEST = 16_000;

/** What a link says. */
export interface Link {
  /** Of several, all as one. */
  text: string;
  /** The model's id. */
  model: string;
  /** The class that was picked; none if the page followed the prediction. */
  label?: string | undefined;
}

/** What an address says: nothing, a link, or a reason why it is none. */
export type Opened = { at: 'nothing' } | { at: 'link'; link: Link } | { at: 'refused'; why: string };

/** The fragment with its `#`; nothing if it would be too long. */
export function fragment({ text, model, label }: Link): string | undefined {
  const texts = textsOf(text);
  const name = (at: number) => (at === 0 || isPair(text) ? TEXTS[at] : `${CHOICE}${at}`);
  const parts = [...texts.map((own, at) => `${name(at)}=${encoded(own)}`), `model=${encoded(model)}`, ...(label === undefined ? [] : [`class=${encoded(label)}`])];
  const whole = `#${parts.join('&')}`;
  return whole.length > LONGEST ? undefined : whole;
}

/** Reads a fragment, `#` included; `views` are those that are no links. */
export function opened(hash: string, views: readonly string[]): Opened {
  if (hash === '' || hash === '#' || views.includes(hash.slice(1))) return { at: 'nothing' };
  if (hash.length > LONGEST) return refused(`it is longer than the ${LONGEST.toLocaleString('en')} characters that this page reads`);
  const fields = fieldsOf(hash.slice(1));
  if (fields === undefined) return refused('it is damaged');
  const [first, second, model, label] = ['text', 'second', 'model', 'class'].map((name) => fields.get(name));
  if (first === undefined || model === undefined) return refused('it is not one of this page');
  const more = second === undefined ? choicesIn(fields) : [second];
  const text = more.length === 0 ? first : together([first, ...more]);
  return { at: 'link', link: { text, model, ...(label !== undefined && { label }) } };
}

/** The choices of a question, in their order. */
function choicesIn(fields: ReadonlyMap<string, string>): string[] {
  const choices: string[] = [];
  for (let choice = fields.get(`${CHOICE}1`); choice !== undefined; choice = fields.get(`${CHOICE}${choices.length + 1}`)) choices.push(choice);
  return choices;
}

/** Names and values; nothing if one comes twice or cannot be decoded. */
function fieldsOf(fragment: string): Map<string, string> | undefined {
  const fields = new Map<string, string>();
  for (const part of fragment.split('&')) {
    const at = part.indexOf('=');
    const name = at < 0 ? part : part.slice(0, at);
    if (fields.has(name)) return undefined;
    try {
      fields.set(name, decodeURIComponent(at < 0 ? '' : part.slice(at + 1)));
    } catch {
      return undefined;
    }
  }
  return fields;
}

function refused(why: string): Opened {
  return { at: 'refused', why };
}

/** Also what programs that look for addresses in a text take for the end of one; lone surrogates are U+FFFD. */
function encoded(value: string): string {
  const sound = value.replace(/\p{Surrogate}/gu, '\ufffd');
  return encodeURIComponent(sound).replace(/[!'()*.~]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}
