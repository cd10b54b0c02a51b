import {DockerfileError} from './errors.ts';
import {quoteGoString} from './go-format.ts';
import {SubstitutionProblem} from './substitution-problem.ts';
import {WordExpander, type Expansion, type ExpandOptions} from './word-expander.ts';

/**
Replaces the variables of a word and resolves its quotes and escapes, as a shell does. `variables` holds values by name; a name that is missing is not set.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_EXPANSION` for a quote or substitution that does not end, an unknown modifier, a pattern that is none, and `${name:?message}`; `ERR_TSBUILD_DOCKERFILE_LIMIT` when the budget is spent
@see https://docs.docker.com/reference/dockerfile/#environment-replacement
*/
export function expandWord(word: string, variables: ReadonlyMap<string, string>, options: ExpandOptions): Expansion {
	const expander = new WordExpander(word, variables, options);
	try {
		return expander.run();
	} catch (error) {
		if (error instanceof SubstitutionProblem) {
			throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_EXPANSION', `failed to process ${quoteGoString(word)}: ${error.message}`);
		}

		throw error;
	}
}

/** Like `expandWord`, but a text that cannot be expanded has the words before the error, or none. */
export function splitWords(text: string, variables: ReadonlyMap<string, string>, options: ExpandOptions): readonly string[] {
	try {
		return expandWord(text, variables, options).words;
	} catch (error) {
		if (error instanceof DockerfileError && error.code === 'ERR_TSBUILD_DOCKERFILE_EXPANSION') {
			return [];
		}

		throw error;
	}
}
