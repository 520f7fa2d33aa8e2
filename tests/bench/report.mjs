/** A run's results as Markdown. */

import { comparisons } from './figures.mjs';

/** A figure with three digits that count. */
export function figure(value) {
  if (value >= 1_000) return Math.round(value).toLocaleString('en');
  return value.toPrecision(3).replace(/\.$/, '');
}

const megabytes = (bytes) => (bytes === undefined ? '' : `${(bytes / 1e6).toFixed(2)} MB`);

/** A row in short, for whoever watches. */
export function lines({ systems = [], points = [], failed }) {
  if (failed !== undefined) return [`FAILED: ${failed}`];
  const said = ({ ms, p95, loaded, skipped, ...rest }) => {
    if (skipped !== undefined) return `SKIPPED: ${skipped}`;
    if (loaded !== undefined) return `${megabytes(loaded.wasm)} of WebAssembly memory once loaded`;
    return `${figure(ms)} ms, 95th percentile ${figure(p95)}${rest.void ? ', VOID: answers differ' : ''}`;
  };
  return [...systems, ...points].map((one) => `${`${one.system}${one.size === undefined ? '' : `, ${one.size}`}`.padEnd(28)}${said(one)}`);
}

function table(head, rows) {
  const row = (cells) => `| ${cells.map((cell) => cell ?? '').join(' | ')} |`;
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
}

export function markdown(result) {
  const { machine, quick, texts, date, rows } = result;
  const parts = [
    `# Stillglass beside others`,
    `${Object.values(machine).join(', ')}; ${texts} texts; ${date}${quick ? '; a quick run, for orientation only' : ''}.`,
    `## In short`,
    table(
      ['', 'unit', 'Stillglass', 'the other', '', 'times as much'],
      comparisons(result).map(({ title, unit, mine, other, times }) => [title, unit, figure(mine.value), figure(other.value), named(other), `${figure(times)}×`]),
    ),
    ...rows.flatMap((row) => [`## ${row.title}`, ...details(row)]),
  ];
  return `${parts.join('\n\n')}\n`;
}

const named = ({ system, note }) => (note === undefined ? system : `${system}, ${note}`);

function details(row) {
  if (row.failed !== undefined) return [`FAILED: ${row.failed}`];
  if (row.points !== undefined) return growth(row);
  if (row.unit === 'bytes') return memory(row);
  if (row.systems.some(({ wire }) => wire !== undefined)) return [times(row), wire(row)];
  return [times(row)];
}

function times({ unit, systems }) {
  const many = systems.some(({ textsASecond }) => textsASecond !== undefined);
  const head = ['system', `median, ${unit}`, '95th percentile', 'least', ...(many ? ['texts a second'] : []), 'timed', 'largest difference of a probability', ''];
  return table(
    head,
    systems.map(({ system, ms, p95, least, calls, repeats = 1, difference, note, skipped, slowing, textsASecond, ...rest }) => {
      if (skipped !== undefined) return [system, '', '', '', ...(many ? [''] : []), '', '', `SKIPPED: ${skipped}`];
      const remark = [rest.void ? 'VOID: answers differ' : undefined, note, slowing && `${figure(slowing)}× as long as unslowed`].filter(Boolean).join('; ');
      const timed = repeats > 1 ? `${calls} × ${repeats}` : calls;
      return [system, figure(ms), figure(p95), figure(least), ...(many ? [figure(textsASecond)] : []), timed, difference?.toFixed(4), remark];
    }),
  );
}

function wire({ systems }) {
  return table(
    ['brotli, bytes over the wire', 'runtime', 'model', 'together'],
    systems.map(({ system, wire: { runtime, model } }) => [system, ...[runtime, model, runtime + model].map((bytes) => bytes.toLocaleString('en'))]),
  );
}

function memory({ systems }) {
  const cell = (held) => (held === undefined ? '' : `${megabytes(held.wasm)} / ${megabytes(held.heap)}`);
  return [
    'WebAssembly memory / JavaScript heap. The first never shrinks, so that it is a peak.',
    table(
      ['system', 'empty page', 'model loaded', 'after 1,000 calls', 'after all calls', 'calls'],
      systems.map(({ system, empty, loaded, peak, after, calls }) => [system, cell(empty), cell(loaded), cell(peak), cell(after), after && calls.toLocaleString('en')]),
    ),
  ];
}

function growth({ points, lines, unit }) {
  const systems = lines.map(({ system }) => system);
  const sizes = [...new Set(points.map(({ size }) => size))];
  const cell = (size, name) => {
    const found = points.find((point) => point.size === size && point.system === name);
    return `${figure(found.ms)}${found.void ? ' (VOID)' : ''}`;
  };
  return [
    table([unit, ...systems], sizes.map((size) => [size.toLocaleString('en'), ...systems.map((name) => cell(size, name))])),
    table(['least squares', ...systems], [['slope', ...lines.map(({ slope }) => slope.toPrecision(3))], ['R²', ...lines.map(({ r2 }) => r2.toFixed(4))]]),
  ];
}
