/** What every part of the benchmark measures with: the browser, the server, the texts. */

import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import * as glass from './glass.mjs';
import { Refused } from './refused.mjs';
import { serve } from './serve.mjs';
import { Pages, SYSTEMS } from './systems.mjs';
import * as texts from './texts.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** Timed calls of a row. */
const SAMPLES = 200;
const QUICK_SAMPLES = 20;
/** Of the texts. */
const SEED = 1;
/** The packages that Stillglass is compared with, in the browser and natively. */
const COMPARED = ['onnxruntime-web', '@huggingface/transformers'];
const NATIVE = ['onnxruntime', 'torch'];

/** Switches beside Playwright's, which already keep pages that are not in front at full speed. */
const SWITCHES = [
  '--no-sandbox',
  '--js-flags=--expose-gc',
  '--enable-unsafe-webgpu',
  '--enable-precise-memory-info',
];
/** The GPU that Chromium brings along, computed by the CPU, where there is no other. */
const SOFTWARE_GPU = '--use-webgpu-adapter=swiftshader';

export class Lab {
  /** Starts server and browser. */
  static async open(options) {
    const { work, quick } = options;
    const lab = new Lab();
    lab.options = options;
    lab.samples = quick ? QUICK_SAMPLES : SAMPLES;
    lab.quick = quick;
    lab.real = options.real;
    const packages = path.join(HERE, 'node_modules');
    const folders = {
      pages: path.join(HERE, 'pages'),
      pkg: path.join(HERE, '../../pkg/dist'),
      modules: path.join(work, 'modules'),
      models: path.join(work, 'models'),
      onnxruntime: path.join(packages, 'onnxruntime-web/dist'),
      transformers: path.join(packages, '@huggingface/transformers/dist'),
      'transformers-onnxruntime': path.join(packages, '@huggingface/transformers/node_modules/onnxruntime-web/dist'),
    };
    lab.versions = [];
    for (const name of COMPARED) lab.versions.push(`${name} ${await versionOf(path.join(packages, name))}`);
    const required = await readFile(path.join(HERE, 'python/requirements.txt'), 'utf8');
    const pinned = required.split('\n').map((line) => line.split('=='));
    for (const [name, version] of pinned) if (NATIVE.includes(name)) lab.versions.push(`${name} ${version}`);
    lab.server = await serve(folders, path.join(work, 'compressed'));
    await lab.#launch();
    lab.pages = new Pages(lab.browser, lab.server.address);
    return lab;
  }

  /** Starts the browser; once more with the GPU it brings along, if it has no other. */
  async #launch() {
    for (const more of [[], [SOFTWARE_GPU]]) {
      this.browser = await chromium.launch({ executablePath: this.options.chromium, args: [...SWITCHES, ...more] });
      this.gpu = await gpuOf(this.browser, this.server.address);
      if (this.gpu !== undefined) return;
      if (more.length === 0) await this.browser.close();
    }
  }

  /** Whether what stands in for a GPU is the processor. */
  get softwareGpu() {
    return this.gpu?.software ?? true;
  }

  /** A model's folder, as the driver sees it. */
  model(name) {
    return path.join(this.options.work, 'models', name);
  }

  /** So many texts of so many tokens, special ones counted, as texts and as ids. */
  async inputs(model, count, tokens) {
    const { manifest, vocabulary } = await glass.read(path.join(this.model(model), 'model.glass'));
    const { first, last } = manifest.tokenizer;
    const room = tokens - (first === undefined ? 0 : 2);
    const word = texts.wordsOf({ vocabulary, real: this.real, seed: SEED });
    const drawn = Array.from({ length: 2 * count * room }, word);
    const ids = await this.encode(model, drawn);
    const found = filled(drawn, ids, room).slice(0, count);
    if (found.length < count) throw new Refused(`too few words for ${count} texts of ${tokens} tokens`);
    const withSpecials = first === undefined ? undefined : found.map((text) => [first, ...text.ids, last]);
    return { texts: found.map((text) => text.words.join(' ')), ids: found.map((text) => text.ids), withSpecials };
  }

  /** Short texts as people post them, and their ids. */
  async tweets(model, count) {
    const { vocabulary } = await glass.read(path.join(this.model(model), 'model.glass'));
    const found = texts.tweets({ vocabulary, real: this.real, seed: SEED }, count);
    return { texts: found, ids: await this.encode(model, found) };
  }

  /** Token ids without special ones, by Stillglass's own tokenizer. */
  async encode(model, texts) {
    const page = await this.pages.of('stillglass');
    return page.evaluate(([folder, texts]) => globalThis.encode(folder, texts), [`/models/${model}/`, texts]);
  }

  /** What a model is called in titles: its sizes, as its bundle has them. */
  async named(model) {
    const { architecture, kind } = (await glass.read(path.join(this.model(model), 'model.glass'))).manifest;
    const { embedding, hidden, layers } = architecture;
    if (kind === 'teacher') return `BERT, ${layers} layers of ${hidden}`;
    return `BiLSTM, ${embedding === hidden ? 'E = H' : `E = ${embedding}, H`} = ${hidden}`;
  }

  /** Opens a row in some systems; a GPU's that cannot are skipped, and say why. */
  async open(systems, row, given) {
    const [entries, skipped] = [[], []];
    for (const system of systems) {
      try {
        entries.push(await this.pages.entry(system, row, given));
      } catch (error) {
        if (SYSTEMS[system].gpu !== true) throw error;
        // Playwright says first where it heard it.
        const [line] = error.message.replace(/^page\.evaluate: (Error: )?/, '').split('\n');
        skipped.push({ system, skipped: line });
      }
    }
    return { entries, skipped };
  }

  /** What it ran on, for the reader. */
  machine() {
    const [{ model }] = os.cpus();
    const memory = Math.round(os.totalmem() / 2 ** 30);
    return {
      processor: model,
      cores: `${os.cpus().length} cores`,
      memory: `${memory} GiB`,
      gpu: this.softwareGpu ? 'no GPU' : this.gpu.name,
      system: os.type(),
      browser: `Chromium ${this.browser.version()}`,
      packages: this.versions.join(', '),
    };
  }

  async close() {
    await this.pages.close();
    await this.browser.close();
    await this.server.stop();
  }
}

async function versionOf(folder) {
  return JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')).version;
}

/** The GPU that pages see, if they see one. */
async function gpuOf(browser, address) {
  const page = await browser.newPage();
  await page.goto(`${address}/pages/empty.html`);
  const gpu = await page.evaluate(async () => {
    const { info } = (await navigator.gpu?.requestAdapter()) ?? {};
    if (info === undefined) return undefined;
    const name = [info.vendor, info.architecture, info.description].filter(Boolean).join(' ');
    return { name, software: info.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|software/i.test(name) };
  });
  await page.close();
  return gpu;
}

/** Texts of exactly so many tokens, word after word; a word that would be too much is left out. */
function filled(words, ids, room) {
  const full = [];
  let text = { words: [], ids: [] };
  words.forEach((word, at) => {
    if (text.ids.length + ids[at].length > room) return;
    text.words.push(word);
    text.ids.push(...ids[at]);
    if (text.ids.length < room) return;
    full.push(text);
    text = { words: [], ids: [] };
  });
  return full;
}
