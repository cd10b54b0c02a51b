import type {StatusEvent} from './progress-event.ts';

/**
Work on something that people have seen end, such as the download of a layer of a step that was found in a cache: it begins when somebody needs the layer. It is told of as work of that step, until it is disposed of.
*/
export type LateWork = Disposable & {
	/** Aborted when that step's build has failed, or is interrupted. */
	readonly signal: AbortSignal;
	readonly status: (status: Pick<StatusEvent, 'current' | 'id' | 'total'> & {readonly completed?: boolean}) => void;
};

/** Begins such work. Several may be under way at once. */
export type BeginLateWork = () => LateWork;
