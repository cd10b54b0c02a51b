import {Buffer} from 'node:buffer';
import {convertDockerfile, type ConvertOptions, type DockerfileResult} from '../../frontend/dockerfile/convert.ts';
import type {ResolvedImage} from '../../frontend/dockerfile/base-images.ts';
import {digestOf, diffIdFrom, parseDigest} from '../../src/kernel/digest.ts';
import {TsbuildError} from '../../src/kernel/errors.ts';
import type {ImageConfig} from '../../src/kernel/oci-types.ts';
import {parsePlatform} from '../../src/kernel/platform.ts';

const host = {os: 'linux', architecture: 'amd64'} as const;
const comment = 'buildkit.dockerfile.v0';
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The small busybox image that the recorded builds begin with. */
export const busyboxConfig: ImageConfig = {
	...host,
	config: {
		Env: [`PATH=${path}`], Cmd: ['sh'], WorkingDir: '/', ArgsEscaped: true,
	},
	rootfs: {type: 'layers', diff_ids: [diffIdFrom(digestOf('busybox'))]},
	history: [
		{created_by: 'COPY / / # buildkit', comment},
		{created_by: `ENV PATH=${path}`, comment, empty_layer: true},
		{created_by: 'CMD ["sh"]', comment, empty_layer: true},
	],
};

const onBuildConfig: ImageConfig = {
	...busyboxConfig,
	config: {...busyboxConfig.config, OnBuild: ['COPY f /ob/', 'RUN cat /ob/f', 'ENV OB=1']},
};

type KnownImage = {readonly digest: string; readonly config: ImageConfig};

const busybox: KnownImage = {digest: 'sha256:fe2f6ca19e168b650a6713172d8dc3ab29f219c4b98f3443aa57c6ed6be59918', config: busyboxConfig};

/** The images of the recorded builds. */
const knownImages: Readonly<Record<string, KnownImage>> = {
	'localhost:5055/library/busybox:latest': busybox,
	'docker.io/library/busybox:latest': busybox,
	'docker.io/library/base:latest': busybox,
	'docker.io/library/extra:latest': busybox,
	'localhost:5056/rec/busybox:1': {digest: 'sha256:74dc1ea840c8280453a818426927a65d659d0fa31b72777e4a73a953a0308b90', config: busyboxConfig},
	'localhost:5055/library/debian:bookworm': {digest: 'sha256:df23a9af27ec0acc56d2cd95d3277dba89229e86021ce1922145a91ae9a7abe1', config: busyboxConfig},
	'localhost:5056/rec/multi:1': {digest: 'sha256:196208ca7dfe9e986c0157e75bb5e705b75006a885ad799ce7b0c51e1e4089ee', config: {...busyboxConfig, architecture: 'arm64'}},
	'localhost:5056/rec/onb:1': {digest: 'sha256:0213bf1bb520a87ca3620d186ec0c60a0073eec61dfc4b4675dcb4613a8a6446', config: onBuildConfig},
};

/** Finds one of the known images. */
export async function resolveKnownImage(reference: string): Promise<ResolvedImage> {
	const image = knownImages[reference];
	if (image === undefined) {
		throw new TsbuildError('ERR_TSBUILD_IMAGE_NOT_FOUND', `failed to resolve source metadata for ${reference}: ${reference}: not found`);
	}

	return {
		reference, manifestDigest: parseDigest(image.digest), location: {type: 'store'}, config: image.config,
	};
}

/** Options as they stand in a fixture. */
export type RecordedOptions = {
	readonly buildArgs?: Readonly<Record<string, string>>;
	readonly labels?: Readonly<Record<string, string>>;
	readonly target?: string;
	readonly platform?: string;
	readonly namedContexts?: readonly string[];
};

/** Converts a Dockerfile with the options of a recorded build. */
export async function convert(content: string | Uint8Array, recorded: RecordedOptions = {}, options: Partial<ConvertOptions> = {}): Promise<DockerfileResult> {
	const {buildArgs = {}, labels = {}, platform, namedContexts = [], target} = recorded;
	return convertDockerfile({file: 'Dockerfile', content: Buffer.from(content)}, {
		buildArgs: new Map(Object.entries(buildArgs)),
		labels: new Map(Object.entries(labels)),
		namedContexts: new Set(namedContexts),
		platform: platform === undefined ? host : parsePlatform(platform),
		buildPlatform: host,
		noCache: false,
		network: 'default',
		resolveImage: resolveKnownImage,
		signal: new AbortController().signal,
		...(target !== undefined && {target}),
		...options,
	});
}
