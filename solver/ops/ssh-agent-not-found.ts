import {TsbuildError} from '../../src/kernel/errors.ts';

/** A step or a repository needs an SSH agent that the user has not given: `ERR_TSBUILD_SSH_NOT_FOUND`. */
export function sshAgentNotFound(id: string): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_SSH_NOT_FOUND', `unset ssh forward key ${id}`, {hint: `Give an agent with --ssh ${id}, or keys with --ssh ${id}=FILE.`});
}
