import type {Digest} from '../kernel/digest.ts';
import type {Repository, RequestOptions} from './registry-client.ts';
import type {RegistryConnection} from './registry-connection.ts';
import {explainPush} from './access-denied.ts';
import {askByHead} from './refused-head.ts';
import {RegistryError} from './registry-error.ts';
import {pushScope} from './scope.ts';
import {cancelSession, openSession} from './upload-session.ts';

/** See `RegistryClient.hasBlob`. */
export async function findBlob(connection: RegistryConnection, {repository, digest, signal}: RequestOptions & {readonly repository: Repository; readonly digest: Digest}): Promise<boolean> {
	try {
		const response = await askByHead(async method => connection.ask({
			method,
			target: `/v2/${repository.path}/blobs/${digest}`,
			scopes: [pushScope(repository)],
			expect: [200, 404],
			signal,
		}));
		await response[Symbol.asyncDispose]();
		return response.status === 200;
	} catch (error) {
		throw explainPush(error);
	}
}

// What registries answer that do not mount, or not from there.
const noMountStatuses: ReadonlySet<number | undefined> = new Set([400, 401, 403, 404, 405]);

type MountBlobOptions = RequestOptions & {
	readonly repository: Repository;
	readonly digest: Digest;
	readonly from: Repository;
};

/** See `RegistryClient.mountBlob`. */
export async function mountBlob(connection: RegistryConnection, {repository, digest, from, signal}: MountBlobOptions): Promise<boolean> {
	try {
		const session = await openSession(connection, {repository, mount: {digest, from}, signal});
		if (session !== undefined) {
			await cancelSession(connection, {location: session.location, repository, signal});
		}

		return session === undefined;
	} catch (error) {
		if (error instanceof RegistryError && noMountStatuses.has(error.status)) {
			return false;
		}

		throw error;
	}
}
