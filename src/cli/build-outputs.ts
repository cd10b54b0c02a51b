import type {OutputOption, RepositoryOutput} from '../exporter/output-option.ts';
import {parseReference} from '../kernel/reference.ts';
import {readAnnotationOptions} from './annotation-option.ts';
import type {Environment} from './command.ts';
import {checkWithoutTag, parseOutputOption} from './output-option.ts';
import {RequestError} from './usage-error.ts';

/** The flags that say where an image goes. */
export type OutputFlags = {
	readonly output: readonly string[];
	readonly push: boolean | undefined;
	readonly load: boolean | undefined;
	readonly annotation: readonly string[];
	/** As the user wrote them. */
	readonly tag: readonly string[];
};

/**
The outputs of a build: those of `-o`, with what `--push`, `--load` and `--annotation` add.

@throws {UsageError} for values that cannot be understood; {RequestError} for outputs that cannot be made
@see https://github.com/docker/buildx/blob/master/commands/build.go (toOptions)
*/
export function readOutputs({output, push = false, load = false, annotation, tag}: OutputFlags, environment: Environment): readonly OutputOption[] {
	const annotations = readAnnotationOptions(annotation);
	const context = {environment, isPushed: push, annotations};
	const outputs = output.map(text => parseOutputOption(text, context)).filter(option => option !== undefined);
	if (push && outputs.every(({type}) => type !== 'image')) {
		outputs.push(parseOutputOption('type=registry', context)!);
	}

	if (load && outputs.every(({type}) => type !== 'docker-engine')) {
		outputs.push(parseOutputOption('type=docker', context)!);
	}

	// An image that stays here has them as well.
	if (outputs.length === 0 && annotations.size > 0) {
		outputs.push(parseOutputOption('type=image', context)!);
	}

	for (const option of outputs) {
		if (option.type === 'image' && option.push !== undefined) {
			checkPush(option, tag);
		}
	}

	return outputs;
}

/** The registries of outputs with `registry.insecure`: host and port. */
export function insecureRegistriesOf(outputs: readonly OutputOption[], tags: readonly string[]): readonly string[] {
	const pushed = outputs.filter(option => option.type === 'image').filter(({push}) => push?.isInsecure);
	const names = pushed.flatMap(option => (tags.length > 0 ? tags : option.names ?? []));
	return [...new Set(names.map(name => parseReference(name).domain))];
}

function checkPush({names = [], push}: RepositoryOutput, tags: readonly string[]): void {
	if (tags.length === 0 && names.length === 0) {
		throw new RequestError('tag is needed when pushing to registry', {hint: 'Name the image with -t REGISTRY/NAME:TAG.'});
	}

	if (push!.byDigest) {
		checkWithoutTag(tags);
	}
}
