import type {ContainerConfig, HistoryEntry, ImageConfig} from '../../src/kernel/oci-types.ts';
import {formatPlatform, type Platform} from '../../src/kernel/platform.ts';
import type {ImageDraft} from './image-draft.ts';

/** What the build says about the image besides the Dockerfile. */
export type FinishOptions = {
	readonly platform: Platform;
	readonly buildPlatform: Platform;
	/** They win over those of the Dockerfile. */
	readonly labels: ReadonlyMap<string, string>;
	/** The time that the build takes as the present, in RFC 3339; the one at which each layer is made when not given. */
	readonly created: string | undefined;
};

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
The image config that the build gives to the exporter. History entries of this build have no time yet, unless one is given, and `rootfs` lists the layers of the base alone. `base` is the image that the lowest stage begins with.
*/
export function finishImage(draft: ImageDraft, base: ImageConfig, options: FinishOptions): ImageConfig {
	const {os, architecture, variant} = platformOf(base, options);
	for (const [name, value] of options.labels) {
		draft.setLabel(name, value);
	}

	return {
		architecture,
		...(options.created !== undefined && {created: options.created}),
		...(draft.author !== '' && {author: draft.author}),
		config: withoutEmpty(draft.config),
		history: withTimes(draft.history, options.created, base.history?.length ?? 0),
		os,
		...(base['os.version'] !== undefined && {'os.version': base['os.version']}),
		rootfs: {type: 'layers', diff_ids: base.rootfs.diff_ids ?? []},
		...(variant !== undefined && variant !== '' && {variant}),
	};
}

/** The entries after those of the base, with their time. */
function withTimes(history: readonly HistoryEntry[], created: string | undefined, baseLength: number): readonly HistoryEntry[] {
	return created === undefined ? history : history.map((entry, index) => index < baseLength ? entry : {created, ...entry});
}

/** A platform that was asked for wins; without, the image is for what its base is for. */
function platformOf(base: ImageConfig, {platform, buildPlatform}: FinishOptions): Platform {
	const isAskedFor = formatPlatform(platform) !== formatPlatform(buildPlatform);
	return isAskedFor || base.os === '' || base.architecture === '' ? platform : base;
}

// What is empty is left out, as Go's `omitempty` does.
function withoutEmpty(config: ContainerConfig): ContainerConfig {
	return Object.fromEntries(Object.entries(config).filter(([, value]) => !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
	return value === undefined || value === '' || value === false || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}
