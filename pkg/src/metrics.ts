/** How far explanations agree, and how faithful they are to the model they explain. */

export { agreement, type Agreement } from './agreement.js';
export { curves, quantile, type Curve, type Curves, type CurvesOptions } from './curves.js';
export {
  comprehensiveness,
  deletionCurve,
  sufficiency,
  type Answering,
  type Faithfulness,
  type FaithfulnessOptions,
  type Point,
} from './faithfulness.js';
export { asRead, without } from './reduced.js';
