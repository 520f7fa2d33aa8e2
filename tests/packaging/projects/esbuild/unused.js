/** Imports what it does not use: nothing should be left of it. */

import { Classifier } from 'stillglass';
import { agreement } from 'stillglass/metrics';
import { pipeline } from 'stillglass/pipeline';
import { useClassifier } from 'stillglass/react';

console.log('nothing');
