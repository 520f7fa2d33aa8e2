/** Every shader makes a pipeline in a real browser, on the software GPU it brings: Chromium's compiler is
 *  stricter than the one that checks them natively. */

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch, SOFTWARE_GPU } from './browser.mjs';

const FOLDER = new URL('../../shaders/', import.meta.url);

let browser;
let page;

before(async () => {
  browser = await launch(SOFTWARE_GPU);
  page = await browser.newPage();
  // WebGPU wants a secure origin; nothing is fetched from it.
  await page.route('**/*', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
  await page.goto('https://stillglass.test/');
});

after(() => browser?.close());

/** What the browser has against a shader: `[]` if nothing, `undefined` if it lacks what the shader needs. */
async function complaints(source) {
  return page.evaluate(async (code) => {
    const adapter = await navigator.gpu.requestAdapter();
    const half = code.includes('enable f16;');
    const packed = code.includes('requires packed_4x8_integer_dot_product;');
    if (half && !adapter.features.has('shader-f16')) return undefined;
    if (packed && !navigator.gpu.wgslLanguageFeatures.has('packed_4x8_integer_dot_product')) return undefined;
    const device = await adapter.requestDevice({ requiredFeatures: half ? ['shader-f16'] : [] });
    const module = device.createShaderModule({ code });
    const { messages } = await module.getCompilationInfo();
    const found = messages.map(({ type, lineNum, message }) => `${type} in line ${lineNum}: ${message}`);
    for (const [, entryPoint] of code.matchAll(/@compute[^{]*?fn (\w+)/g)) {
      const made = device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint } });
      await made.catch((error) => found.push(`${entryPoint}: ${error.message}`));
    }
    device.destroy();
    return found;
  }, source);
}

test('the browser has a software GPU', async () => {
  assert.ok(await page.evaluate(async () => (await navigator.gpu?.requestAdapter()) !== null));
});

test('a broken shader is found', async () => {
  const unsteady = `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
    @compute @workgroup_size(64) fn main(@builtin(local_invocation_index) lane: u32) {
      if x[lane] > 0 { workgroupBarrier(); }
    }`;
  assert.notDeepEqual(await complaints(unsteady), []);
});

const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.wgsl'));
for (const name of names) {
  test(name, async (context) => {
    const found = await complaints(await readFile(fileURLToPath(new URL(name, FOLDER)), 'utf8'));
    if (found === undefined) context.skip('SKIPPED: the software GPU lacks what it needs');
    else assert.deepEqual(found, []);
  });
}
