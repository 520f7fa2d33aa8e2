/** The shape of transformers.js's `pipeline('text-classification')`, so that switching is one line. */

import { Classifier } from './classifier.js';
import { StillglassError } from './errors.js';
import type { BackendChoice, BundleSource, LoadOptions, Text } from './types.js';

/** A class and its probability. */
export interface Scored {
  label: string;
  score: number;
}

/** How far the loading is, in transformers.js's words. */
export interface LoadStep {
  status: 'initiate' | 'progress' | 'done' | 'ready';
  file: string;
  /** Percent, where the size is known. */
  progress?: number;
  loaded?: number;
  total?: number;
}

/** What `pipeline` takes: its own names, and those of `Classifier.load`. */
export interface PipelineOptions extends Omit<LoadOptions, 'backend' | 'onProgress'> {
  /** Default: `auto`. */
  device?: BackendChoice | 'wasm' | 'webgpu';
  progress_callback?: (step: LoadStep) => void;
}

/** What a call takes. */
export interface PipelineCallOptions {
  /** How many classes, the most probable first; `null` for all. Default: 1. */
  top_k?: number | null;
  signal?: AbortSignal;
}

/** What is classified: a string, or, with a model of pairs, two; named, for a list is several. */
export type PipelineInput = string | { text: string; text_pair: string };

/** A loaded pipeline: call it with a text or several. */
export interface TextClassificationPipeline {
  (text: PipelineInput, options?: PipelineCallOptions): Promise<Scored[]>;
  /** One class a text if `top_k` is 1, else a list of classes for each. */
  (texts: PipelineInput[], options?: PipelineCallOptions & { top_k?: 1 }): Promise<Scored[]>;
  (texts: PipelineInput[], options: PipelineCallOptions): Promise<Scored[] | Scored[][]>;
  /** The classifier underneath, which can also explain. */
  readonly classifier: Classifier;
  /** Gives the worker and its memory back. */
  dispose(): Promise<void>;
}

/** Loads a `.glass` bundle as transformers.js would load a model; `model` is the bundle's address or bytes. */
export async function pipeline(
  task: 'text-classification' | 'sentiment-analysis',
  model: BundleSource,
  { device = 'auto', progress_callback, ...options }: PipelineOptions = {},
): Promise<TextClassificationPipeline> {
  if (task !== 'text-classification' && task !== 'sentiment-analysis') {
    throw new StillglassError('bad-argument', `pipeline: want "text-classification", found "${String(task)}"`);
  }
  const file = typeof model === 'string' || model instanceof URL ? String(model) : 'the bundle';
  const tell = (status: LoadStep['status'], more: Partial<LoadStep> = {}) => progress_callback?.({ status, file, ...more });
  tell('initiate');
  const classifier = await Classifier.load(model, {
    ...options,
    backend: BACKENDS[device],
    onProgress: ({ loaded, total }) => tell('progress', { loaded, ...(total && { total, progress: (100 * loaded) / total }) }),
  });
  tell('done');
  tell('ready');
  return Object.assign(call(classifier), { classifier, dispose: () => classifier.dispose() });
}

const BACKENDS: Record<NonNullable<PipelineOptions['device']>, BackendChoice> = {
  auto: 'auto',
  cpu: 'cpu',
  wasm: 'cpu',
  gpu: 'gpu',
  webgpu: 'gpu',
};

function call(classifier: Classifier) {
  // The overloads say what the arrays hold.
  return async (input: PipelineInput | PipelineInput[], { top_k = 1, signal }: PipelineCallOptions = {}): Promise<any> => {
    const answers = await classifier.classifyAll((Array.isArray(input) ? input : [input]).map(textOf), signal ? { signal } : {});
    const ranked = answers.map(({ scores }) => best(scores, top_k));
    if (top_k === 1) return ranked.flat();
    return Array.isArray(input) ? ranked : ranked[0];
  };
}

function textOf(input: PipelineInput): Text {
  return typeof input === 'object' && input !== null && 'text' in input ? [input.text, input.text_pair] : input;
}

function best(scores: Record<string, number>, count: number | null): Scored[] {
  const all = Object.entries(scores).map(([label, score]) => ({ label, score }));
  return all.sort((a, b) => b.score - a.score).slice(0, count ?? all.length);
}
