/** Where the browser has put a text: its pieces, one for each line that it stands on. */

/** A stretch of text on one line; places in CSS pixels from the corner of the box. */
export interface Piece {
  text: string;
  x: number;
  y: number;
  width: number;
  height: number;
  baseline: number;
  /** Of the font. */
  size: number;
  /** Whether it runs from right to left. */
  rtl: boolean;
}

/** A font's ascent as a share of its height, for the fonts that drawings name. */
const ASCENT = 0.78;

/** The pieces of an element that holds one text and nothing else. */
export function pieces(element: HTMLElement, box: HTMLElement): Piece[] {
  const node = element.firstChild;
  if (!(node instanceof Text)) return [];
  const corner = box.getBoundingClientRect();
  const size = parseFloat(getComputedStyle(box).fontSize);
  const base = getComputedStyle(box).direction === 'rtl';
  return lines(node).map(({ text, left, right, top, bottom, rtl = base }) => ({
    text,
    x: left - corner.left,
    y: top - corner.top,
    width: right - left,
    height: bottom - top,
    baseline: top - corner.top + (bottom - top) * ASCENT,
    size,
    rtl,
  }));
}

/** What stands on one line. */
interface Line {
  text: string;
  left: number;
  right: number;
  top: number;
  bottom: number;
  rtl?: boolean;
}

/** The text cut where the browser goes to another line, between what readers take for characters. */
function lines(node: Text): Line[] {
  const found: Line[] = [];
  const range = document.createRange();
  let previous = NaN;
  for (const { text, start, end } of characters(node.data)) {
    range.setStart(node, start);
    range.setEnd(node, end);
    const rect = [...range.getClientRects()].find(({ width }) => width > 0);
    if (rect === undefined) continue;
    const last = found.at(-1);
    if (last === undefined || rect.top >= last.bottom || rect.bottom <= last.top) {
      found.push({ text, left: rect.left, right: rect.right, top: rect.top, bottom: rect.bottom });
    } else {
      if (last.rtl === undefined && rect.left !== previous) last.rtl = rect.left < previous;
      last.text += text;
      last.left = Math.min(last.left, rect.left);
      last.right = Math.max(last.right, rect.right);
      last.top = Math.min(last.top, rect.top);
      last.bottom = Math.max(last.bottom, rect.bottom);
    }
    previous = rect.left;
  }
  return found;
}

function characters(text: string): { text: string; start: number; end: number }[] {
  const parts = typeof Intl.Segmenter === 'function' ? Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment) : [...text];
  let at = 0;
  return parts.map((part) => ({ text: part, start: at, end: (at += part.length) }));
}
