/**
 * Trusted Types: no text becomes HTML or code anywhere, and only scripts of this page's own become workers.
 *
 * Import it before anything starts a worker. The policy is the default one, so that libraries and the
 * package need not know of it; it makes script addresses only, so every other sink throws.
 */

/** The one part of the browser's interface used here, which TypeScript's own types may lack. */
interface Factory {
  createPolicy(name: string, rules: { createScriptURL(address: string): string }): unknown;
}

const { trustedTypes } = globalThis as { trustedTypes?: Factory };

trustedTypes?.createPolicy('default', {
  createScriptURL(address) {
    if (new URL(address, location.href).origin === location.origin) return address;
    throw new TypeError(`a script from elsewhere was refused: ${address}`);
  },
});

export {};
