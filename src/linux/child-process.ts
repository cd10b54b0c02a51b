import {Buffer} from 'node:buffer';
import process from 'node:process';
import {Descriptor} from './descriptor.ts';
import {libc, type Libc} from './libc.ts';
import {check} from './linux-error.ts';
import {cString} from './name.ts';
import {structureOf} from './structure.ts';

/**
What a new process is made of.
*/
export type ProgramStart = {
	/**
	Path of the program.
	*/
	readonly file: string;
	/**
	The only argument, which is the process's name.
	*/
	readonly name: string;
	/**
	The process has these descriptors under the numbers 0, 1, 2 and so on. What this process has inherited itself without O_CLOEXEC, it passes on.
	*/
	readonly descriptors: readonly number[];
};

/**
A child process.
*/
export type StartedProgram = {
	/**
	Resolves when it has ended.
	*/
	readonly ended: Promise<ProgramEnd>;
	/**
	Ends it; does nothing when it has ended.
	*/
	readonly kill: () => void;
	/**
	Waits no longer: `ended` may stay as it is, and does not keep Node running.
	*/
	readonly abandon: () => void;
};

/**
How a child process ended.
*/
export type ProgramEnd = {
	/**
	128 + n when signal n ended it.
	*/
	readonly exitCode: number;
	readonly usage: ProgramUsage;
};

/**
What a process, and those of its descendants that were waited for, have used.

@see https://man7.org/linux/man-pages/man2/getrusage.2.html
*/
export type ProgramUsage = {
	/**
	Microseconds of CPU time.
	*/
	readonly userTime: number;
	readonly systemTime: number;
	/**
	Bytes of the largest process at its highest.
	*/
	readonly peakMemory: number;
	/**
	Bytes that were read from disks, and that were written to be put there: not those of a file system in memory.
	*/
	readonly bytesRead: number;
	readonly bytesWritten: number;
};

// https://man7.org/linux/man-pages/man3/posix_spawn.3.html, numbers from <spawn.h> of glibc and musl
const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
const POSIX_SPAWN_SETSID = 0x80;

// https://man7.org/linux/man-pages/man2/fcntl.2.html
const F_DUPFD_CLOEXEC = 1030;

// https://man7.org/linux/man-pages/man2/waitpid.2.html
const WNOHANG = 1;

// Places in `struct rusage`, whose members are long on both architectures.
const usageSize = 144;
const usageOffsets = {
	userTime: 0, systemTime: 16, largestProcess: 32, blocksRead: 88, blocksWritten: 96,
} as const;
const blockSize = 512;

// Larger than the C libraries' structures, whose sizes differ: glibc's posix_spawnattr_t has 336 bytes.
const structureSize = 1024;
const signalSetSize = 128;

// A signal may be missed, for example while a debugger holds the process.
const checkInterval = 1000;

/**
Starts a program in a session of its own, with an empty environment and all signals at their defaults.

Node's `child_process` does the same by fork(2), which copies the page tables of a process of 100 MB: it took four times as long as this, which shares the memory until the program is executed.

@throws {LinuxError} for example `ENOENT`, `EAGAIN`
@see https://man7.org/linux/man-pages/man3/posix_spawn.3.html
*/
export function startProgram(start: ProgramStart): StartedProgram {
	// Before the process is there, so that its end is not missed.
	const end = watchForEnd();
	try {
		end.processId = spawn(start);
	} catch (error) {
		end.stop();
		throw error;
	}

	return {
		ended: end.promise,
		kill() {
			// Until it is waited for, the number belongs to this process.
			if (end.processId !== undefined) {
				process.kill(end.processId, 'SIGKILL');
			}
		},
		abandon() {
			end.stop();
		},
	};
}

function spawn({file, name, descriptors}: ProgramStart): number {
	using undo = new DisposableStack();
	const calls = libc();
	const processId = Buffer.alloc(4);
	const argument = cString(name);
	const result = calls.posix_spawn(
		processId,
		cString(file),
		fileActions(descriptors, undo),
		attributes(calls, undo),
		structureOf(calls.addressOf(argument), 0n),
		structureOf(0n),
	);
	// Unlike others, this function returns the error's number.
	check(-result, 'posix_spawn', {action: 'execute', path: file});
	return processId.readInt32LE();
}

function fileActions(descriptors: readonly number[], undo: DisposableStack): Uint8Array {
	const calls = libc();
	const actions = Buffer.alloc(structureSize);
	calls.posix_spawn_file_actions_init(actions);
	undo.defer(() => {
		calls.posix_spawn_file_actions_destroy(actions);
	});
	for (const [target, descriptor] of descriptors.entries()) {
		calls.posix_spawn_file_actions_adddup2(actions, moveAbove(descriptor, descriptors.length, undo), target);
	}

	return actions;
}

/** A descriptor among the numbers of the child would be overwritten before it is copied. */
function moveAbove(descriptor: number, limit: number, undo: DisposableStack): number {
	if (descriptor >= limit) {
		return descriptor;
	}

	const number = check(libc().fcntl(descriptor, F_DUPFD_CLOEXEC, limit), 'fcntl', {action: 'duplicate descriptor'});
	return undo.use(new Descriptor(number)).number;
}

function attributes(calls: Libc, undo: DisposableStack): Uint8Array {
	const attribute = Buffer.alloc(structureSize);
	calls.posix_spawnattr_init(attribute);
	undo.defer(() => {
		calls.posix_spawnattr_destroy(attribute);
	});
	calls.posix_spawnattr_setflags(attribute, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
	calls.posix_spawnattr_setsigdefault(attribute, Buffer.alloc(signalSetSize, 0xFF));
	calls.posix_spawnattr_setsigmask(attribute, Buffer.alloc(signalSetSize));
	return attribute;
}

function watchForEnd() {
	const {promise, resolve} = Promise.withResolvers<ProgramEnd>();
	let isWatched = true;
	const end = {
		processId: undefined as number | undefined,
		promise,
		stop() {
			if (!isWatched) {
				return;
			}

			isWatched = false;
			process.off('SIGCHLD', look);
			process.setMaxListeners(process.getMaxListeners() - 1);
			clearInterval(timer);
		},
	};
	const look = () => {
		const ending = end.processId === undefined ? undefined : collectEnd(end.processId);
		if (ending === undefined) {
			return;
		}

		end.processId = undefined;
		end.stop();
		resolve(ending);
	};

	// Also what keeps Node running until then.
	const timer = setInterval(look, checkInterval);
	process.setMaxListeners(process.getMaxListeners() + 1);
	process.on('SIGCHLD', look);
	return end;
}

/** `undefined` as long as the process runs. */
function collectEnd(processId: number): ProgramEnd | undefined {
	const status = Buffer.alloc(4);
	const usage = Buffer.alloc(usageSize);
	const collected = check(libc().wait4(processId, status, WNOHANG, usage), 'wait4', {action: 'wait for process'});
	return collected === 0 ? undefined : {exitCode: exitCodeOf(status.readInt32LE()), usage: readUsage(usage)};
}

// https://man7.org/linux/man-pages/man2/wait.2.html (WIFSIGNALED, WEXITSTATUS)
function exitCodeOf(status: number): number {
	const signal = status & 0x7F;
	return signal === 0 ? (status >> 8) & 0xFF : 128 + signal;
}

function readUsage(usage: Buffer): ProgramUsage {
	const readLong = (offset: number) => Number(usage.readBigInt64LE(offset));
	const readTime = (offset: number) => (readLong(offset) * 1_000_000) + readLong(offset + 8);
	return {
		userTime: readTime(usageOffsets.userTime),
		systemTime: readTime(usageOffsets.systemTime),
		peakMemory: readLong(usageOffsets.largestProcess) * 1024,
		bytesRead: readLong(usageOffsets.blocksRead) * blockSize,
		bytesWritten: readLong(usageOffsets.blocksWritten) * blockSize,
	};
}
