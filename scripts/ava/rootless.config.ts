import {countedRun} from './counted-run.ts';

// What a test does itself, not what it builds, needs root here.
const needRoot = [
	// They give the files of their contexts to others, and make devices.
	'build-cases',
	// They start engines, registries and other builders as root, or mount disks.
	'docker-engine',
	'full-disk',
	'images',
	'images-for-others',
	'images-of-others',
	// They give files of the context to others, or set limits, for which an ordinary user has no cgroup.
	'run-mounts',
	'run-options',
	// They open stores themselves.
	'power-loss',
	'prune-while-building',
	// They make networks or users.
	'rootless',
	'rootless-in-container',
	'step-network',
];

// The repository belongs to somebody else, who may have given no leave to write to it.
const files = ['test/e2e/**/*.ts', ...needRoot.map(name => `!test/e2e/${name}.ts`)];
const config = {...countedRun(files, '5m'), cache: false};
export default config;
