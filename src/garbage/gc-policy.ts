import type {UsageRecord} from '../../snapshotter/usage.ts';
import type {SpaceLimits} from '../../snapshotter/space-limits.ts';

/** What is removed in one go, after everything that the rules before it have removed. */
export type GcRule = SpaceLimits & {
	/** Also what is part of an image. */
	readonly canRemoveShared: boolean;
	/** What was used so many milliseconds ago at most is kept. */
	readonly keepDuration: number;
	/** What the rule is about. */
	readonly concerns: (record: UsageRecord) => boolean;
};

const hour = 3600 * 1000;
const megabyte = 1e6;
const gigabyte = 1e9;

/**
BuildKit's limits for a disk: a tenth of it at most 10 GB is kept in any case; at most four fifths or 100 GB; a fifth of it is to stay free.

@param size bytes of the whole disk
*/
export function defaultLimits(size: number): SpaceLimits {
	return {
		reservedSpace: Math.min(Math.trunc(size * 0.1), 10 * gigabyte),
		maxUsedSpace: Math.min(Math.trunc(size * 0.8), 100 * gigabyte),
		minFreeSpace: Math.trunc(size * 0.2),
	};
}

/**
BuildKit's rules: what is easy to make again and was not used for two days goes beyond 512 MB; what was not used for 60 days; then all that is no part of an image, and then all, as far as the limits ask for it.

@see https://docs.docker.com/build/cache/garbage-collection/#default-policies
*/
export function defaultRules(limits: SpaceLimits): readonly GcRule[] {
	const all = {canRemoveShared: false, keepDuration: 0, concerns: () => true};
	return [
		{
			...all,
			reservedSpace: 0,
			minFreeSpace: 0,
			maxUsedSpace: 512 * megabyte,
			keepDuration: 48 * hour,
			concerns: ({subject}) => subject.kind === 'cache-mount' || (subject.kind === 'snapshot' && subject.isCheckout),
		},
		{...all, ...limits, keepDuration: 60 * 24 * hour},
		{...all, ...limits},
		{...all, ...limits, canRemoveShared: true},
	];
}
