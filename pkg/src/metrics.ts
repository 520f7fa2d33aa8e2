/** How far explanations agree, and how faithful they are to the model they explain. */

export { agreement, type Agreement } from './agreement.js';
export {
  comprehensiveness,
  deletionCurve,
  sufficiency,
  type Answering,
  type Faithfulness,
  type FaithfulnessOptions,
  type Point,
} from './faithfulness.js';
