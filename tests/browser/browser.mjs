/** The real browser: Chromium from `CHROMIUM`, or where Debian puts it. */

import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Switches for the GPU that Chromium brings along, computed by the CPU. */
export const SOFTWARE_GPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
/** The full grids and figures, which take long: `cargo xtask test --full`. */
export const FULL = process.env.STILLGLASS_FULL === '1';

/** Starts Chromium, with further switches if any are wanted, or says how to get it. */
export async function launch(switches = []) {
  // In a container there is often no sandbox to be had, and the pages are our own.
  return chromium.launch({ executablePath: executable(), args: ['--no-sandbox', '--js-flags=--expose-gc', ...switches] });
}

/** Starts Chromium with an unpacked extension, which only a profile of its own can hold. */
export async function launchWith(extension) {
  return chromium.launchPersistentContext('', {
    executablePath: executable(),
    ignoreDefaultArgs: ['--disable-extensions'],
    args: ['--no-sandbox', `--load-extension=${extension}`, '--disable-features=DisableLoadExtensionCommandLineSwitch'],
  });
}

function executable() {
  const found = process.env.CHROMIUM ?? PLACES.find((place) => existsSync(place));
  if (found === undefined) throw new Error('no Chromium found; run `cargo xtask setup`, or set CHROMIUM to its path');
  return found;
}
