import {asRoot} from '../support/conditions.ts';
import {testDiffApply} from '../support/diff-apply-properties.ts';

testDiffApply(asRoot, {numRuns: 20});
