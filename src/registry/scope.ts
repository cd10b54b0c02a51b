import type {Repository} from './registry-client.ts';

/**
What a token lets its owner do, such as `repository:library/busybox:pull`.

@see https://distribution.github.io/distribution/spec/auth/scope/
*/
export type Scope = string;

/** To read from a repository. */
export function pullScope({path}: Pick<Repository, 'path'>): Scope {
	return `repository:${path}:pull`;
}

/** To read and write. */
export function pushScope({path}: Pick<Repository, 'path'>): Scope {
	return `repository:${path}:pull,push`;
}

/** The same rights with each resource once, in an order that depends on nothing else. */
export function mergeScopes(scopes: readonly Scope[]): readonly Scope[] {
	const actions = new Map<string, Set<string>>();
	for (const scope of scopes.join(' ').split(' ')) {
		if (scope === '') {
			continue;
		}

		const separator = scope.lastIndexOf(':');
		const resource = scope.slice(0, Math.max(separator, 0));
		const known = actions.get(resource) ?? new Set();
		const added = scope.slice(separator + 1).split(',');
		actions.set(resource, known.union(new Set(added)));
	}

	return [...actions].map(([resource, names]) => `${resource}:${[...names].toSorted().join(',')}`).toSorted();
}
