import type {SourceLocation} from '../../src/kernel/source-location.ts';
import {formatPlatform, type Platform} from '../../src/kernel/platform.ts';
import {errorMessage, TsbuildError} from '../../src/kernel/errors.ts';
import type {Digest} from '../../src/kernel/digest.ts';
import type {ImageConfig} from '../../src/kernel/oci-types.ts';
import type {SourceGivenOperation, SourceImageOperation, SourceLocalOperation} from '../../src/definition/operations.ts';
import {suggestion} from '../../src/kernel/suggestion.ts';
import {DockerfileError} from './errors.ts';
import type {ImageSource} from './stage-sources.ts';

/** An image that was found, or files that stand for one. */
export type ResolvedImage = ResolvedReference | ResolvedFiles;

/** An image by its reference. */
export type ResolvedReference = {
	readonly type?: 'image';
	/** The full reference, with the digest that it was resolved to if it has one. */
	readonly reference: string;
	readonly manifestDigest: Digest;
	readonly location: SourceImageOperation['location'];
	readonly config: ImageConfig;
};

/** Files of a named context that is no image. */
export type ResolvedFiles = {
	readonly type: 'files';
	readonly operation: SourceLocalOperation | SourceGivenOperation;
	/** That of the empty image. */
	readonly config: ImageConfig;
};

/** What a look-up of an image is told besides its reference. */
export type ResolveImageOptions = {
	readonly platform: Platform;
	/** The FROM or COPY that wants the image. */
	readonly location: SourceLocation;
	/** The named context that takes the image's place, as it was given. */
	readonly namedContext?: string;
	/** Aborted when another look-up has failed, too. */
	readonly signal: AbortSignal;
};

/** Finds an image. */
export type ResolveImage = (reference: string, options: ResolveImageOptions) => Promise<ResolvedImage>;

// Names that people misspell.
const commonImageNames = ['alpine', 'busybox', 'centos', 'debian', 'golang', 'ubuntu', 'fedora'].flatMap(name => [name, `${name}:latest`]);

/** Looks up the images that a build needs, each once. */
export class BaseImages {
	readonly #resolveImage: ResolveImage;
	readonly #stageNames: readonly string[];
	readonly #images = new Map<string, ResolvedImage>();

	/** `stageNames` are what a name that is no image may have been meant for. */
	constructor(resolveImage: ResolveImage, stageNames: readonly string[]) {
		this.#resolveImage = resolveImage;
		this.#stageNames = stageNames;
	}

	async #lookUp({reference, written, namedContext, platform, location}: ImageSource, signal: AbortSignal): Promise<ResolvedImage> {
		signal.throwIfAborted();
		try {
			return await this.#resolveImage(reference, {
				platform, location, signal, ...(namedContext !== undefined && {namedContext}),
			});
		} catch (error) {
			signal.throwIfAborted();
			const hint = suggestion(written, [...this.#stageNames, ...commonImageNames]);
			const message = namedContext === undefined ? `${written}: ${errorMessage(error)}${hint}` : errorMessage(error);
			throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_BASE_IMAGE', message, {cause: error, locations: [location]});
		}
	}

	/**
	Looks up all images that are not known yet, at the same time. The first failure ends the others.

	@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_BASE_IMAGE`, the cause tells why; the reason of `signal` when it is aborted
	*/
	async resolve(sources: Iterable<ImageSource>, {signal}: {readonly signal: AbortSignal}): Promise<void> {
		const wanted = new Map<string, ImageSource>();
		for (const source of sources) {
			if (!this.#images.has(imageKey(source))) {
				wanted.set(imageKey(source), wanted.get(imageKey(source)) ?? source);
			}
		}

		const end = new AbortController();
		const endSignal = AbortSignal.any([signal, end.signal]);
		const failures: unknown[] = [];
		await Promise.all(wanted.entries().map(async ([key, source]) => {
			try {
				this.#images.set(key, await this.#lookUp(source, endSignal));
			} catch (error) {
				failures.push(error);
				end.abort(new TsbuildError('ERR_TSBUILD_CANCELED', `canceled because ${source.written} cannot be used`, {cause: error}));
			}
		}));
		if (failures.length > 0) {
			throw failures[0];
		}
	}

	/** An image that `resolve` has looked up. */
	get(source: ImageSource): ResolvedImage {
		const image = this.#images.get(imageKey(source));
		if (image === undefined) {
			throw new TypeError(`image ${source.reference} was not looked up`);
		}

		return image;
	}
}

function imageKey({reference, namedContext, platform}: ImageSource): string {
	return JSON.stringify([reference, namedContext, formatPlatform(platform)]);
}
