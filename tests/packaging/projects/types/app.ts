/** Every entry as a strict project sees it, the package's own types checked too. */

import { Classifier, StillglassError, type Answer, type ErrorCode } from 'stillglass';
import { Classifier as InWorker, fetchBundle, supported } from 'stillglass/client';
import { Classifier as Inline } from 'stillglass/inline';
import 'stillglass/element';
import { agreement, comprehensiveness } from 'stillglass/metrics';
import { pipeline, type Scored } from 'stillglass/pipeline';
import { useClassification, useClassifier } from 'stillglass/react';

export async function use(signal: AbortSignal): Promise<Answer[]> {
  const onProgress = ({ loaded }: { loaded: number }): number => loaded;
  await using clf = await Classifier.load('/finance.glass', { backend: 'auto', worker: true, integrity: 'x', onProgress, signal });
  const { label, scores, words, backend, ms } = await clf.classify('…', { explain: true });
  await using light: InWorker = await InWorker.load(fetchBundle('/finance.glass'), { signal });
  await using other: InWorker = await light.replace('/spam.glass');
  const score: number | undefined = scores[label];
  const weight: number | undefined = words?.[0]?.weights[label];
  const all: Answer[] = await clf.classifyAll(['a'], { onProgress: ({ done }) => console.log(done, backend, ms, score, weight), signal });
  await comprehensiveness(await Inline.load(new Blob()), 'a', { label });
  const best: Scored[] = await (await pipeline('text-classification', '/x.glass'))(['a', 'b']);
  console.log(supported(), other.memoryBytes, best, agreement([], [], label)?.spearman, document.createElement('stillglass-explain').answer?.label);
  return all;
}

export function Words(): string | undefined {
  const { classifier, error } = useClassifier('/finance.glass');
  const code: ErrorCode | undefined = error instanceof StillglassError ? error.code : undefined;
  return useClassification(classifier, 'a', { explain: true }).answer?.label ?? code;
}

// @ts-expect-error there is no such backend
void Classifier.load('/finance.glass', { backend: 'abacus' });
