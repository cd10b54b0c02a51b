import {errorMessage} from '../../src/kernel/errors.ts';
import {
	familiarReference,
	formatReference,
	parseReference,
	type Reference,
} from '../../src/kernel/reference.ts';
import {quoteGoString} from '../../src/kernel/go-format.ts';
import {DockerfileError} from './errors.ts';

/** The name under which a file system without any file is always found. */
export const scratchName = 'scratch';

/**
The full reference of the image that a FROM or `--from` names.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_VALUE`
*/
export function parseBaseName(name: string): string {
	return formatReference(parseName(name));
}

/**
The form in which named contexts are compared: as short as possible.

@returns the name itself when it is no image reference
*/
export function contextName(name: string): string {
	try {
		return familiarReference(parseName(name)).replace(/:latest$/v, '');
	} catch {
		return name;
	}
}

function parseName(name: string): Reference {
	try {
		return parseReference(name);
	} catch (error) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', `failed to parse stage name ${quoteGoString(name)}: ${explainName(name) ?? errorMessage(error)}`, {cause: error});
	}
}

/** Why a name is no reference, in the words of Docker; `undefined` when the reason is none of these. */
function explainName(name: string): string {
	const slash = name.indexOf('/');
	const first = name.slice(0, Math.max(slash, 0));
	const isDomain = slash > 0 && (/[.:]/v.test(first) || first === 'localhost' || first !== first.toLowerCase());
	const [path = ''] = (isDomain ? name.slice(slash + 1) : name).split(':', 1);
	return path === path.toLowerCase() ? 'invalid reference format' : `invalid reference format: repository name (${isDomain || slash > 0 ? path : `library/${path}`}) must be lowercase`;
}
