import {compatiblePlatforms, isSamePlatform} from '../kernel/compatible-platforms.ts';
import {TsbuildError} from '../kernel/errors.ts';
import type {Descriptor} from '../kernel/oci-types.ts';
import {formatPlatform, normalizePlatform, type Platform} from '../kernel/platform.ts';

// An index of a stranger may name thousands.
const maximumNamedPlatforms = 20;

/**
The entry of an index whose image runs best on a platform. One without a platform is taken when no other fits: it says it further inside. An attestation, which is no image, has the platform unknown/unknown.

@throws {TsbuildError} `ERR_TSBUILD_IMAGE_NOT_FOUND`
@see https://github.com/opencontainers/image-spec/blob/main/image-index.md
*/
export function choosePlatform(manifests: readonly Descriptor[], platform: Platform): Descriptor {
	const chosen = compatiblePlatforms(platform)
		.map(compatible => manifests.find(manifest => manifest.platform !== undefined && isSamePlatform(manifest.platform, compatible)))
		.find(manifest => manifest !== undefined)
		?? manifests.find(manifest => manifest.platform === undefined);
	if (chosen === undefined) {
		throw noMatch(platform, manifests.flatMap(manifest => manifest.platform ?? []));
	}

	return chosen;
}

/** Does an image for `found` run on `platform`? */
export function isCompatible(found: Platform, platform: Platform): boolean {
	return compatiblePlatforms(platform).some(compatible => isSamePlatform(found, compatible));
}

/** The error for an image that is there for other platforms alone, in the words of BuildKit. */
export function noMatch(wanted: Platform, platforms: readonly Platform[]): TsbuildError {
	const names = new Set(platforms.map(found => formatPlatform(found)));
	const known = names.size === 0 ? 'for no platform at all' : `for ${[...names].slice(0, maximumNamedPlatforms).join(', ')}`;
	return new TsbuildError('ERR_TSBUILD_IMAGE_NOT_FOUND', 'no match for platform in manifest: not found', {
		hint: `The image is there ${known}, not for ${formatPlatform(normalizePlatform(wanted))}.`,
	});
}
