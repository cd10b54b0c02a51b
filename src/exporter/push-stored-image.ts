import {withInternalVertex} from '../kernel/internal-vertex.ts';
import type {Descriptor} from '../kernel/oci-types.ts';
import type {ProgressSink} from '../kernel/progress-event.ts';
import {familiarReference, formatReference, type Reference} from '../kernel/reference.ts';
import type {RegistryClient} from '../registry/registry-client.ts';
import {LayerStore} from '../../snapshotter/layers.ts';
import type {Store} from '../../snapshotter/store.ts';
import {EarlyPush} from './early-push.ts';
import type {LayerEncoding} from './encoded-image.ts';
import {findImage} from './find-image.ts';
import {ImageStore} from './image-store.ts';
import {pushImage} from './push-image.ts';
import {PushMeter} from './push-meter.ts';
import {pushableImage} from './pushable-image.ts';
import {encodeStoredImage, readStoredImage} from './stored-image.ts';

export type PushStoredOptions = {
	readonly store: Store;
	readonly client: RegistryClient;
	/** Of layers that are not compressed. */
	readonly encoding: LayerEncoding;
	readonly progress: ProgressSink;
	readonly signal: AbortSignal;
};

/**
Pushes the image that the local store has under a name. Afterwards the store knows it by the digest that the registry has.

@returns the descriptor of the manifest that was pushed
@throws {TsbuildError} `ERR_TSBUILD_IMAGE_NOT_FOUND`, `ERR_TSBUILD_IMAGE`; what `RegistryClient` throws; the reason of `signal`
*/
export async function pushStoredImage(reference: Reference, {store, client, encoding, progress, signal}: PushStoredOptions): Promise<Descriptor> {
	const {content, metadata} = store;
	const images = new ImageStore(store);
	const name = formatReference(reference);
	const found = findImage(images, name);
	images.hold(found);
	const stored = await readStoredImage(found, content);
	return withInternalVertex(progress, `pushing ${familiarReference(reference)}`, async report => {
		const meter = new PushMeter(report);
		await using early = new EarlyPush({
			client, references: [reference], meter, signal,
		});
		await early.checkAccess(found.configDigest);
		const started = Date.now();
		const image = await encodeStoredImage(stored, encoding, {layers: new LayerStore(store), follow: early.follow, signal: early.signal});
		report({id: 'exporting layers', started, completed: true});
		await early.finish();
		await pushImage(pushableImage(image, {content, signal}), [reference], {
			client, metadata, report, meter, signal,
		});
		await images.put(image.assembled, image.manifest, {names: [name], signal});
		return image.manifest.descriptor;
	});
}
