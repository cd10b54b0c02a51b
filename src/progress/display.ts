import type {ProgressSink, WarningEvent} from '../kernel/progress-event.ts';
import type {Clock} from './clock.ts';

/** Shows a build while it runs. */
export type ProgressDisplay = Disposable & {
	/** Takes every event of the build, in order. */
	readonly update: ProgressSink;
	/** Shows text that belongs to no step, whole lines. */
	readonly message: (text: string) => void;
	/** Shows what is left, and the output of the steps that failed. Nothing may follow. */
	readonly finish: () => void;
	/** The warnings so far, for a summary after the build. */
	readonly warnings: readonly WarningEvent[];
};

/** What every display is made with. */
export type DisplayOptions = {
	/** Takes text, whole lines or not. */
	readonly write: (text: string) => void;
	/** Whether text waits for the reader; never when not given. */
	readonly isBehind?: () => boolean;
	readonly clock: Clock;
	/** Whether colours and other attributes in the output of steps are kept. */
	readonly colors: boolean;
};

// A display is drawn when something happens, though not more often than the first, and at least as often as the second while nothing does. Milliseconds.
// https://github.com/moby/buildkit/blob/master/util/progress/progressui/display.go (UpdateFrom)
export const minimumDisplayInterval = 100;
export const idleDisplayInterval = 150;
