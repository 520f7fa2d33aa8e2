/** What the backend `auto` has measured of each model here, kept from visit to visit. */

import type { Timing } from 'stillglass';

const PREFIX = 'stillglass timing ';

/** What was measured of a model; nothing where the browser keeps nothing. */
export function remembered(key: string): Timing | undefined {
  try {
    return (JSON.parse(localStorage.getItem(PREFIX + key) ?? 'null') ?? undefined) as Timing | undefined;
  } catch {
    return undefined;
  }
}

/** Keeps what was measured of a model, where the browser keeps anything; else it is measured again. */
export function remember(key: string, timing: Timing): void {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(timing));
  } catch {
    // Forbidden or full.
  }
}
