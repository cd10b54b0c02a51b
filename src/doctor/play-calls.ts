import {Buffer} from 'node:buffer';
import {constants} from 'node:fs';
import process from 'node:process';
import {getSystemErrorName} from 'node:util';
import {startProgram} from '../linux/child-process.ts';
import {hostArchitecture} from '../linux/architecture.ts';
import {Descriptor} from '../linux/descriptor.ts';
import {createSealedExecutable} from '../linux/memory-file.ts';
import {createPipe} from '../linux/pipe.ts';
import {encodeInitProgram, parseStatusRecord} from '../../solver/executor/init-program.ts';
import {readAvailable} from '../../solver/executor/pipe-reader.ts';
import type {SyscallEntry} from '../../solver/executor/syscall-table.ts';

const programName = 'tsbuild-doctor';

// A program of calls has to end with one that executes another program. Nothing has this name, which is how it ends when all others have worked.
const end: SyscallEntry = {call: 'execve', args: ['', ['', null], [null]], describe: 'end'};

/**
Makes system calls in a process of its own, one after another until one fails. What they change of the process, such as its namespaces, ends with it.

@returns what failed, such as `unshare: EPERM`; `undefined` when nothing did
@throws {LinuxError} when the process cannot be started
*/
export async function playCalls(calls: readonly SyscallEntry[]): Promise<string | undefined> {
	using program = createSealedExecutable(encodeInitProgram([...calls, end], hostArchitecture()), programName);
	using nothing = Descriptor.open('/dev/null', constants.O_RDWR);
	using undo = new DisposableStack();
	const {read, write} = createPipe({uid: process.geteuid!(), gid: process.getegid!()});
	undo.use(read);
	undo.use(write);
	await startProgram({file: program.path, name: programName, descriptors: [nothing, nothing, nothing, write].map(({number}) => number)}).ended;
	const failure = parseStatusRecord(Buffer.concat([...readAvailable(read)]));
	return failure === undefined || failure.index === calls.length ? undefined : `${calls[failure.index]!.call}: ${getSystemErrorName(-failure.errorNumber)}`;
}
