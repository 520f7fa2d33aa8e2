/** Runs the worker in workerd and prints its answer. */

import { Miniflare } from 'miniflare';

const module = (type, path) => ({ type, path: `dist/${path}` });
const miniflare = new Miniflare({
  modulesRoot: 'dist',
  modules: [module('ESModule', 'app.js'), module('CompiledWasm', 'stillglass_bg.wasm'), module('Data', 'finance.glass')],
  compatibilityDate: '2026-01-01',
});
const response = await miniflare.dispatchFetch('http://localhost/', { method: 'POST', body: 'Northwind raises its profit outlook' });
console.log(await response.text());
await miniflare.dispose();
