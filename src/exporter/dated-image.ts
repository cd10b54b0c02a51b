import {digestOf, type DiffId} from '../kernel/digest.ts';
import type {LayerStore} from '../../snapshotter/layers.ts';
import type {AssembledImage, ImageLayer} from './image-assembly.ts';
import {encodeImageConfig} from './image-json.ts';

/** What is rewritten, and what stays. */
export type DateOptions = {
	/** No file of a new layer is younger; nanoseconds since 1970. */
	readonly latest: bigint;
	/** The layers of the base image, which stay as they are. */
	readonly base: readonly DiffId[];
	readonly layers: LayerStore;
	readonly signal: AbortSignal;
};

/**
The image with the times of its new layers' files limited, so that a build gives the same layers on any day.

@see https://github.com/moby/buildkit/blob/v0.32.2/exporter/containerimage/writer.go (rewriteRemoteWithEpoch)
*/
export async function limitImageTimes(image: AssembledImage, {latest, base, layers, signal}: DateOptions): Promise<AssembledImage> {
	const different = image.layers.findIndex(({diffId}, index) => diffId !== base[index]);
	const first = different === -1 ? image.layers.length : different;
	const limited: ImageLayer[] = [];
	for (const {descriptor} of image.layers.slice(first)) {
		limited.push(await layers.limitTimes(descriptor, latest, {signal}));
	}

	const all = [...image.layers.slice(0, first), ...limited];
	const config = {...image.config, rootfs: {...image.config.rootfs, diff_ids: all.length === 0 ? null : all.map(({diffId}) => diffId)}};
	const configBytes = encodeImageConfig(config);
	return {
		config, configBytes, configDigest: digestOf(configBytes), layers: all,
	};
}
