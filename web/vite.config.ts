import { fileURLToPath } from 'node:url';
import { defaultClientConditions, defineConfig, type Plugin } from 'vite';

/**
 * The page's whole policy: everything from its own server, no inline code, and WebAssembly. Sent as a
 * header by `vite preview`, and written into the built page so that a host that sends no headers
 * still serves a page that cannot talk to anyone else. What is written there does not govern the
 * worker, whose policy comes with its own file: only a host that sends the header holds it too.
 */
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";

/** The folder with `index.json` and the bundles it names; set it to build the page with your own. */
const models = process.env['STILLGLASS_MODELS'] ?? fileURLToPath(new URL('models', import.meta.url));

function policyInPage(): Plugin {
  return {
    name: 'policy-in-page',
    apply: 'build',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY },
        injectTo: 'head-prepend',
      },
    ],
  };
}

export default defineConfig({
  // Relative addresses, so that the built folder works under any path.
  base: './',
  appType: 'mpa',
  plugins: [policyInPage()],
  assetsInclude: ['**/*.glass'],
  resolve: {
    alias: { '#models': models },
    conditions: ['stillglass-source', ...defaultClientConditions],
  },
  worker: { format: 'es' },
  build: {
    // A `data:` address would break the policy.
    assetsInlineLimit: 0,
    // Its polyfill is an inline script, and every browser that runs the runtime preloads modules.
    modulePreload: { polyfill: false },
  },
  preview: { headers: { 'Content-Security-Policy': POLICY } },
});
