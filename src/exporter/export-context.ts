import type {Digest} from '../kernel/digest.ts';
import type {ReportStatus} from '../kernel/internal-vertex.ts';
import type {Descriptor} from '../kernel/oci-types.ts';
import type {ProgressSink} from '../kernel/progress-event.ts';
import type {RegistryClient} from '../registry/registry-client.ts';
import type {LayerStore} from '../../snapshotter/layers.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {Store} from '../../snapshotter/store.ts';
import type {AssembledImage} from './image-assembly.ts';
import type {ImageStore} from './image-store.ts';

/** What all exporters share. */
export type ExportContext = {
	readonly store: Store;
	readonly layers: LayerStore;
	readonly images: ImageStore;
	readonly progress: ProgressSink;
	/** Called when a registry is needed. */
	readonly openRegistry: () => Promise<RegistryClient>;
	/** Takes a line for the user. */
	readonly warn: (line: string) => void;
	readonly signal: AbortSignal;
};

/** One output on its way. */
export type Export = {
	readonly context: ExportContext;
	/** Of the output's step. */
	readonly report: ReportStatus;
};

/** What a build has to give: a file system, and the image around it. */
export type ExportSource = {
	/** `null` is the empty file system. */
	readonly snapshot: SnapshotId | null;
	/** Assembled on first need: files alone need no layers. With `isDated` no file of a new layer is younger than `mtimeNanoseconds`. */
	readonly image: (options?: {readonly isDated?: boolean}) => Promise<AssembledImage>;
	/** Full references. They win over those of an output. */
	readonly names: readonly string[];
	/** The image carries the cache of the build. */
	readonly hasInlineCache: boolean;
	/** The time of every file that is exported without an image; its own when not given. */
	readonly mtimeNanoseconds: bigint | undefined;
};

/** An image as it has left, or is kept. */
export type ExportedImage = {
	/** Full references. */
	readonly names: readonly string[];
	readonly configDigest: Digest;
	readonly manifest: Descriptor;
};

/** The names of an image: those of the build, else those of the output, as with buildx. */
export function namesOf({names}: ExportSource, output: {readonly names?: readonly string[]}): readonly string[] {
	return names.length > 0 ? names : output.names ?? [];
}
