import type {TsbuildError} from '../kernel/errors.ts';

/** What the doctor says of one part of the machine. */
export type Finding =
	/** No build can run (fault); or builds run, and this may be in their way or make them slower (warning). */
	| {
		readonly status: 'fault' | 'warning';
		readonly topic: string;
		readonly summary: string;
		/** What to do about it: whole sentences. */
		readonly advice: string;
	}
	/** As it should be. */
	| {readonly status: 'ok'; readonly topic: string; readonly summary: string};

/** What an examination sees of the world around it. */
export type Patient = {
	/** The directory of the store, which need not be there yet. */
	readonly root: string;
	readonly environment: Readonly<Record<string, string | undefined>>;
	/** Why an ordinary user cannot have a user namespace, in which all else would be examined. */
	readonly refusal?: TsbuildError;
};

/**
Looks at one part of the machine; leaves nothing behind.

@returns the findings in the order in which they are shown; at least one
*/
export type Examination = (patient: Patient, signal: AbortSignal) => Promise<readonly Finding[]>;
