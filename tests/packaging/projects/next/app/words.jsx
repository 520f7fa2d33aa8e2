/** The hooks, in the browser; on the server they render what there is before anything is loaded. */
'use client';

import { useEffect } from 'react';
import { useClassification, useClassifier } from 'stillglass/react';

/** The text's class, once it is known. */
export function Words({ text }) {
  const { classifier, error } = useClassifier('/finance.glass');
  const { answer } = useClassification(classifier, text, { explain: true });
  useEffect(() => {
    if (answer !== undefined) globalThis.result = { label: answer.label, words: answer.words.map(({ text }) => text) };
    if (error !== undefined) globalThis.result = String(error);
  }, [answer, error]);
  return <p id="answer">{answer?.label ?? 'not yet'}</p>;
}
