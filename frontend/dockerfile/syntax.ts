import {errorMessage} from '../../src/kernel/errors.ts';
import {parseReference, type Reference} from '../../src/kernel/reference.ts';
import {DockerfileError} from './errors.ts';
import {findFileDirective} from './file-directive.ts';
import type {DockerfileSource} from './scan.ts';
import {trimWhitespace} from './whitespace.ts';

type Frontend = {
	readonly name: string;
	/** Where the file names it. */
	readonly line?: number;
};

// BuildKit's own name of the frontend that it has built in.
const builtIn = 'dockerfile.v0';

// With its channels (`dockerfile-upstream`), from Docker Hub or a mirror.
const dockerfileRepository = /(?:^|\/)docker\/dockerfile(?:-[\w\-.]+)?$/v;

/**
Makes sure that a file is a Dockerfile, whose language is built in: without `# syntax=`, or with an image `docker/dockerfile` of any version and registry. The build argument `BUILDKIT_SYNTAX` counts instead of what the file says.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_VALUE` for what is no image reference; `ERR_TSBUILD_DOCKERFILE_UNSUPPORTED` for another frontend
@see https://docs.docker.com/build/buildkit/frontend/
*/
export function checkSyntax({file, content}: DockerfileSource, buildArgs: ReadonlyMap<string, string>): void {
	const frontend = chooseFrontend(content, buildArgs);
	if (frontend === undefined || frontend.name === builtIn) {
		return;
	}

	const {name, line} = frontend;
	const locations = line === undefined ? [] : [{file, startLine: line, endLine: line}];
	if (!dockerfileRepository.test(parseFrontend(name, locations).path)) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_UNSUPPORTED', `frontend ${name} cannot be loaded: only the language of docker/dockerfile is built in`, {
			hint: 'If the file is a Dockerfile, build it with --build-arg BUILDKIT_SYNTAX=docker/dockerfile:1.',
			locations,
		});
	}
}

function chooseFrontend(content: Uint8Array, buildArgs: ReadonlyMap<string, string>): Frontend | undefined {
	const argument = trimWhitespace(buildArgs.get('BUILDKIT_SYNTAX') ?? '');
	if (argument !== '') {
		return {name: firstWord(argument)};
	}

	const directive = findFileDirective(content, 'syntax') ?? findFileDirective(content, 'syntax', '//');
	return directive === undefined ? readJsonFrontend(content) : {name: firstWord(directive.value), line: directive.line};
}

/** What other frontends read may be JSON, with the frontend in it. */
function readJsonFrontend(content: Uint8Array): Frontend | undefined {
	const text = new TextDecoder().decode(content);
	if (!/^\s*\{/v.test(text)) {
		return undefined;
	}

	try {
		const {syntax} = JSON.parse(text) as {readonly syntax?: unknown};
		return typeof syntax === 'string' ? {name: syntax, line: 1} : undefined;
	} catch {
		return undefined;
	}
}

function firstWord(text: string): string {
	return text.split(' ', 1)[0]!;
}

function parseFrontend(name: string, locations: DockerfileError['locations']): Reference {
	try {
		return parseReference(name);
	} catch (error) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', `invalid context name ${name}: ${errorMessage(error).replace(/^.*": /v, '')}`, {cause: error, locations});
	}
}
