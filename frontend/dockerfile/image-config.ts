import path from 'node:path';
import type {ContainerConfig, HistoryEntry, ImageConfig} from '../../src/kernel/oci-types.ts';
import {formatPlatform, type Platform} from '../../src/kernel/platform.ts';
import {splitVariable} from './environment.ts';

/** The part of an image config that instructions change. */
export type ImageDraft = {
	readonly author?: string;
	readonly config: ContainerConfig;
	readonly history: readonly HistoryEntry[];
};

// https://github.com/moby/buildkit/blob/master/util/system/path.go
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** How BuildKit signs its history entries. */
export const historyComment = 'buildkit.dockerfile.v0';

/** The config of an image without any file. */
export function emptyImage({os, architecture, variant}: Platform): ImageConfig {
	return {
		architecture,
		os,
		...(variant !== undefined && {variant}),
		config: {},
		rootfs: {type: 'layers', diff_ids: []},
		history: [],
	};
}

/**
The draft of a stage that begins with an image: without the image's triggers, with a working directory and a PATH.
*/
export function draftFrom({author, config: {OnBuild: _triggers, ...config}, history}: ImageConfig): ImageDraft {
	const environment = config.Env ?? [];
	const hasPath = environment.some(variable => splitVariable(variable)[0] === 'PATH');
	return {
		...(author !== undefined && author !== '' && {author}),
		config: {
			...config,
			Env: hasPath ? environment : [...environment, `PATH=${defaultPath}`],
			WorkingDir: path.posix.resolve('/', config.WorkingDir ?? ''),
		},
		history: history ?? [],
	};
}

/** What the build says about the image besides the Dockerfile. */
export type FinishOptions = {
	readonly platform: Platform;
	readonly buildPlatform: Platform;
	readonly labels: ReadonlyMap<string, string>;
};

/**
The image config that the build gives to the exporter, its properties in the order in which Docker writes them. History entries of this build have no time yet, and `rootfs` lists the layers of the base alone. `base` is the image that the lowest stage begins with.
*/
export function finishImage({author, config, history}: ImageDraft, base: ImageConfig, options: FinishOptions): ImageConfig {
	const {os, architecture, variant} = platformOf(base, options);
	return {
		architecture,
		...(author !== undefined && {author}),
		config: orderConfig({...config, Labels: {...config.Labels, ...Object.fromEntries(options.labels)}}),
		history,
		os,
		...(base['os.version'] !== undefined && {'os.version': base['os.version']}),
		rootfs: {type: 'layers', diff_ids: base.rootfs.diff_ids ?? []},
		...(variant !== undefined && variant !== '' && {variant}),
	};
}

/** A platform that was asked for wins; without, the image is for what its base is for. */
function platformOf(base: ImageConfig, {platform, buildPlatform}: FinishOptions): Platform {
	const isAskedFor = formatPlatform(platform) !== formatPlatform(buildPlatform);
	return isAskedFor || base.os === '' || base.architecture === '' ? platform : base;
}

// What is empty is left out, as Go's `omitempty` does; maps are sorted.
function orderConfig(config: ContainerConfig): ContainerConfig {
	const {User, ExposedPorts, Env, Entrypoint, Cmd, Volumes, WorkingDir, Labels, StopSignal, ArgsEscaped, Healthcheck, OnBuild, Shell} = config;
	const ordered = {
		User, ExposedPorts: sortKeys(ExposedPorts), Env, Entrypoint, Cmd, Volumes: sortKeys(Volumes), WorkingDir, Labels: sortKeys(Labels), StopSignal, ArgsEscaped, Healthcheck, OnBuild, Shell,
	};
	return Object.fromEntries(Object.entries(ordered).filter(([, value]) => !isEmpty(value)));
}

function sortKeys<Value>(record: Readonly<Record<string, Value>> | undefined): Readonly<Record<string, Value>> {
	return Object.fromEntries(Object.entries(record ?? {}).toSorted(([left], [right]) => left < right ? -1 : 1));
}

function isEmpty(value: unknown): boolean {
	return value === undefined || value === '' || value === false || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}
