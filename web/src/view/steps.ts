/** Arrow keys in a row of items that runs like a text. */

/** The item that a key leads to from another, in the direction in which the row's text runs; nothing for other keys. */
export function stepTo(key: string, from: number, last: number, row: Element): number | undefined {
  const forward = getComputedStyle(row).direction === 'rtl' ? 'ArrowLeft' : 'ArrowRight';
  const within = (place: number) => Math.max(0, Math.min(last, place));
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowRight':
      return within(from + (key === forward ? 1 : -1));
    case 'ArrowDown':
      return within(from + 1);
    case 'ArrowUp':
      return within(from - 1);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return undefined;
  }
}
