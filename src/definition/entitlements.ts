import {TsbuildError} from '../kernel/errors.ts';
import type {Definition} from './definition.ts';
import type {Operation} from './operations.ts';

/** A right that a Dockerfile does not have by itself: only the user gives it, by `--allow`. */
export type Entitlement = typeof entitlements[number];

/**
All entitlements: the host's network, and a RUN without any of the walls of a container.

@see https://docs.docker.com/reference/cli/docker/buildx/build/#allow
*/
export const entitlements = ['network.host', 'security.insecure'] as const;

/**
Refuses a definition that needs more than it was granted, before anything of it runs.

@throws {TsbuildError} `ERR_TSBUILD_ENTITLEMENT`
@see https://github.com/moby/buildkit/blob/v0.32.2/solver/llbsolver/vertex.go (ValidateEntitlements)
*/
export function requireEntitlements({vertexes}: Definition, granted: ReadonlySet<Entitlement>): void {
	const missing = vertexes.values().flatMap(({operation}) => neededBy(operation)).find(entitlement => !granted.has(entitlement));
	if (missing !== undefined) {
		throw new TsbuildError('ERR_TSBUILD_ENTITLEMENT', `failed to load LLB: ${missing} is not allowed`, {
			hint: `A step of the Dockerfile asks for it. If you trust that step, build with --allow ${missing}.`,
		});
	}
}

function neededBy(operation: Operation): readonly Entitlement[] {
	if (operation.kind !== 'exec') {
		return [];
	}

	const {network, security} = operation;
	return [...(network === 'host' ? ['network.host' as const] : []), ...(security === 'insecure' ? ['security.insecure' as const] : [])];
}
