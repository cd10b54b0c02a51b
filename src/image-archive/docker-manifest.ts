import is from '@sindresorhus/is';
import {errorMessage} from '../kernel/errors.ts';
import {archiveError} from './archive-error.ts';

/** An image in `manifest.json`: names of files in the archive. */
export type DockerManifestEntry = {
	readonly config: string;
	/** As `docker save` writes them: `app:1`. */
	readonly names: readonly string[];
	/** Lowest first. */
	readonly layers: readonly string[];
};

const maximumImageCount = 1000;

/**
Reads `manifest.json` of an archive of Docker.

@throws {TsbuildError} `ERR_TSBUILD_IMAGE_ARCHIVE`
@see https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format
*/
export function parseDockerManifest(bytes: Uint8Array): readonly DockerManifestEntry[] {
	const entries = parse(bytes);
	if (!is.array(entries) || entries.length > maximumImageCount) {
		throw archiveError(`manifest.json is no list of at most ${maximumImageCount} images`);
	}

	return entries.map(entry => {
		if (!is.plainObject(entry) || !is.string(entry.Config) || !isNames(entry.RepoTags) || !isNames(entry.Layers)) {
			throw archiveError('manifest.json holds what is no image');
		}

		return {config: entry.Config, names: entry.RepoTags ?? [], layers: entry.Layers ?? []};
	});
}

function isNames(value: unknown): value is readonly string[] | null | undefined {
	return is.nullOrUndefined(value) || is.array(value, is.string);
}

function parse(bytes: Uint8Array): unknown {
	try {
		return JSON.parse(new TextDecoder('utf-8', {fatal: true}).decode(bytes));
	} catch (error) {
		throw archiveError(`manifest.json cannot be read: ${errorMessage(error)}`, error);
	}
}
