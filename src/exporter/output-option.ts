import type {Compression} from '../../snapshotter/decompress.ts';

/** How the layers of an image are compressed, and how its manifest is written. */
export type ImageEncoding = {
	/** Of new layers; `none` leaves them as they are in the store. */
	readonly compression: Compression;
	/** 0 to 9 for gzip, 0 to 22 for zstd; the format's own default without it. */
	readonly level?: number;
	/** Also of layers that have another compression already. */
	readonly forceCompression: boolean;
	/** No file of a new layer is younger than the time that the build takes as the present. */
	readonly isDated: boolean;
	/** Whose media types the documents have. */
	readonly mediaTypes: 'oci' | 'docker';
	readonly annotations: {
		readonly manifest: Readonly<Record<string, string>>;
		/** Of what names the manifest. */
		readonly descriptor: Readonly<Record<string, string>>;
	};
};

/** Names of an output's own, for builds that have none: full references. */
type OwnNames = {
	readonly names?: readonly string[];
};

/** An archive or a directory with an image in it. */
export type ArchiveOutput = ImageEncoding & OwnNames & {
	/** `docker` is an `oci` archive that `docker load` reads as well. */
	readonly type: 'oci' | 'oci-directory' | 'docker';
	readonly destination: string;
};

/** An image for the local store, for registries, or for both. */
export type RepositoryOutput = ImageEncoding & OwnNames & {
	readonly type: 'image';
	readonly isStored: boolean;
	/** Also under each name with the digest of the manifest. */
	readonly isNameCanonical: boolean;
	/** What the name of an image without one begins with: the rest is `@` and the digest of the manifest. */
	readonly danglingPrefix?: string;
	/** Sends it to the registries that the names tell. */
	readonly push?: {
		/** Without a tag, so that nothing but its digest names it there. */
		readonly byDigest: boolean;
		/** The registry may be one without TLS, or with a certificate that nobody knows. */
		readonly isInsecure: boolean;
	};
};

/** An image for a Docker engine. */
export type EngineOutput = ImageEncoding & OwnNames & {
	readonly type: 'docker-engine';
	/** Path of the engine's socket. */
	readonly socket: string;
	/** The user has named the engine: then it must be there. */
	readonly isRequired: boolean;
};

/** The files of the result. */
export type FilesOutput = {
	readonly type: 'tar' | 'local';
	/** `-` is standard output. */
	readonly destination: string;
};

/** Where a result goes. */
export type OutputOption = ArchiveOutput | RepositoryOutput | EngineOutput | FilesOutput | {readonly type: 'cacheonly'};

/** The encoding of an image that stays here. */
export const storedEncoding: ImageEncoding = {
	compression: 'none', forceCompression: false, isDated: false, mediaTypes: 'oci', annotations: {manifest: {}, descriptor: {}},
};

/** The output of a build that names its image, or that asks for nothing else. */
export const storeOutput: RepositoryOutput = {
	...storedEncoding, type: 'image', isStored: true, isNameCanonical: false,
};

/**
The outputs of a build, with the local store where nobody had to ask for it: an image that has a name is kept there, and one of a build without outputs.
*/
export function withLocalStore(outputs: readonly OutputOption[], {isNamed}: {readonly isNamed: boolean}): readonly OutputOption[] {
	const isAskedFor = outputs.length === 0 || (isNamed && outputs.some(({type}) => type !== 'cacheonly'));
	return isAskedFor && outputs.every(({type}) => type !== 'image') ? [storeOutput, ...outputs] : outputs;
}
