import {quoteGoString} from '../../src/kernel/go-format.ts';
import {DockerfileError} from './errors.ts';
import {SubstitutionProblem} from './substitution-problem.ts';
import {WordExpander, type Expansion, type ExpandOptions} from './word-expander.ts';
import {WordList} from './word-list.ts';

type Variables = ReadonlyMap<string, string>;

/**
Replaces the variables of a word and resolves its quotes and escapes, as a shell does. `variables` holds values by name; a name that is missing is not set.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_EXPANSION` for a quote or substitution that does not end, an unknown modifier, a pattern that is none, and `${name:?message}`; `ERR_TSBUILD_DOCKERFILE_LIMIT` when the budget is spent
@see https://docs.docker.com/reference/dockerfile/#environment-replacement
*/
export function expandWord(word: string, variables: Variables, options: ExpandOptions): Expansion {
	return runExpander(word, () => new WordExpander(word, variables, options).run());
}

/**
Like `expandWord`, but splits the result at white space outside of quotes. Values of variables are split too.

@throws {DockerfileError} as `expandWord`
*/
export function expandToWords(text: string, variables: Variables, options: ExpandOptions): readonly string[] {
	const words = new WordList();
	runExpander(text, () => new WordExpander(text, variables, options).run(words));
	return words.finish();
}

function runExpander(word: string, run: () => Expansion): Expansion {
	try {
		return run();
	} catch (error) {
		if (error instanceof SubstitutionProblem) {
			throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_EXPANSION', `failed to process ${quoteGoString(word)}: ${error.message}`);
		}

		throw error;
	}
}
