/** The page and the worker side by side, as the package looks for it. */

import resolve from '@rollup/plugin-node-resolve';

export default {
  input: { app: 'app.js', worker: 'stillglass/worker' },
  output: { dir: 'dist', format: 'es', entryFileNames: '[name].js' },
  plugins: [resolve({ browser: true })],
};
