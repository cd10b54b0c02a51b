import {countedRun} from './counted-run.ts';

// What cannot be a test of an ordinary user.
const needRoot = [
	// Docker's engine is root's.
	'docker-engine',
	// As namespace-root.config.ts has them: they mount disks, and open stores in the process of the test.
	'full-disk',
	'power-loss',
	'prune-while-building',
	// They become ordinary users themselves, or make machines with networks.
	'rootless',
	'rootless-in-container',
	'rootless-limits',
	'rootless-network',
	'step-network',
];

// The repository belongs to somebody else, who may have given no leave to write to it.
const files = ['test/e2e/**/*.ts', ...needRoot.map(name => `!test/e2e/${name}.ts`)];
const config = {...countedRun(files, '5m'), cache: false};
export default config;
