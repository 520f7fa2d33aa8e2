/** Nothing but names: webpack finds the worker and the runtime by itself. */

export default {
  mode: 'production',
  entry: './app.js',
  output: { filename: 'main.js', clean: true },
  // It weighs what is fetched later as if it were part of the script.
  performance: { hints: false },
};
