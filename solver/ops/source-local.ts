import {canonicalDigest} from '../../src/kernel/canonical-json.ts';
import type {SourceLocalOperation} from '../../src/definition/operations.ts';
import type {Op} from '../vertex.ts';
import type {BuildResult, DirectoryResult} from './build-result.ts';

/**
The operation of the build context and of other directories of the client: they are read in place. The result is never cached; what is taken of it is known by its content.
*/
export function createSourceLocalOp({kind, name}: SourceLocalOperation, directory: DirectoryResult): Op<BuildResult> {
	return {
		async cacheMap() {
			return {digest: canonicalDigest({kind, name}), inputs: [], uncacheable: true};
		},
		async execute() {
			return directory;
		},
	};
}
