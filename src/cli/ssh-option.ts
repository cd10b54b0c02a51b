import type {BuildOptions} from '../build/build-options.ts';
import {isSshRemote} from '../kernel/git-reference.ts';
import type {SshSource} from '../ssh/ssh-agents.ts';
import type {Environment} from './command.ts';

/** What decides which agents a build has. */
export type SshOptions = {
	/** The values of `--ssh`: `ID`, `ID=SOCKET` or `ID=KEY,KEY`. */
	readonly ssh: readonly string[];
	readonly context: BuildOptions['context'];
	readonly environment: Environment;
};

const defaultId = 'default';

/**
The SSH agents of a build, by their ids: those of `--ssh`. A context that is fetched by SSH has that of the user unasked, as with buildx.

@throws {TsbuildError} as `openSshAgents`
@see https://docs.docker.com/reference/cli/docker/buildx/build/#ssh
*/
export async function readSshAgents({ssh, context, environment}: SshOptions): Promise<BuildOptions['sshAgents']> {
	const isFetchedBySsh = context.type === 'git' && isSshRemote(context.reference.remote);
	const texts = isFetchedBySsh && ssh.length === 0 ? [defaultId] : ssh;
	if (texts.length === 0) {
		return new Map();
	}

	const {openSshAgents} = await import('../ssh/ssh-agents.ts');
	return openSshAgents(texts.map(text => readSource(text)), environment.SSH_AUTH_SOCK);
}

function readSource(text: string): SshSource {
	const equals = text.indexOf('=');
	const id = equals === -1 ? text : text.slice(0, equals);
	return {id: id === '' ? defaultId : id, paths: equals === -1 ? [] : text.slice(equals + 1).split(',')};
}
