import {mkdirSync, writeFileSync} from 'node:fs';
import {release} from 'node:os';
import path from 'node:path';
import {defaultCapabilities} from '../../solver/executor/capabilities.ts';
import type {ContainerEnvironment} from '../../solver/executor/container-environment.ts';
import {defaultDevices} from '../../solver/executor/devices.ts';
import {defaultSeccompProfile, selectRules} from '../../solver/executor/seccomp-profile.ts';
import {makeBusyboxRoot} from './busybox-root.ts';
import {runCommand} from './run-program.ts';
import {makeTemporaryDirectory} from './temporary-directory.ts';

/**
Runs a command under runc with Docker's defaults, in a root of busybox without a network.

@param args the command
@param options where it runs
@param options.environment whose capabilities and limits runc gets too
@param options.prepare changes the root before
@returns what it wrote to stdout
@throws {Error} when it does not exit with 0
*/
export async function runWithRunc(args: readonly string[], {environment, prepare}: {readonly environment: ContainerEnvironment; readonly prepare?: (root: string) => void}): Promise<string> {
	await using directory = await makeTemporaryDirectory();
	const root = path.join(directory.path, 'rootfs');
	mkdirSync(root);
	makeBusyboxRoot(root);
	prepare?.(root);
	writeFileSync(path.join(directory.path, 'config.json'), JSON.stringify(dockerConfiguration(args, environment)));
	return await runCommand('runc', ['--root', path.join(directory.path, 'state'), 'run', '--bundle', directory.path, `tsbuild-test-${crypto.randomUUID()}`]);
}

// `runc spec` with what Docker has by default.
function dockerConfiguration(args: readonly string[], environment: ContainerEnvironment): unknown {
	const capabilities = [...defaultCapabilities];
	const mount = (destination: string, type: string, options: readonly string[]) => ({
		destination, type, source: type === 'tmpfs' && destination === '/dev/shm' ? 'shm' : type, options,
	});
	const safe = ['nosuid', 'noexec', 'nodev'];
	return {
		ociVersion: '1.0.2',
		process: {
			terminal: false,
			user: {uid: 0, gid: 0, additionalGids: [0]},
			args,
			env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
			cwd: '/',
			capabilities: {bounding: capabilities, effective: capabilities, permitted: capabilities},
			noNewPrivileges: false,
			rlimits: [{type: 'RLIMIT_NOFILE', soft: 1024, hard: Number(environment.maximumOpenFiles < 524_288n ? environment.maximumOpenFiles : 524_288n)}],
		},
		root: {path: 'rootfs', readonly: false},
		hostname: 'buildkitsandbox',
		mounts: [
			mount('/proc', 'proc', safe),
			mount('/dev', 'tmpfs', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
			mount('/dev/pts', 'devpts', ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5']),
			mount('/dev/shm', 'tmpfs', [...safe, 'mode=1777', 'size=65536k']),
			mount('/dev/mqueue', 'mqueue', safe),
			mount('/sys', 'sysfs', [...safe, 'ro']),
			mount('/sys/fs/cgroup', 'cgroup', [...safe, 'ro']),
		],
		linux: {
			cgroupsPath: `/tsbuild-test-${crypto.randomUUID()}`,
			namespaces: ['pid', 'ipc', 'uts', 'mount', 'network', 'cgroup'].map(type => ({type})),
			resources: {
				devices: [{allow: false, access: 'rwm'}, ...defaultDevices.map(rule => ({
					allow: true, access: rule.access, type: rule.type, ...numbersOf(rule),
				}))],
			},
			maskedPaths: [
				...['acpi', 'asound', 'kcore', 'keys', 'latency_stats', 'timer_list', 'timer_stats', 'sched_debug', 'scsi'].map(name => `/proc/${name}`),
				'/sys/firmware',
				'/sys/devices/virtual/powercap',
			],
			readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
			seccomp: {
				defaultAction: defaultSeccompProfile.defaultAction,
				defaultErrnoRet: defaultSeccompProfile.defaultErrnoRet,
				architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
				syscalls: selectRules(defaultSeccompProfile, {architecture: environment.architecture, capabilities, kernelVersion: release()}).map(({names, action, errnoRet, args: conditions}) => ({
					names, action, errnoRet, args: conditions,
				})),
			},
		},
	};
}

function numbersOf({major, minor}: {readonly major: number | '*'; readonly minor: number | '*'}) {
	return {...(major !== '*' && {major}), ...(minor !== '*' && {minor})};
}
