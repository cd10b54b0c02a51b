import {DockerfileError} from './errors.ts';

const highestMode = 0o7777;

/**
Checks the value of `--chmod`.

@returns octal digits such as `0755`, or the symbolic form as it is
@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_VALUE`
@see https://docs.docker.com/reference/dockerfile/#copy---chown---chmod
*/
export function readFileMode(text: string): string {
	if (/^\d/v.test(text)) {
		return readOctalMode(text);
	}

	if (!/^[agou]*(?:[+\-=](?:[gou]|[Xrstwx]*))+(?:,[agou]*(?:[+\-=](?:[gou]|[Xrstwx]*))+)*$/v.test(text)) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', 'invalid syntax', {hint: `--chmod=${text} is neither octal nor symbolic such as u=rwX,go=rX.`});
	}

	return text;
}

function readOctalMode(text: string): string {
	const mode = /^[0-7]+$/v.test(text) ? Number.parseInt(text, 8) : NaN;
	if (!(mode <= highestMode)) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', `invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777`);
	}

	return mode.toString(8).padStart(4, '0');
}
