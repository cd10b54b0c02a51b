import type {ProgressDisplay} from './display.ts';

/** Shows nothing: for `--quiet` and `--progress none`. */
export function openSilentDisplay(): ProgressDisplay {
	const ignore = (): void => undefined;
	return {
		update: ignore,
		message: ignore,
		finish: ignore,
		warnings: [],
		[Symbol.dispose]: ignore,
	};
}
