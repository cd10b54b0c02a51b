import {parseGoBoolean} from '../../../src/kernel/go-boolean.ts';
import {quoteGoString} from '../../../src/kernel/go-format.ts';
import {parseDirective} from '../directives.ts';
import {DockerfileError} from '../errors.ts';
import {findFileDirective} from '../file-directive.ts';
import {trimWhitespace} from '../whitespace.ts';

/** Names of rules, or all of them. */
export type RuleNames = ReadonlySet<string> | 'all';

/** Which rules hold, and whether what they find fails the build. */
export type CheckSettings = {
	readonly skipped: RuleNames;
	/** The experimental rules that hold as well. */
	readonly experimental: RuleNames;
	readonly isError: boolean;
};

// More of them are part of the last one.
const maximumOptions = 3;

const noRules: ReadonlySet<string> = new Set();

/**
The settings of a file: those of the build argument `BUILDKIT_DOCKERFILE_CHECK` if there is one, else those of its directive `# check=`.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_SYNTAX` for settings that cannot be read
@see https://docs.docker.com/reference/dockerfile/#check
*/
export function readCheckSettings(content: Uint8Array, buildArgs: ReadonlyMap<string, string>): CheckSettings {
	const [options = ''] = (findFileDirective(content, 'check')?.value ?? '').split(' ', 1);
	return readCheckArgument(buildArgs) ?? withContext('failed to parse check options', () => parseCheckSettings(options));
}

/**
The settings of the build argument alone, which are known before any file is read.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_SYNTAX` for settings that cannot be read
*/
export function readCheckArgument(buildArgs: ReadonlyMap<string, string>): CheckSettings | undefined {
	const argument = buildArgs.get('BUILDKIT_DOCKERFILE_CHECK');
	return argument === undefined ? undefined : withContext('failed to parse build-arg:BUILDKIT_DOCKERFILE_CHECK', () => parseCheckSettings(argument));
}

/**
The settings that the comments above an instruction make for it alone: those of the first `# check=` among them. One that cannot be read is an ordinary comment.
*/
export function settingsOfComments(comments: readonly string[]): CheckSettings | undefined {
	const directive = comments.map(comment => parseDirective(`#${comment}`)).find(found => found?.name === 'check');
	if (directive === undefined) {
		return undefined;
	}

	const [options = ''] = directive.value.split(' ', 1);
	try {
		return parseCheckSettings(options);
	} catch (error) {
		if (error instanceof DockerfileError) {
			return undefined;
		}

		throw error;
	}
}

/** `skip=A,B;error=true;experimental=all`. */
function parseCheckSettings(text: string): CheckSettings {
	let settings: CheckSettings = {skipped: noRules, experimental: noRules, isError: false};
	const trimmed = trimWhitespace(text);
	for (const option of trimmed === '' ? [] : splitOptions(trimmed)) {
		settings = {...settings, ...parseOption(option)};
	}

	return settings;
}

function splitOptions(text: string): readonly string[] {
	const options = text.split(';');
	return options.length <= maximumOptions ? options : [...options.slice(0, maximumOptions - 1), options.slice(maximumOptions - 1).join(';')];
}

function parseOption(option: string): Partial<CheckSettings> {
	const separator = option.indexOf('=');
	if (separator === -1) {
		throw invalid(`invalid check option ${quoteGoString(option)}`);
	}

	const key = trimWhitespace(option.slice(0, separator));
	const value = trimWhitespace(option.slice(separator + 1));
	switch (key) {
		case 'skip': {
			return {skipped: parseNames(value)};
		}

		case 'experimental': {
			return {experimental: parseNames(value)};
		}

		case 'error': {
			return {isError: parseBoolean(value, option)};
		}

		default: {
			throw invalid(`invalid check option ${quoteGoString(key)}`);
		}
	}
}

function parseNames(text: string): RuleNames {
	return text === 'all' ? 'all' : new Set(text.split(',').map(name => trimWhitespace(name)));
}

function parseBoolean(text: string, option: string): boolean {
	const value = parseGoBoolean(text);
	if (value === undefined) {
		throw invalid(`failed to parse check option ${quoteGoString(option)}: strconv.ParseBool: parsing ${quoteGoString(text)}: invalid syntax`);
	}

	return value;
}

function withContext<Result>(context: string, action: () => Result): Result {
	try {
		return action();
	} catch (error) {
		throw error instanceof DockerfileError ? invalid(`${context}: ${error.message}`) : error;
	}
}

function invalid(message: string): DockerfileError {
	return new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', message);
}
