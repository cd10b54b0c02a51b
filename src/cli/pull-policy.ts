import type {PullPolicy} from '../image-resolver/image-resolver.ts';
import {parseGoBoolean} from '../kernel/go-boolean.ts';
import {UsageError} from './usage-error.ts';

const policies: readonly PullPolicy[] = ['always', 'missing', 'never'];

/**
What `--pull` asks for: a boolean as with buildx, or a policy by its name as with `docker run`.

@throws {UsageError}
*/
export function readPullPolicy(text: string | undefined): PullPolicy {
	const policy = policies.find(candidate => candidate === text);
	const isWanted = parseGoBoolean(text ?? 'false');
	if (policy === undefined && isWanted === undefined) {
		throw new UsageError(`invalid argument ${JSON.stringify(text)} for "--pull" flag: it is neither a boolean nor a policy`, {hint: `The policies are ${policies.join(', ')}.`});
	}

	return policy ?? (isWanted ? 'always' : 'missing');
}
