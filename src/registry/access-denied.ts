import {prefixed, RegistryError} from './registry-error.ts';

/** The words of containerd for a token that does not allow to read. */
export function explainPull(error: unknown): unknown {
	return explain('pull', error);
}

/** The words of containerd for a token that does not allow to write. */
export function explainPush(error: unknown): unknown {
	return explain('push', error);
}

// Not for a status of 403, as in containerd: there, a token without the right is its ErrInvalidAuthorization.
// https://github.com/containerd/containerd/blob/v2.1.0/core/remotes/docker/pusher.go
function explain(action: 'pull' | 'push', error: unknown): unknown {
	return error instanceof RegistryError && error.code === 'ERR_TSBUILD_REGISTRY_DENIED' && error.status === 401
		? prefixed(`${action} access denied, repository does not exist or may require authorization`, error)
		: error;
}
