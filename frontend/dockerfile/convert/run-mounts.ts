import {posix} from 'node:path';
import type {ExecMount, SshMount} from '../../../src/definition/operations.ts';
import type {Digest} from '../../../src/kernel/digest.ts';
import {quoteGoString} from '../../../src/kernel/go-format.ts';
import {DockerfileError} from '../errors.ts';
import {cleanPath, resolveWritten} from '../paths.ts';
import {readMount, type RunMount} from '../read-mount.ts';
import type {StageSource} from '../stage-sources.ts';
import type {Inputs} from './inputs.ts';
import type {StageBuilder} from './stage-builder.ts';

/** What mounts refer to. */
export type MountSources = {
	/** By the names in the mounts. */
	readonly sources: ReadonlyMap<string, StageSource>;
	/** Of the vertex; gets the inputs that the mounts show. */
	readonly inputs: Inputs;
};

// BuildKit's defaults: https://docs.docker.com/reference/dockerfile/#run---mounttypesecret
const secretDirectory = '/run/secrets';
const defaultSecretMode = 0o400;

// https://docs.docker.com/reference/dockerfile/#run---mounttypessh
const agentSocket = '/run/buildkit/ssh_agent';
const defaultSocketMode = 0o600;

// Where BuildKit makes the first directory of a cache with an owner or a mode, which is not seen by anybody.
const cacheDirectory = '/cache';
const defaultCacheMode = 0o755;

/**
The mounts of a RUN, from the values of its `--mount` flags, in the order in which BuildKit has them: in whichever they are written, the step is the same.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_SYNTAX` and `ERR_TSBUILD_DOCKERFILE_VALUE` for what cannot be mounted
@see https://docs.docker.com/reference/dockerfile/#run---mount
@see https://github.com/moby/buildkit/blob/v0.32.2/client/llb/exec.go (Marshal)
*/
export function convertMounts(texts: readonly string[], stage: StageBuilder, context: MountSources): readonly ExecMount[] {
	const mounts = texts.map(text => readMount(text, value => stage.expand(value)));
	const sshMounts = mounts.filter(({type}) => type === 'ssh');
	const directories = mounts
		.filter(({type}) => type !== 'secret' && type !== 'ssh')
		.map(mount => ({mount, target: targetOf(mount, stage)}))
		.toSorted((left, right) => compare(left.target, right.target))
		.map(({mount}) => mount);
	const secrets = mounts.filter(({type}) => type === 'secret');
	return [...directories, ...secrets, ...sshMounts].map(mount => convertMount(mount, stage, {...context, sshMounts}));
}

/** The variable that leads programs to the first agent among the mounts of a RUN, unless it is set already. */
export function agentVariables(mounts: readonly ExecMount[], {environment}: StageBuilder): readonly string[] {
	const first = mounts.find(mount => mount.type === 'ssh');
	return first === undefined || environment.variables.has('SSH_AUTH_SOCK') ? [] : [`SSH_AUTH_SOCK=${first.target}`];
}

function convertMount(mount: RunMount, stage: StageBuilder, context: MountSources & {readonly sshMounts: readonly RunMount[]}): ExecMount {
	switch (mount.type) {
		case 'bind': {
			return {
				type: 'bind',
				input: context.inputs.add(bindSource(mount, stage, context)),
				source: posix.join('/', mount.source ?? ''),
				target: targetOf(mount, stage),
				readOnly: mount.isReadOnly,
			};
		}

		case 'cache': {
			return convertCacheMount(mount, stage, context);
		}

		case 'tmpfs': {
			const {size = 0} = mount;
			return {type: 'tmpfs', target: targetOf(mount, stage), ...(size > 0 && {size})};
		}

		case 'secret': {
			return convertSecretMount(mount, stage);
		}

		case 'ssh': {
			return convertSshMount(mount, stage, context.sshMounts.indexOf(mount));
		}
	}
}

function bindSource({from}: RunMount, {conversion}: StageBuilder, {sources}: MountSources): Digest | null {
	return from === undefined || from === '' ? conversion.buildContext() : conversion.rootOf(sources.get(from)!);
}

function convertCacheMount(mount: RunMount, stage: StageBuilder, {sources, inputs}: MountSources): ExecMount {
	const {id = '', sharing = 'shared', from = '', isReadOnly} = mount;
	const source = posix.join('/', mount.source ?? '');
	const first = from === '' ? null : stage.conversion.rootOf(sources.get(from)!);
	const hasOwner = source === '/' && [mount.uid, mount.gid, mount.mode].some(value => value !== undefined);
	const target = targetOf(mount, stage);
	const content = hasOwner ? addCacheDirectory(mount, stage) : first;
	return {
		type: 'cache',
		id: posix.join(stage.conversion.buildArgs.get('BUILDKIT_CACHE_MOUNT_NS') ?? '', '/', id === '' ? cleanPath(mount.target ?? '') : id),
		sharing,
		input: inputs.add(content),
		content,
		source: hasOwner ? cacheDirectory : source,
		target,
		readOnly: isReadOnly,
	};
}

function addCacheDirectory({mode = defaultCacheMode, uid = 0, gid = 0}: RunMount, {conversion, platform}: StageBuilder): Digest {
	return conversion.definition.add(
		{
			kind: 'file', root: null, actions: [{
				action: 'make-directory', path: cacheDirectory, mode, owner: `${uid}:${gid}`,
			}], platform,
		},
		[],
		{name: '[internal] setting cache mount permissions', locations: [], ignoreCache: false},
	);
}

/** `index` counts the SSH mounts of the RUN. */
function convertSshMount(mount: RunMount, stage: StageBuilder, index: number): SshMount {
	const {
		source = '',
		target = '',
		isRequired = false,
		mode = defaultSocketMode,
		uid = 0,
		gid = 0,
	} = mount;
	if (source !== '') {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', 'ssh does not support source');
	}

	const id = firstOf(mount.id, 'default');
	stage.addUserMount({type: 'ssh', name: id, isRequired});
	const place = target === '' ? `${agentSocket}.${index}` : target;
	return {
		type: 'ssh', id, target: cleanPath(resolveWritten(stage.workingDirectory, place)), isRequired, mode, uid, gid,
	};
}

function convertSecretMount(mount: RunMount, stage: StageBuilder): ExecMount {
	const {
		target = '',
		environmentName,
		isRequired = false,
		mode = defaultSecretMode,
		uid = 0,
		gid = 0,
	} = mount;
	const id = firstOf(mount.source, mount.id, posix.basename(target));
	stage.addUserMount({type: 'secret', name: id, isRequired});
	const file = target === '' && environmentName === undefined ? `${secretDirectory}/${posix.basename(id)}` : target;
	return {
		type: 'secret',
		id,
		...(file !== '' && {target: cleanPath(resolveWritten(stage.workingDirectory, file))}),
		...(environmentName !== undefined && {environmentName}),
		isRequired,
		mode,
		uid,
		gid,
	};
}

function compare(left: string, right: string): number {
	return left < right ? -1 : Number(left > right);
}

function firstOf(...values: ReadonlyArray<string | undefined>): string {
	return values.find(value => value !== undefined && value !== '') ?? '';
}

function targetOf({target = ''}: RunMount, {workingDirectory}: StageBuilder): string {
	const path = cleanPath(resolveWritten(workingDirectory, target));
	if (path === '/') {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', `invalid mount target ${quoteGoString(path)}`);
	}

	return path;
}
