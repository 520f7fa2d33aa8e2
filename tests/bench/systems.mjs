/** The systems that are measured in the browser, each in a page of its own. */

const onnxruntime = (type) => ({ module: 'onnxruntime', reads: 'ids', options: { type } });
const transformers = (type) => ({ module: 'transformers', reads: 'text', options: { type } });

/** By name: the page's module, whether it reads token ids or text, and what else the module is told. */
export const SYSTEMS = {
  stillglass: { module: 'stillglass-ids', reads: 'ids', options: { build: 'simd' } },
  'stillglass, scalar': { module: 'stillglass-ids', reads: 'ids', options: { build: 'scalar' } },
  'stillglass, text': { module: 'stillglass', reads: 'text', options: {} },
  'stillglass, GPU': { module: 'stillglass', reads: 'text', gpu: true, options: { backend: 'gpu' } },
  'onnxruntime-web f32': onnxruntime('f32'),
  'onnxruntime-web u8': onnxruntime('u8'),
  'onnxruntime-web i8': onnxruntime('i8'),
  'onnxruntime-web WebGPU': { module: 'onnxruntime', reads: 'ids', gpu: true, options: { type: 'f32', provider: 'webgpu' } },
  'transformers.js f32': transformers('f32'),
  'transformers.js u8': transformers('u8'),
  'transformers.js i8': transformers('i8'),
  linear: { module: 'linear', reads: 'text', options: {} },
};

/** The systems whose name begins so. */
export const named = (...beginnings) => Object.keys(SYSTEMS).filter((name) => beginnings.some((beginning) => name.startsWith(beginning)));

/** One browser, and a page in it for each system that was asked for. */
export class Pages {
  #browser;
  #address;
  #open = new Map();

  constructor(browser, address) {
    this.#browser = browser;
    this.#address = address;
  }

  /** A system's page. A context of its own keeps the process, and what it has cached, apart from the others'. */
  async of(name) {
    const before = this.#open.get(name);
    if (before !== undefined) return before;
    const page = await this.another(SYSTEMS[name].module);
    this.#open.set(name, page);
    return page;
  }

  /** One more page, which the caller closes. */
  async another(module) {
    const context = await this.#browser.newContext();
    const page = await context.newPage();
    page.on('pageerror', (error) => console.error(`    ${module}: ${error.message}`));
    await page.goto(`${this.#address}/pages/index.html?system=${module}`);
    await page.waitForFunction(() => globalThis.bench !== undefined);
    return page;
  }

  /** Slows the processor of a system's page down, as DevTools does; what is returned lets it go again. */
  async slow(name, rate) {
    const page = await this.of(name);
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Emulation.setCPUThrottlingRate', { rate });
    // It is as slow as that for as long as it is attached.
    return () => devtools.detach();
  }

  /**
   * Opens a row in a system's page: what {@link interleaved} times. `inputs` are `{ ids, withSpecials, texts }`, the
   * same texts in every form; `options` go to the page's module beside the system's own.
   */
  async entry(name, row, { model, inputs, options = {} }) {
    const { module, reads, options: own } = SYSTEMS[name];
    const page = await this.of(name);
    // Stillglass puts a teacher's special tokens around the ids itself.
    const ids = module === 'stillglass-ids' ? inputs.ids : (inputs.withSpecials ?? inputs.ids);
    const asked = {
      name: model,
      model: `/models/${model}/`,
      file: `one.${own.type}`,
      inputs: reads === 'text' ? inputs.texts : ids,
      ...own,
      ...options,
    };
    const answers = await page.evaluate(([row, asked]) => globalThis.bench.open(row, asked), [row, asked]);
    const time = (calls) => page.evaluate(([row, calls]) => globalThis.bench.time(row, calls), [row, calls]);
    const close = () => page.evaluate((row) => globalThis.bench.close(row), row);
    return { system: name, answers, time, close };
  }

  async close() {
    for (const page of this.#open.values()) await page.context().close();
    this.#open.clear();
  }
}
