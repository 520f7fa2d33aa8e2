/** What the rows of a run come to: Stillglass's figures beside the best ones of others. */

/** Libraries, by how their systems' names begin. */
const OTHERS = ['onnxruntime', 'transformers.js', 'PyTorch'];
/** Which of our figures is compared: from ids where the others read ids, else from text. */
const OURS = ['stillglass', 'stillglass, text'];
/** Systems on a GPU, which are compared with each other. */
const ON_GPU = /GPU$/;
const OURS_ON_GPU = 'stillglass, GPU';

/** Whether a figure counts: it was measured, its answers agree, and no software played the GPU. */
const counts = ({ skipped, void: voided, note }) => skipped === undefined && !voided && !note?.startsWith('software GPU');

/** Each of our figures, another library's best one, and how many times ours that is. */
export const comparisons = ({ rows }) => rows.flatMap(({ systems, ...row }) => quantities(row).flatMap((quantity) => compared(quantity, systems ?? [])));

/** What is compared of a row: its title, its unit, and a system's figure. */
function quantities({ name, title, unit }) {
  if (name.startsWith('memory')) return [{ name, title: `${title}, after 1,000 calls`, unit: 'MB', of: ({ peak }) => peak.wasm / 1e6 }];
  const time = { name, title, unit, of: ({ ms }) => ms };
  if (name !== 'cold') return [time];
  const wire = (what, of) => ({ name: `${name}-${what}`, title: `Over the wire, Brotli, ${what}`, unit: 'MB', of: ({ wire }) => of(wire) / 1e6 });
  return [time, wire('runtime', ({ runtime }) => runtime), wire('runtime and model', ({ runtime, model }) => runtime + model)];
}

function compared({ of, ...quantity }, systems) {
  const counted = systems.filter(counts).map((one) => ({ ...one, value: of(one) }));
  const onGpu = ({ system }) => ON_GPU.test(system);
  return [
    ...beside(quantity, OURS, counted.filter((one) => !onGpu(one))),
    ...beside({ ...quantity, title: `${quantity.title}, on the GPU` }, [OURS_ON_GPU], counted.filter(onGpu)),
  ];
}

function beside(quantity, ours, counted) {
  const mine = ours.map((name) => counted.find(({ system }) => system === name)).find((found) => found !== undefined);
  if (mine === undefined) return [];
  const best = (library) => counted.filter(({ system }) => system.startsWith(library)).sort((a, b) => a.value - b.value)[0];
  const others = OTHERS.map(best).filter((found) => found !== undefined);
  return others.map((other) => ({ ...quantity, mine, other, times: other.value / mine.value }));
}
