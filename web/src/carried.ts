/** What is being read, taken along where the page reloads itself; it stays in this tab, and is taken up once. */

const NAME = 'stillglass carried';

/** A text that is being read, and its model's id. */
export interface Carried {
  model: string;
  text: string;
}

/** Takes it along, where the browser keeps anything; else the page begins anew. */
export function carry(carried: Carried): void {
  try {
    sessionStorage.setItem(NAME, JSON.stringify(carried));
  } catch {
    // Forbidden or full.
  }
}

/** What was taken along, if anything was: not again, should the reader reload. */
export function takeCarried(): Carried | undefined {
  try {
    const carried = JSON.parse(sessionStorage.getItem(NAME) ?? 'null') as Carried | null;
    sessionStorage.removeItem(NAME);
    return typeof carried?.text === 'string' ? carried : undefined;
  } catch {
    return undefined;
  }
}
