/** What the backend `auto` has measured of each model here, kept from visit to visit. */

import type { Timing } from 'stillglass';

const PREFIX = 'stillglass timing ';
/** Milliseconds after which a model is measured again: the browser, its drivers and this page change. */
const MONTH = 30 * 24 * 3600 * 1000;

interface Kept {
  timing: Timing;
  since: number;
}

/** What was measured of a model; nothing where the browser keeps nothing. */
export function remembered(key: string): Timing | undefined {
  try {
    const kept = JSON.parse(localStorage.getItem(PREFIX + key) ?? 'null') as Kept | null;
    return kept !== null && Date.now() - kept.since < MONTH ? kept.timing : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps what was measured of a model, where the browser keeps anything; else it is measured again. */
export function remember(key: string, timing: Timing): void {
  try {
    // Not again at every call: it would never grow old.
    if (remembered(key) !== undefined) return;
    const kept: Kept = { timing, since: Date.now() };
    localStorage.setItem(PREFIX + key, JSON.stringify(kept));
  } catch {
    // Forbidden or full.
  }
}

/** Forgets what was measured of every model. */
export function forgetTimings(): void {
  const keys = Array.from({ length: localStorage.length }, (_, at) => localStorage.key(at));
  for (const key of keys) if (key?.startsWith(PREFIX) === true) localStorage.removeItem(key);
}
