import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';
import { VitePWA } from 'vite-plugin-pwa';
import about from './package.json' with { type: 'json' };

/**
 * The page's whole policy: everything from its own server, no inline code, WebAssembly, and no text that
 * becomes HTML or code (`src/trusted.ts` makes the one Trusted Types policy there may be). Sent as a
 * header by `vite preview`, and written into the built page so that a host that sends no headers
 * still serves a page that cannot talk to anyone else. What is written there does not govern the
 * worker, whose policy comes with its own file: only a host that sends the header holds it too.
 */
const POLICY =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; require-trusted-types-for 'script'; trusted-types default";

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

/** What `models/index.json` lists. */
const { models: listed } = JSON.parse(readFileSync(`${models}/index.json`, 'utf8')) as {
  models: { file: string; teacher?: { file: string } }[];
};

/** Asks for the runtime and the first model while the script that will want them is still on its way. */
function askedForEarly(): Plugin {
  const wanted = ['stillglass_bg.wasm', ...listed.slice(0, 1).map(({ file }) => file)];
  return {
    name: 'asked-for-early',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler: (_, { bundle = {}, path }) =>
        Object.values(path === '/index.html' ? bundle : {})
          .filter((output) => output.type === 'asset' && output.names.some((name) => wanted.includes(name)))
          .map(({ fileName }) => ({
            tag: 'link',
            attrs: { rel: 'preload', as: 'fetch', crossorigin: '', href: `./${fileName}` },
            injectTo: 'head',
          })),
    },
  };
}

/** The teachers' bundles, without their ends: large, and kept only once somebody has asked for them. */
const teachers = listed.flatMap(({ teacher }) => teacher?.file.replace(/\.glass$/, '') ?? []);
/** How long the mark of its content is that the build puts behind a file's name. */
const HASH = 8;

/**
 * Keeps the page where it was visited: the service worker stores everything but teachers at the first
 * visit, as one version, and a new version waits until the reader asks for it or no tab shows the old one.
 */
function kept(): Plugin[] {
  return VitePWA({
    registerType: 'prompt',
    // `src/offline.ts` registers it, once the page has what it needs itself.
    injectRegister: false,
    manifest: {
      name: 'Stillglass',
      short_name: 'Stillglass',
      description: 'A small model reads your text in this tab and shows which words decided.',
      id: './',
      start_url: './',
      scope: './',
      display: 'standalone',
      background_color: '#f8f7f4',
      theme_color: '#f8f7f4',
      categories: ['productivity', 'utilities'],
      icons: [
        { src: 'icon-192.png', sizes: '192x192', type: 'image/png' },
        { src: 'icon-512.png', sizes: '512x512', type: 'image/png' },
        { src: 'icon-maskable-512.png', sizes: '512x512', type: 'image/png', purpose: 'maskable' },
        { src: 'favicon.svg', sizes: 'any', type: 'image/svg+xml' },
      ],
    },
    workbox: {
      globPatterns: ['**/*.{html,js,css,svg,png,wasm,glass}'],
      globIgnores: teachers.map((name) => `**/${name}-${'?'.repeat(HASH)}.glass`),
      maximumFileSizeToCacheInBytes: 4_000_000,
      cleanupOutdatedCaches: true,
      // Else the worker fetches its own parts by address, which the policy forbids.
      inlineWorkboxRuntime: true,
      // The first visit is kept as well, not only the second.
      clientsClaim: true,
      runtimeCaching: teachers.map((name) => ({
        urlPattern: new RegExp(`/${name.replace(/\W/g, '\\$&')}-[\\w-]{${HASH}}\\.glass$`),
        handler: 'CacheFirst',
        options: { cacheName: 'stillglass-teachers' },
      })),
    },
  });
}

export default defineConfig({
  // Relative addresses, so that the built folder works under any path.
  base: './',
  appType: 'mpa',
  plugins: [policyInPage(), askedForEarly(), kept()],
  define: { __VERSION__: JSON.stringify(about.version) },
  assetsInclude: ['**/*.glass'],
  resolve: {
    alias: { '#models': models },
  },
  worker: { format: 'es' },
  build: {
    rolldownOptions: { input: ['index.html', 'study.html'] },
    // A `data:` address would break the policy.
    assetsInlineLimit: 0,
    // Its polyfill is an inline script, and every browser that runs the runtime preloads modules.
    modulePreload: { polyfill: false },
  },
  preview: { headers: { 'Content-Security-Policy': POLICY } },
});
