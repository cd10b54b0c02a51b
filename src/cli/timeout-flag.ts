/** A flag of buildx for the time that a builder may take to answer: there is none here. */
export const timeoutFlag = {
	type: 'string', valueName: 'duration', description: 'Accepted for scripts written for buildx; there is no builder to wait for', hidden: true,
} as const;
