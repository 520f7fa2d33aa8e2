/** Classifiers shared by the elements of a page: loaded for the first borrower, disposed of after the last. */

import { Classifier } from './classifier.js';

/** A classifier somebody uses. */
export interface Loan {
  classifier: Promise<Classifier>;
  giveBack(): void;
}

const lent = new Map<string, { classifier: Promise<Classifier>; borrowers: number }>();

/** Lends the classifier of an address; `worker` is the address of its script, or `off`. */
export function lend(model: string, integrity: string | undefined, worker: string | undefined): Loan {
  const key = JSON.stringify([model, integrity, worker]);
  const known = lent.get(key) ?? { classifier: load(model, integrity, worker), borrowers: 0 };
  known.borrowers++;
  lent.set(key, known);
  const forget = () => {
    if (lent.get(key) === known) lent.delete(key);
  };
  // Whoever asks next tries again.
  known.classifier.catch(forget);
  let held = true;
  const giveBack = () => {
    if (!held || --known.borrowers > 0) return void (held = false);
    held = false;
    forget();
    known.classifier.then((classifier) => classifier.dispose()).catch(() => undefined);
  };
  return { classifier: known.classifier, giveBack };
}

function load(model: string, integrity: string | undefined, worker: string | undefined): Promise<Classifier> {
  return Classifier.load(model, {
    ...(integrity !== undefined && { integrity }),
    ...(worker !== undefined && { worker: worker === 'off' ? false : worker }),
  });
}
