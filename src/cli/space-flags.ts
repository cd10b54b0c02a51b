import type {SpaceLimits} from '../../snapshotter/space-limits.ts';
import {parseMemorySize} from './size.ts';

type SpaceFlags = Readonly<Record<'keep-storage' | 'max-used-space' | 'min-free-space' | 'reserved-space', string | undefined>>;

/**
What `prune` is to leave. `--keep-storage` is an older name of `--reserved-space`, as with buildx.

@param flags the values, such as `10gb`
@param warn takes the notice about that
@throws {UsageError}
*/
export function readSpaceLimits(flags: SpaceFlags, warn: (text: string) => void): SpaceLimits {
	if (flags['keep-storage'] !== undefined) {
		warn('Flag --keep-storage has been deprecated, keep-storage flag has been changed to reserved-space\n');
	}

	return {
		maxUsedSpace: readBytes(flags['max-used-space'], '--max-used-space'),
		minFreeSpace: readBytes(flags['min-free-space'], '--min-free-space'),
		reservedSpace: readBytes(flags['reserved-space'] ?? flags['keep-storage'], flags['reserved-space'] === undefined ? '--keep-storage' : '--reserved-space'),
	};
}

function readBytes(text: string | undefined, flag: string): number {
	return text === undefined ? 0 : parseMemorySize(text, flag);
}
