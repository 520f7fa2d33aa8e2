/** Hooks for React: a classifier for as long as a component lives, and the answer for a text. */
'use client';

import { useEffect, useState } from 'react';
import { Classifier } from './classifier.js';
import type { Answer, AskOptions, BundleSource, LoadOptions, Text } from './types.js';

/** A classifier on its way. */
export interface Loading {
  /** There once it is loaded. */
  classifier: Classifier | undefined;
  /** Why it could not be loaded; another `source` tries again. */
  error: unknown;
  /** Bytes that are here, and of how many. */
  progress: { loaded: number; total: number | undefined } | undefined;
}

const NOTHING: Loading = { classifier: undefined, error: undefined, progress: undefined };

/**
 * Loads a classifier in the browser, never on the server, and disposes of it with the component. `options` count
 * when `source` changes.
 */
export function useClassifier(source: BundleSource, options: Omit<LoadOptions, 'signal' | 'onProgress'> = {}): Loading {
  const [state, setState] = useState<Loading>(NOTHING);
  const key = source instanceof URL ? source.href : source;
  useEffect(() => {
    setState(NOTHING);
    const abort = new AbortController();
    const tell = (more: Partial<Loading>) => {
      if (!abort.signal.aborted) setState((before) => ({ ...before, ...more }));
    };
    const loading = Classifier.load(source, { ...options, signal: abort.signal, onProgress: (progress) => tell({ progress }) });
    loading.then(
      (classifier) => tell({ classifier }),
      (error: unknown) => tell({ error }),
    );
    return () => {
      abort.abort();
      loading.then((classifier) => classifier.dispose()).catch(() => undefined);
    };
  }, [key]);
  return state;
}

/** The answer for a text. */
export interface Answering {
  /** The newest there is: while another is on its way, the one before it. */
  answer: Answer | undefined;
  error: unknown;
  /** Whether `answer` is not yet that of this text, by this classifier and with these options. */
  pending: boolean;
}

/** Classifies a text, or a pair, whenever it, the classifier or an option changes; the call before is broken off. */
export function useClassification(
  classifier: Classifier | undefined,
  text: Text,
  { explain = false, backend = 'auto' }: Pick<AskOptions, 'explain' | 'backend'> = {},
): Answering {
  // By what a pair holds: a component makes another list of it each time.
  const asked = [classifier, typeof text === 'string' ? text : JSON.stringify(text), typeof text, explain, backend] as const;
  const [state, setState] = useState<{ of?: typeof asked; answer?: Answer; error?: unknown }>({});
  useEffect(() => {
    if (classifier === undefined) return;
    const abort = new AbortController();
    classifier.classify(text, { explain, backend, signal: abort.signal }).then(
      (answer) => !abort.signal.aborted && setState({ of: asked, answer }),
      (error: unknown) => !abort.signal.aborted && setState({ of: asked, error }),
    );
    return () => abort.abort();
  }, asked);
  const pending = !asked.every((part, at) => state.of !== undefined && part === state.of[at]);
  return { answer: state.answer, error: state.error, pending };
}
