import {normalizePlatform, type Platform} from './platform.ts';

// The oldest 32-bit ARM that images are made for.
const oldestArm = 5;

/**
The platforms whose images run on `platform`, the best first: itself, its older variants, and what its processors run besides (`linux/386` on `linux/amd64`, `linux/arm` on `linux/arm64`).

All are normalized, and an `arm` without variant is `v7`.

@see https://pkg.go.dev/github.com/containerd/platforms#Only
*/
export function compatiblePlatforms(platform: Platform): readonly Platform[] {
	const wanted = withArmVariant(normalizePlatform(platform));
	const {os, architecture, variant} = wanted;
	switch (architecture) {
		case 'amd64': {
			return [wanted, ...olderVariants(wanted, 1), {os, architecture: '386'}].map(entry => normalizePlatform(entry));
		}

		case 'arm': {
			return [wanted, ...olderVariants(wanted, oldestArm)];
		}

		case 'arm64': {
			return [wanted, ...compatiblePlatforms({os, architecture: 'arm', variant: variant ?? 'v8'})];
		}

		default: {
			return [wanted];
		}
	}
}

/** Do both mean the same, as far as the choice of an image goes? */
export function isSamePlatform(first: Platform, second: Platform): boolean {
	const [one, other] = [first, second].map(platform => withArmVariant(normalizePlatform(platform)));
	return one!.os === other!.os && one!.architecture === other!.architecture && one!.variant === other!.variant;
}

function withArmVariant(platform: Platform): Platform {
	return platform.architecture === 'arm' && platform.variant === undefined ? {...platform, variant: 'v7'} : platform;
}

function olderVariants({os, architecture, variant}: Platform, oldest: number): readonly Platform[] {
	// One digit: the number comes from outside, and each is an entry.
	const version = Number(/^v(?<version>\d)$/v.exec(variant ?? '')?.groups?.version ?? 0);
	return Array.from({length: Math.max(0, version - oldest)}, (_, index) => ({os, architecture, variant: `v${version - 1 - index}`}));
}
