import {countedRun} from './counted-run.ts';

// What depends on the kernel and on cgroups; emulation makes all of it slow.
export default countedRun([
	'test/vm/guest/**/*.ts',
	'test/linux/**/*.ts',
	'test/solver/executor/{cgroup,container,devices,init,mount,network,open,rootfs,user}*.ts',
], '4m');
