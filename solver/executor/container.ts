import {Buffer} from 'node:buffer';
import {check as checkResult, LinuxError} from '../../src/linux/linux-error.ts';
import {startProgram, type ProgramEnd} from '../../src/linux/child-process.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {libc} from '../../src/linux/libc.ts';
import {createSealedExecutable} from '../../src/linux/memory-file.ts';
import {spawnInNewPidNamespace} from '../../src/linux/process-namespace.ts';
import {isInUserNamespace} from '../../src/linux/user-namespace.ts';
import type {ResourceLimits} from './cgroup-limits.ts';
import {awaitEnd} from './await-end.ts';
import type {ContainerEnvironment} from './container-environment.ts';
import type {ContainerResult, ContainerSpec} from './container-spec.ts';
import {defaultDevices} from './devices.ts';
import {explainExecFailure} from './exec-failure.ts';
import {encodeInitProgram, parseStatusRecord, type FailedEntry} from './init-program.ts';
import {openCgroups} from './open-cgroups.ts';
import {PipeReader, readAvailable} from './pipe-reader.ts';
import {prepareContainer, type PreparedContainer} from './prepare-container.ts';
import {mountProc} from './rootfs.ts';
import {setupError} from './setup-error.ts';

/** What a container is run with. */
export type RunContainerOptions = {
	/** Shared by all containers of the process. */
	readonly environment: ContainerEnvironment;
	/** Kills the container (SIGKILL, as BuildKit). */
	readonly signal?: AbortSignal;
};

type Ending = ProgramEnd & Pick<ContainerResult, 'outOfTime'> & {
	/** Where init failed, if it did. */
	readonly failure: FailedEntry | undefined;
};

// As runc when there is nothing to run.
const commandNotRunExitCode = 1;

const privilegesHint = [
	'A container needs the rights of root (CAP_SYS_ADMIN and others);',
	'in another container, the options that this one was started with may take them away.',
	'"tsbuild doctor" tells what is missing.',
].join(' ');

// A user namespace may mount proc only while it sees one of which nothing is hidden. https://man7.org/linux/man-pages/man7/mount_namespaces.7.html
const procHint = [
	'Parts of /proc are hidden here, as containers have it. Start this container with --security-opt systempaths=unconfined,',
	'or set TSBUILD_NO_PROCESS_SANDBOX=1, which lets steps see the processes of this container (docs/rootless.md).',
].join(' ');

const programName = 'tsbuild-init';

// https://man7.org/linux/man-pages/man2/fcntl.2.html
const F_DUPFD_CLOEXEC = 1030;

/**
Runs a command in a container of its own until its first process has ended, and takes the container down: processes, mounts, cgroup, and what was made in the root only to mount on it.

When the command cannot be found or executed, the result has exit code 1 and the reason comes as output, as with BuildKit.

The mounts of the specification are used up; their descriptors, and that of the root, stay open and the caller's, who can read the root through its descriptor afterwards.

@throws {TsbuildError} `ERR_TSBUILD_CONTAINER_SETUP` with the step that failed, for example "failed to mount proc on /proc: EPERM"; `ERR_TSBUILD_USER`; `ERR_TSBUILD_CGROUP`; `ERR_TSBUILD_RESOURCE_LIMIT`; `ERR_TSBUILD_PROCESS_STUCK`
@throws {LinuxError} when something cannot be made in the root
@throws the reason of `signal`
*/
export async function runContainer(spec: ContainerSpec, {environment, signal}: RunContainerOptions): Promise<ContainerResult> {
	signal?.throwIfAborted();
	await using cgroup = await openCgroups({
		name: spec.id,
		hierarchy: environment.cgroups,
		limits: limitsOf(spec, environment),
		devices: spec.security === 'insecure' ? 'all' : defaultDevices,
	});
	using undo = new DisposableStack();
	signal?.throwIfAborted();
	const prepared = prepareContainer(spec, {environment, cgroup, undo});
	const program = undo.use(createProgram(prepared, environment));
	const {exitCode, outOfTime, usage, failure} = await runProgram(program, {prepared, spec, signal});
	signal?.throwIfAborted();
	return {
		exitCode: failure === undefined ? exitCode : reportFailure(failure, {spec, prepared}),
		outOfMemory: await cgroup.outOfMemory(),
		outOfProcesses: await cgroup.outOfProcesses(),
		outOfTime,
		usage: {...usage, ...await cgroup.usage()},
	};
}

// An ordinary user mostly has no cgroup to set limits in, and has been told so.
function limitsOf({limits}: ContainerSpec, {cgroups, processLimit, userNamespace}: ContainerEnvironment): ResourceLimits {
	const isUnlimited = cgroups.kind === 'unavailable' && userNamespace !== undefined;
	return isUnlimited ? {} : {...(processLimit !== undefined && {pids: processLimit}), ...limits};
}

function createProgram({table, stdio}: PreparedContainer, {architecture}: ContainerEnvironment): Descriptor {
	using program = createSealedExecutable(encodeInitProgram(table, architecture), programName);
	// The child gets its inherited descriptors under the first numbers before it executes the program, so the program's number must be above.
	const number = libc().fcntl(program.number, F_DUPFD_CLOEXEC, stdio.length);
	return new Descriptor(checkResult(number, 'fcntl', {action: 'duplicate descriptor of init'}));
}

async function runProgram(program: Descriptor, {prepared, spec: {output, roomForOutput, limits}, signal}: {
	readonly prepared: PreparedContainer;
	readonly spec: ContainerSpec;
	readonly signal: AbortSignal | undefined;
}): Promise<Ending> {
	using stdout = new PipeReader(prepared.stdout, data => {
		output('stdout', data);
	}, roomForOutput);
	using stderr = new PipeReader(prepared.stderr, data => {
		output('stderr', data);
	}, roomForOutput);
	const init = spawnInNewPidNamespace(() => startProgram({file: program.path, name: programName, descriptors: prepared.stdio}));
	prepared.closeInheritedPipes();
	const end = await awaitEnd(init, {signal, time: limits.time});
	// When PID 1 of a namespace has ended, so have all others in it: there is nobody left to write.
	stdout.finish();
	stderr.finish();
	return {...end, failure: parseStatusRecord(Buffer.concat([...readAvailable(prepared.status)]))};
}

function reportFailure({index, errorNumber}: FailedEntry, {spec, prepared}: {readonly spec: ContainerSpec; readonly prepared: PreparedContainer}): number {
	const {call, describe} = prepared.table[index]!;
	if (call !== 'execve') {
		const cause = new LinuxError(call, -errorNumber, {action: describe});
		throw setupError(cause.message, {cause, ...(cause.code === 'EPERM' && {hint: describe === mountProc && isInUserNamespace() ? procHint : privilegesHint})});
	}

	spec.output('stderr', Buffer.from(`${explainExecFailure({root: spec.root, command: prepared.command, errorNumber})}\n`));
	return commandNotRunExitCode;
}
