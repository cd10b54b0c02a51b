import type {DefinitionBuilder} from '../../../src/definition/definition.ts';
import type {Digest} from '../../../src/kernel/digest.ts';
import type {Platform} from '../../../src/kernel/platform.ts';
import {cleanPath} from '../paths.ts';

/** A file whose content stands in the Dockerfile. */
export type InlineDocument = {
	readonly name: string;
	readonly content: string;
	readonly mode: number;
	readonly platform: Platform;
};

/** Adds a vertex whose file system holds one file. */
export function addInlineDocument({name, content, mode, platform}: InlineDocument, definition: DefinitionBuilder): Digest {
	return definition.add(
		{
			kind: 'file', root: null, actions: [{
				action: 'make-file', path: cleanPath(name), content, mode,
			}], platform,
		},
		[],
		{name: '[internal] preparing inline document', locations: [], ignoreCache: false},
	);
}
