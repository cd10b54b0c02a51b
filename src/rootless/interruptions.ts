import process from 'node:process';

/** What a user ends a program with; SIGHUP comes when the terminal is closed. */
export const interruptionSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Set for a program that `runInUserNamespace` has started, which then hears of signals through it alone. */
export const supervisedVariable = 'TSBUILD_SUPERVISED';

type InterruptionSignal = (typeof interruptionSignals)[number];

/**
Calls `listener` each time that the user wants an end: by Ctrl-C (SIGINT), SIGTERM, or the end of the terminal.

In a user namespace, the process outside takes the signals. Ctrl-C reaches both, and would count twice. When that process is gone without a word (SIGKILL), that is an end too.
*/
export function onInterruption(listener: (signal: InterruptionSignal) => void): void {
	const isSupervised = process.env[supervisedVariable] === '1' && process.channel !== undefined;
	for (const signal of interruptionSignals) {
		process.on(signal, isSupervised ? ignore : listener);
	}

	if (isSupervised) {
		listenToSupervisor(listener);
	}
}

function listenToSupervisor(listener: (signal: InterruptionSignal) => void): void {
	process.on('message', signal => {
		listener(signal as InterruptionSignal);
	});
	process.on('disconnect', () => {
		listener('SIGTERM');
	});
	// The program ends when it has nothing else to do.
	process.channel?.unref();
}

function ignore(): void {
	// The process outside has got the same.
}
