/** How much may be kept; 0 is no limit. All in bytes. */
export type SpaceLimits = {
	/** All records together. */
	readonly maxUsedSpace: number;
	/** So much is kept in any case. */
	readonly reservedSpace: number;
	/** What the disk is to have left. */
	readonly minFreeSpace: number;
};

/** What a disk holds, in bytes. */
export type DiskState = {
	/** Of all records. */
	readonly used: number;
	readonly free: number;
};

/**
How many bytes may stay, as BuildKit reckons it: at most `maxUsedSpace`, less where the disk has less than `minFreeSpace` left, but never less than `reservedSpace`.

@see https://docs.docker.com/build/cache/garbage-collection/
*/
export function keptBytes({maxUsedSpace, reservedSpace, minFreeSpace}: SpaceLimits, {used, free}: DiskState): number {
	const missing = Math.max(0, minFreeSpace - free);
	const isUnlimited = maxUsedSpace === 0 && minFreeSpace === 0;
	// A reserve alone is also what everything beyond it is measured by.
	const most = maxUsedSpace === 0 ? used : maxUsedSpace;
	return Math.max(isUnlimited ? 0 : Math.min(most, used - missing), reservedSpace);
}

/** Whether there is any limit. */
export function hasLimits({maxUsedSpace, reservedSpace, minFreeSpace}: SpaceLimits): boolean {
	return maxUsedSpace !== 0 || reservedSpace !== 0 || minFreeSpace !== 0;
}
