import {countedRun} from './counted-run.ts';

export default countedRun([
	'test/vm/guest/**/*.ts',
	'test/linux/**/*.ts',
	'test/solver/**/*.ts',
	'test/snapshotter/**/*.ts',
	'test/e2e/**/*.ts',
], '10m');
