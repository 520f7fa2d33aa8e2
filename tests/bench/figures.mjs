/** What the rows of a run come to. */

/** Whether a system's figure counts: it was measured, its answers agree, and no software played the GPU. */
export const counts = ({ skipped, void: voided, note }) => skipped === undefined && !voided && !note?.startsWith('software GPU');

/** A library's fastest variant of those that count. */
export function best(systems, library) {
  const found = systems.filter((one) => one.system.startsWith(library) && counts(one));
  return found.sort((a, b) => a.ms - b.ms)[0];
}

/** Who is compared with whom, in rows that have the first of `ours`. */
const OTHERS = ['onnxruntime', 'transformers.js', 'PyTorch'];

/** Of each row that compares: our figure, each other library's best, and how many times as long that takes. */
export function comparisons({ rows }) {
  return rows.filter(({ systems, unit }) => systems?.some(({ ms }) => ms !== undefined) && unit !== 'bytes').flatMap(compare);
}

function compare({ name, title, unit, systems }) {
  // A row of texts has our text call only; one of ids is compared by ids.
  const ours = best(systems, 'stillglass');
  const plain = systems.find(({ system }) => system === 'stillglass' || system === 'stillglass, text');
  const mine = plain !== undefined && counts(plain) ? plain : ours;
  if (mine === undefined) return [];
  const others = OTHERS.map((library) => best(systems, library)).filter(Boolean);
  return others.map((other) => ({ name, title, unit, mine, other, faster: other.ms / mine.ms }));
}
