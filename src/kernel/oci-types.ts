import type {DiffId, Digest} from './digest.ts';

/**
Media types that images are made of.

@see https://github.com/opencontainers/image-spec/blob/main/media-types.md
*/
export const mediaTypes = {
	index: 'application/vnd.oci.image.index.v1+json',
	manifest: 'application/vnd.oci.image.manifest.v1+json',
	config: 'application/vnd.oci.image.config.v1+json',
	layer: 'application/vnd.oci.image.layer.v1.tar',
	layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
	layerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
	dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
	dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
	dockerConfig: 'application/vnd.docker.container.image.v1+json',
	dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
	dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
	/** Docker has no such type; it is what BuildKit writes. */
	dockerLayerZstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
} as const;

/** @see https://github.com/opencontainers/image-spec/blob/main/descriptor.md */
export type Descriptor = {
	readonly mediaType: string;
	readonly digest: Digest;
	/** Bytes. */
	readonly size: number;
	readonly annotations?: Readonly<Record<string, string>>;
	readonly platform?: {readonly architecture: string; readonly os: string; readonly variant?: string; readonly 'os.version'?: string};
};

/** @see https://github.com/opencontainers/image-spec/blob/main/manifest.md */
export type ImageManifest = {
	readonly schemaVersion: 2;
	readonly mediaType: string;
	readonly config: Descriptor;
	readonly layers: readonly Descriptor[];
	readonly annotations?: Readonly<Record<string, string>>;
};

/** @see https://github.com/opencontainers/image-spec/blob/main/image-index.md */
export type ImageIndex = {
	readonly schemaVersion: 2;
	readonly mediaType: string;
	readonly manifests: readonly Descriptor[];
	readonly annotations?: Readonly<Record<string, string>>;
};

/**
One entry of an image's history.

@see https://github.com/opencontainers/image-spec/blob/main/config.md#properties
*/
export type HistoryEntry = {
	/** RFC 3339. */
	readonly created?: string;
	readonly created_by?: string;
	readonly author?: string;
	readonly comment?: string;
	readonly empty_layer?: boolean;
};

/** `Healthcheck` of a Docker image; durations in nanoseconds. */
export type Healthcheck = {
	readonly Test?: readonly string[];
	readonly Interval?: number;
	readonly Timeout?: number;
	readonly StartPeriod?: number;
	readonly StartInterval?: number;
	readonly Retries?: number;
};

/** What a container of the image runs with. The last four are Docker's extensions. */
export type ContainerConfig = {
	readonly User?: string;
	readonly ExposedPorts?: Readonly<Record<string, Record<string, never>>>;
	readonly Env?: readonly string[];
	readonly Entrypoint?: readonly string[];
	readonly Cmd?: readonly string[];
	readonly Volumes?: Readonly<Record<string, Record<string, never>>>;
	readonly WorkingDir?: string;
	readonly Labels?: Readonly<Record<string, string>>;
	readonly StopSignal?: string;
	readonly ArgsEscaped?: boolean;
	readonly Healthcheck?: Healthcheck;
	readonly OnBuild?: readonly string[];
	readonly Shell?: readonly string[];
};

/** @see https://github.com/opencontainers/image-spec/blob/main/config.md */
export type ImageConfig = {
	readonly architecture: string;
	readonly os: string;
	readonly variant?: string;
	readonly 'os.version'?: string;
	/** RFC 3339; `null` as BuildKit writes it for an image without any step. */
	readonly created?: string | null;
	readonly author?: string;
	readonly config: ContainerConfig;
	readonly rootfs: {readonly type: 'layers'; readonly diff_ids: readonly DiffId[] | null};
	readonly history?: readonly HistoryEntry[] | null;
	/** What BuildKit, and we, put into an image of the cache that it was built with: records as JSON, in Base64. */
	readonly 'moby.buildkit.cache.v0'?: string;
};
