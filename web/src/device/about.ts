/** What a browser says of the device. No DOM here. */

import { count, messageOf } from '../format.ts';

/** The part of WebGPU that is asked here; every field may be missing. */
interface Gpu {
  requestAdapter(): Promise<{ info?: Partial<Record<'vendor' | 'architecture' | 'device' | 'description', string>> } | null>;
}

/** Names and values, for the reader and for who is sent the table. */
export async function aboutDevice(when: Date): Promise<[string, string][]> {
  return [
    ['Measured', when.toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short' })],
    ['Cores', navigator.hardwareConcurrency ? count(navigator.hardwareConcurrency) : 'not told'],
    ['GPU', await gpuName()],
  ];
}

/** What the browser calls its GPU. */
async function gpuName(): Promise<string> {
  const { gpu } = navigator as { gpu?: Gpu };
  if (gpu === undefined) return 'none: this browser has no WebGPU';
  try {
    const adapter = await gpu.requestAdapter();
    if (adapter === null) return 'none: the browser offers no adapter';
    const { description, vendor, architecture, device } = adapter.info ?? {};
    const name = description || [vendor, architecture, device].filter(Boolean).join(' ');
    return name || 'without a name';
  } catch (error) {
    return `none: ${messageOf(error)}`;
  }
}
