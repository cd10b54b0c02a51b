import type {ImageConfig} from '../kernel/oci-types.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import {limitImageTimes} from './dated-image.ts';
import type {ExportContext, ExportedImage, ExportSource} from './export-context.ts';
import {assembleImage, type AssembledImage} from './image-assembly.ts';
import {withLocalStore, type OutputOption} from './output-option.ts';
import {writeOutput} from './outputs.ts';

/** What a build has made, and where it is to go. */
export type BuildResult = {
	/** `null` is the empty file system. */
	readonly snapshot: SnapshotId | null;
	/** As the frontend made it, without layers. */
	readonly image: ImageConfig;
	/** Full references. */
	readonly names: readonly string[];
	readonly outputs: readonly OutputOption[];
	/** Gives what the image carries of the cache. */
	readonly inlineCache?: () => Promise<string>;
};

/**
Writes all outputs of a build, one after the other. Without any the image goes to the local store; there it goes in any case when it has a name.

@returns the image that was written last; `undefined` when only files were written
@throws what `writeOutput` throws
*/
export async function exportResult({outputs, ...result}: BuildResult, context: ExportContext): Promise<ExportedImage | undefined> {
	const source = sourceOf(result, context);
	let exported: ExportedImage | undefined;
	for (const output of withLocalStore(outputs, {isNamed: result.names.length > 0})) {
		exported = await writeOutput(output, source, context) ?? exported;
	}

	return exported;
}

/** Layers are made on first need, and once. */
function sourceOf({snapshot, image, names, inlineCache}: Omit<BuildResult, 'outputs'>, {layers, signal, store: {snapshotter}}: ExportContext): ExportSource {
	const latest = toNanoseconds(image.created);
	let assembled: Promise<AssembledImage> | undefined;
	let dated: Promise<AssembledImage> | undefined;
	const assemble = async () => {
		assembled ??= assembleImage({
			snapshot, image, snapshotter, layers, inlineCache, signal,
		});
		return assembled;
	};

	const date = async () => {
		const whole = await assemble();
		const options = {base: image.rootfs.diff_ids ?? [], layers, signal};
		return latest === undefined ? whole : limitImageTimes(whole, {latest, ...options});
	};

	return {
		snapshot,
		names,
		mtimeNanoseconds: latest,
		hasInlineCache: inlineCache !== undefined,
		async image({isDated = false} = {}) {
			if (!isDated) {
				return assemble();
			}

			dated ??= date();
			return dated;
		},
	};
}

/** A time that the build was given, as that of its files. */
function toNanoseconds(created: string | null | undefined): bigint | undefined {
	return typeof created === 'string' ? BigInt(Date.parse(created)) * 1_000_000n : undefined;
}
