import {constants} from 'node:fs';
import {posix} from 'node:path';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {makeDirectoriesInRoot} from '../../src/linux/make-directories.ts';
import {createPipe} from '../../src/linux/pipe.ts';
import {unmappedIdError} from '../../src/linux/unmapped-id.ts';
import {isMappedId, type UserNamespace} from '../../src/linux/user-namespace.ts';
import type {Cgroup} from './cgroup.ts';
import {completeEnvironment, type Command} from './command.ts';
import type {ContainerEnvironment} from './container-environment.ts';
import type {ContainerSpec} from './container-spec.ts';
import {terminalGroup} from './device-directory.ts';
import {hostsFile, resolverConfiguration} from './etc-files.ts';
import {openHostMounts} from './host-mounts.ts';
import {InheritedDescriptors} from './inherited-descriptors.ts';
import {initTable} from './init-table.ts';
import {listInsecureDevices} from './insecure-devices.ts';
import {MountTargets} from './mount-targets.ts';
import {inheritNetwork, type ContainerNetwork} from './network.ts';
import type {Privileges} from './privileges.ts';
import type {Rootfs} from './rootfs.ts';
import {setupError} from './setup-error.ts';
import {isWithin, prepareStepMounts, type StepMount} from './step-mounts.ts';
import type {SyscallEntry} from './syscall-table.ts';
import {lookUpUser, type ContainerUser} from './user.ts';

/** A container that is ready to start. */
export type PreparedContainer = {
	readonly table: readonly SyscallEntry[];
	readonly command: Command;
	/** For the `stdio` of `child_process.spawn`. */
	readonly stdio: number[];
	/** Reading ends of pipes. */
	readonly stdout: Descriptor;
	readonly stderr: Descriptor;
	readonly status: Descriptor;
	/** Closes what only init needs, so that the pipes end with it. */
	readonly closeInheritedPipes: () => void;
};

/** What a container is made with. */
export type PreparationOptions = {
	readonly environment: ContainerEnvironment;
	readonly cgroup: Cgroup;
	/** Gets what must be closed, and what must be removed from the root, when all processes of the container are gone. */
	readonly undo: DisposableStack;
};

/**
Does what can be done for a container before its first process is there: looks up the user, opens the places to mount on, makes pipes and the table of init.

@throws {TsbuildError} `ERR_TSBUILD_USER`, `ERR_TSBUILD_CONTAINER_SETUP`, `ERR_TSBUILD_RESOURCE_LIMIT`
@throws {LinuxError}
*/
export function prepareContainer(spec: ContainerSpec, {environment, cgroup, undo}: PreparationOptions): PreparedContainer {
	const user = lookUpUser(spec.root, spec.user);
	refuseUnmappedUser(user, environment.userNamespace);
	const command: Command = {args: spec.args, env: completeEnvironment(spec.env, user.home), cwd: posix.resolve('/', spec.cwd)};
	refuseNulBytes(spec, command);
	const pipes = createPipes(user, undo);
	const input = undo.use(Descriptor.open('/dev/null', constants.O_RDONLY));
	const inherited = new InheritedDescriptors([input, pipes.stdout.write, pipes.stderr.write, pipes.status.write]);
	const network = inheritNetwork(spec.network, inherited);
	const cgroupProcesses = cgroup.processDescriptors.map(descriptor => inherited.add(descriptor));
	// Without a device cgroup, a step that could make device files or find some in its image would reach the host's disks.
	const isAllowsDevices = spec.security === 'insecure' || cgroup.restrictsDevices;
	const rootfs = prepareRootfs(spec, {
		environment,
		network,
		inherited,
		undo,
		hasDevices: isAllowsDevices,
	});
	makeWorkingDirectory(spec.root, {cwd: command.cwd, user, stepMounts: rootfs.stepMounts});
	const table = initTable({
		cgroupProcesses,
		network,
		hostname: spec.hostname,
		rootfs,
		resourceLimits: spec.limits.ulimits ?? {},
		maximumOpenFiles: environment.maximumOpenFiles,
		command,
		privileges: {user, canSetGroups: environment.userNamespace?.canSetGroups !== false, ...privilegesOf(spec, environment, isAllowsDevices)},
		attributes: {...environment.attributes, ...(spec.security === 'insecure' && {appArmorProfile: undefined})},
		scratch: inherited.next,
	});
	return {
		table,
		command,
		stdio: inherited.stdio,
		stdout: pipes.stdout.read,
		stderr: pipes.stderr.read,
		status: pipes.status.read,
		closeInheritedPipes() {
			for (const {write} of Object.values(pipes)) {
				write.close();
			}
		},
	};
}

function createPipes(user: ContainerUser, undo: DisposableStack) {
	const create = (owner: {readonly uid: number; readonly gid: number}) => {
		const {read, write} = createPipe(owner);
		return {read: undo.use(read), write: undo.use(write)};
	};

	return {stdout: create(user), stderr: create(user), status: create({uid: 0, gid: 0})};
}

function privilegesOf({security}: ContainerSpec, {capabilities, ownCapabilities, seccompFilter}: ContainerEnvironment, hasDevices: boolean): Omit<Privileges, 'user' | 'canSetGroups'> {
	return security === 'insecure'
		? {capabilities: ownCapabilities, hasAmbientCapabilities: true, seccompFilter: undefined}
		: {capabilities: hasDevices ? capabilities : capabilities.filter(name => name !== 'CAP_MKNOD'), hasAmbientCapabilities: false, seccompFilter};
}

function prepareRootfs(spec: ContainerSpec, {environment, network, inherited, undo, hasDevices}: {
	readonly environment: ContainerEnvironment;
	readonly hasDevices: boolean;
	readonly network: ContainerNetwork;
	readonly inherited: InheritedDescriptors;
	readonly undo: DisposableStack;
}): Rootfs {
	const targets = undo.use(new MountTargets(spec.root));
	undo.defer(() => {
		targets.removeStubs();
	});
	const systemDirectory = (name: 'proc' | 'sys' | 'dev') => inherited.add(targets.openSystemDirectory(name));
	const etcMount = (path: string, content: string) => ({path, content, target: inherited.add(targets.openFile(path))});
	const stepMounts = prepareStepMounts(spec.mounts, {
		root: spec.root, rootTargets: targets, inherited, opened: undo,
	});
	const hostMounts = environment.userNamespace && openHostMounts({
		sharesProc: environment.sharesProc, inherit: mount => inherited.add(mount), opened: undo,
	});
	return {
		root: inherited.add(spec.root),
		proc: systemDirectory('proc'),
		sys: systemDirectory('sys'),
		dev: systemDirectory('dev'),
		stepMounts: stepMounts.mounts,
		fileMounts: [etcMount('/etc/resolv.conf', resolverConfiguration(network, environment.resolver)), etcMount('/etc/hosts', hostsFile(spec, network)), ...stepMounts.files],
		cgroupView: environment.cgroupView,
		security: spec.security,
		hasDevices,
		moreDevices: spec.security === 'insecure' && environment.userNamespace === undefined ? listInsecureDevices() : [],
		sharedMemory: spec.limits.sharedMemory,
		hostMounts,
		hasTerminalGroup: environment.userNamespace === undefined || isMappedId(environment.userNamespace.groups, terminalGroup),
	};
}

// The working directory becomes part of the layer, unless it lies in a mount, where init makes it.
function makeWorkingDirectory(root: Descriptor, {cwd, user, stepMounts}: {
	readonly cwd: string;
	readonly user: ContainerUser;
	readonly stepMounts: readonly StepMount[];
}): void {
	const mountPoints = ['/proc', '/sys', '/dev', ...stepMounts.map(({path}) => path)];
	if (mountPoints.every(path => !isWithin(cwd, path))) {
		makeDirectoriesInRoot(root, cwd, {mode: 0o755, uid: user.uid, gid: user.gid}).directory.close();
	}
}

function refuseUnmappedUser(user: ContainerUser, namespace: UserNamespace | undefined): void {
	const unmapped = namespace && unmappedIdError(user, namespace);
	if (unmapped !== undefined) {
		throw setupError(`failed to set user ${user.uid}: ${unmapped.message}`, {cause: unmapped});
	}
}

// A user's home directory comes from the image, so it is checked with all else. The value of a variable may be a secret.
function refuseNulBytes(spec: ContainerSpec, {args, env, cwd}: Command): void {
	const variable = env.find(text => text.includes('\0'));
	if (variable !== undefined) {
		throw setupError(`failed to run the command: the variable ${JSON.stringify(variable.split('=', 1)[0])} has a NUL byte`);
	}

	const offender = [...args, cwd, spec.hostname, ...spec.mounts.map(({target}) => target)].find(text => text.includes('\0'));
	if (offender !== undefined) {
		throw setupError(`failed to run the command: ${JSON.stringify(offender)} has a NUL byte`);
	}
}
