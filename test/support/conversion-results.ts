import type {ResolveImage, ResolveImageOptions} from '../../frontend/dockerfile/base-images.ts';
import type {DockerfileResult} from '../../frontend/dockerfile/convert.ts';
import type {DefinitionVertex} from '../../src/definition/definition.ts';
import type {CopyAction, ExecOperation, Operation} from '../../src/definition/operations.ts';
import type {ImageConfig} from '../../src/kernel/oci-types.ts';
import {busyboxConfig, resolveKnownImage} from './conversion.ts';

/** The vertex whose name ends with `name`. */
export function findVertex({definition}: DockerfileResult, name: string): DefinitionVertex {
	const [digest] = definition.metadata.entries().find(([, metadata]) => metadata.name.endsWith(name)) ?? [];
	return definition.vertexes.get(digest!)!;
}

/** The operation of the RUN with that command. */
export function findRun(result: DockerfileResult, command: string): ExecOperation {
	return findVertex(result, `RUN ${command}`).operation as ExecOperation;
}

/** What all vertexes of a result do. */
export function operationsOf({definition}: DockerfileResult): readonly Operation[] {
	return definition.vertexes.values().map(({operation}) => operation).toArray();
}

/** The actions of the last COPY or ADD. */
export function copyActions(result: DockerfileResult): readonly CopyAction[] {
	const file = operationsOf(result).findLast(operation => operation.kind === 'file')!;
	return file.actions as readonly CopyAction[];
}

/** The names that a display shows. */
export function vertexNames({definition}: DockerfileResult): readonly string[] {
	return definition.metadata.values().map(({name}) => name).toArray();
}

/** What finds images, and what it was asked for. */
export type Resolver = {
	readonly resolveImage: ResolveImage;
	readonly calls: ReadonlyArray<readonly [reference: string, options: ResolveImageOptions]>;
};

/** Finds every image: with the config that is given for it, or with that of busybox. */
export function resolverOf(configs: Readonly<Record<string, ImageConfig>>): Resolver {
	const calls: Array<readonly [string, ResolveImageOptions]> = [];
	const resolveImage: ResolveImage = async (reference, options) => {
		calls.push([reference, options]);
		const image = await resolveKnownImage('docker.io/library/busybox:latest');
		return {...image, reference, config: configs[reference] ?? busyboxConfig};
	};

	return {resolveImage, calls};
}
