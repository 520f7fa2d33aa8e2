/** A study's plan, as `stillglass study plan` writes it. */

/** A construct and the sentence about it. */
export interface Statement {
  name: string;
  statement: string;
}

/** A word of the text; `weight` is how much it speaks for the answer, −1 to 1. */
export interface Painted {
  /** In UTF-16 units. */
  start: number;
  end: number;
  /** 1 for a word of the second text, whose units these are. */
  half?: 1;
  weight: number;
}

/** A text, an answer and an explanation of it. */
export interface Item {
  id: string;
  text: string;
  text2?: string;
  answer: string;
  explanation: { words: Painted[] } | { sentence: string };
  /** In a check of attention, the rating that its explanation asks for. */
  check?: number;
}

/** What one rater sees. */
export interface Seat {
  rater: string;
  items: Item[];
}

/** A study. */
export interface Plan {
  study: string;
  constructs: Statement[];
  scale: string[];
  raters: Seat[];
}

const FORMAT = 'stillglass-study/1';

/** Reads a plan; throws an error that says what is wrong with it. */
export function readPlan(content: string): Plan {
  let found: unknown;
  try {
    found = JSON.parse(content);
  } catch {
    throw new Error('This is not a study: it is no JSON. Choose the file that “stillglass study plan” wrote.');
  }
  const plan = object(found, 'the file');
  if (plan['format'] !== FORMAT) {
    const key = plan['groups'] === undefined ? '' : ' It looks like the key, which stays with whoever planned the study.';
    throw new Error(`This is not a study of format ${FORMAT}.${key} Choose the file that “stillglass study plan” wrote.`);
  }
  const items = new Map(list(plan['items'], 'items').map((value, at) => item(value, `items[${at}]`)).map((one) => [one.id, one]));
  const raters = list(plan['raters'], 'raters').map((value, at) => {
    const seat = object(value, `raters[${at}]`);
    const shown = list(seat['items'], `raters[${at}].items`).map((id) => {
      const one = items.get(String(id));
      if (one === undefined) throw new Error(`raters[${at}] rates ${String(id)}, which is no item of this study.`);
      return one;
    });
    return { rater: text(seat['rater'], `raters[${at}].rater`), items: shown };
  });
  const constructs = list(plan['constructs'], 'constructs').map((value, at) => {
    const construct = object(value, `constructs[${at}]`);
    const of = (key: string) => text(construct[key], `constructs[${at}].${key}`);
    return { name: of('name'), statement: of('statement') };
  });
  const scale = list(plan['scale'], 'scale').map((value, at) => text(value, `scale[${at}]`));
  if (raters.length === 0 || constructs.length === 0 || scale.length < 2 || raters.some((seat) => seat.items.length === 0)) {
    throw new Error('This study has nobody to rate, or nothing to be rated.');
  }
  return { study: text(plan['study'], 'study'), constructs, scale, raters };
}

function item(value: unknown, place: string): Item {
  const found = object(value, place);
  const of = (key: string) => text(found[key], `${place}.${key}`);
  const own = { id: of('id'), text: of('text'), answer: of('answer') };
  const explanation = object(found['explanation'], `${place}.explanation`);
  const why =
    explanation['sentence'] === undefined
      ? { words: words(explanation['words'], [own.text, found['text2'] === undefined ? '' : of('text2')], `${place}.explanation.words`) }
      : { sentence: text(explanation['sentence'], `${place}.explanation.sentence`) };
  return {
    ...own,
    ...(found['text2'] === undefined ? {} : { text2: of('text2') }),
    explanation: why,
    ...(typeof found['check'] === 'number' ? { check: found['check'] } : {}),
  };
}

/** Words one after the other within the text, then those within the second. */
function words(value: unknown, texts: readonly [string, string], place: string): Painted[] {
  let [from, last] = [0, 0];
  return list(value, place).map((entry, at) => {
    const { start, end, half = 0, weight } = object(entry, `${place}[${at}]`);
    if (half === 1 && last === 0) [from, last] = [0, 1];
    const inside = half === last ? (texts[last]?.length ?? 0) : -1;
    const right = typeof start === 'number' && typeof end === 'number' && start >= from && end >= start && end <= inside;
    if (!right || typeof weight !== 'number') throw new Error(`${place}[${at}] is no word of its text.`);
    from = end;
    return { start, end, ...(half === 1 && { half }), weight };
  });
}

function object(value: unknown, place: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Error(`This study is damaged: ${place} is no object.`);
}

function list(value: unknown, place: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw new Error(`This study is damaged: ${place} is no list.`);
}

function text(value: unknown, place: string): string {
  if (typeof value === 'string') return value;
  throw new Error(`This study is damaged: ${place} is no text.`);
}
