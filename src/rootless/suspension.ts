import type {ChildProcess} from 'node:child_process';
import {readFileSync} from 'node:fs';
import process from 'node:process';
import {errorCode} from '../kernel/errors.ts';

/**
Lets Ctrl-Z (SIGTSTP) stop this process together with a program that is PID 1 of a PID namespace, which the signal alone does not stop, and lets both go on together (`fg`, `kill -CONT`).

@param parent the program's parent process, our own child
@see https://man7.org/linux/man-pages/man7/pid_namespaces.7.html (The namespace init process)
*/
export function passSuspension(parent: ChildProcess): void {
	const suspend = () => {
		const processes = [parent.pid!, ...childrenOf(parent.pid!)];
		signalAll(processes, 'SIGSTOP');
		process.off('SIGTSTP', suspend);
		// Returns when this process goes on; at once where nobody could make it go on, because the system stops no such process.
		process.kill(process.pid, 'SIGTSTP');
		process.on('SIGTSTP', suspend);
		signalAll(processes, 'SIGCONT');
	};

	process.on('SIGTSTP', suspend);
}

// https://man7.org/linux/man-pages/man5/proc_tid_children.5.html
function childrenOf(processId: number): readonly number[] {
	try {
		return readFileSync(`/proc/${processId}/task/${processId}/children`, 'latin1').trim().split(' ').filter(word => word !== '').map(Number);
	} catch (error) {
		if (isGone(error)) {
			return [];
		}

		throw error;
	}
}

function signalAll(processes: readonly number[], signal: NodeJS.Signals): void {
	for (const processId of processes) {
		try {
			process.kill(processId, signal);
		} catch (error) {
			if (!isGone(error)) {
				throw error;
			}
		}
	}
}

function isGone(error: unknown): boolean {
	return ['ENOENT', 'ESRCH'].includes(errorCode(error) ?? '');
}
