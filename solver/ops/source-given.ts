import {canonicalDigest} from '../../src/kernel/canonical-json.ts';
import type {SourceGivenOperation} from '../../src/definition/operations.ts';
import type {Op} from '../vertex.ts';
import type {BuildResult} from './build-result.ts';

/** The operation of files that are there already. The result is never cached; what is taken of it is known by its content. */
export function createSourceGivenOp({kind, name}: SourceGivenOperation, result: BuildResult): Op<BuildResult> {
	return {
		async cacheMap() {
			return {digest: canonicalDigest({kind, name}), inputs: [], uncacheable: true};
		},
		execute: async () => result,
	};
}
