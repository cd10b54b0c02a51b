import {countedRun} from './counted-run.ts';

// What depends on the kernel and on cgroups, as far as emulation runs it in two minutes.
export default countedRun([
	'test/vm/guest/**/*.ts',
	'test/linux/{detached,memory,namespace,process}*.ts',
	'test/solver/executor/{devices,open-cgroups}.ts',
], '3m');
