/** Numbers as the page writes them. */

const MINUS = '\u2212';

/** A probability in whole percent; never 0 or 100 unless it is. */
export function percent(probability: number): string {
  if (probability > 0 && probability < 0.01) return '<1%';
  if (probability > 0.99 && probability < 1) return '>99%';
  return `${Math.round(probability * 100)}%`;
}

/** A share that may be small or above one, with one decimal below ten percent. */
export function share(value: number): string {
  const percents = value * 100;
  return percents < 10 ? `${percents.toFixed(1)}%` : `${Math.round(percents)}%`;
}

/** A figure between −1 and 1. */
export function decimal(value: number): string {
  const digits = Math.abs(value).toFixed(2);
  return value < 0 && Number(digits) > 0 ? MINUS + digits : digits;
}

/** A contribution or score with its sign and two decimals; no sign for what rounds to zero. */
export function signed(value: number): string {
  const digits = Math.abs(value).toFixed(2);
  if (Number(digits) === 0) return digits;
  return (value < 0 ? MINUS : '+') + digits;
}

/** The same for a screen reader, which may skip a minus sign. */
export function spoken(value: number): string {
  return signed(value).replace(MINUS, 'minus ').replace('+', 'plus ');
}

/** A time of fractions of a millisecond to seconds. */
export function duration(ms: number): string {
  if (ms < 0.1) return '< 0.1 ms';
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(1)} s`;
}

/** A size in decimal kilobytes or megabytes. */
export function bytes(count: number): string {
  if (count < 1e6) return `${count === 0 ? 0 : Math.max(1, Math.round(count / 1e3))} KB`;
  return `${(count / 1e6).toFixed(count < 1e7 ? 2 : 1)} MB`;
}

/** A count with thousands set apart. */
export function count(value: number): string {
  // The first label need not wait for the browser's number formats, which take 20 ms to load.
  return Number.isInteger(value) && Math.abs(value) < 1000 ? String(value) : value.toLocaleString('en');
}

/** `1st`, `2nd`, `23rd`. */
export function ordinal(value: number): string {
  const teen = value % 100 >= 11 && value % 100 <= 13;
  const suffix = teen ? 'th' : (['th', 'st', 'nd', 'rd'][value % 10] ?? 'th');
  return `${value}${suffix}`;
}

/** A class name as a heading writes it. */
export function title(label: string): string {
  return label.charAt(0).toUpperCase() + label.slice(1);
}

/** A text no longer than so many characters, cut between them. */
export function clipped(text: string, most: number): string {
  const characters = [...text];
  return characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : text;
}

/** What an error, or whatever was thrown, says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A message as a sentence. */
export function sentence(message: string): string {
  const start = title(message);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}
