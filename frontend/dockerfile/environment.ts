/**
The variables of a stage, in the order in which they were set last: what a RUN gets as its environment.
*/
export class Environment {
	readonly #variables: Map<string, string>;

	constructor(variables: Iterable<readonly [string, string]> = []) {
		this.#variables = new Map(variables);
	}

	get variables(): ReadonlyMap<string, string> {
		return this.#variables;
	}

	/** Sets a variable; it moves to the end. */
	set(name: string, value: string): void {
		this.#variables.delete(name);
		this.#variables.set(name, value);
	}

	/** `NAME=value`, in order. */
	toStrings(): readonly string[] {
		return [...this.#variables].map(([name, value]) => `${name}=${value}`);
	}
}

/** The name and the value of `NAME=value`; a value that is missing is empty. */
export function splitVariable(text: string): readonly [string, string] {
	const separator = text.indexOf('=');
	return separator === -1 ? [text, ''] : [text.slice(0, separator), text.slice(separator + 1)];
}
