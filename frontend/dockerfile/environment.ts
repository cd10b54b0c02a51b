/**
The variables of a stage, in the order in which they were set last: what a RUN gets as its environment.
*/
export class Environment {
	readonly #variables: Map<string, string>;
	#size = 0;

	constructor(variables: Iterable<readonly [string, string]>) {
		this.#variables = new Map(variables);
		for (const [name, value] of this.#variables) {
			this.#size += name.length + value.length;
		}
	}

	get variables(): ReadonlyMap<string, string> {
		return this.#variables;
	}

	/** Characters. */
	get size(): number {
		return this.#size;
	}

	/** Sets a variable; it moves to the end. */
	set(name: string, value: string): void {
		const previous = this.#variables.get(name);
		this.#size += value.length + (previous === undefined ? name.length : -previous.length);
		this.#variables.delete(name);
		this.#variables.set(name, value);
	}

	/** `NAME=value`, in order. */
	toStrings(): readonly string[] {
		return [...this.#variables].map(([name, value]) => `${name}=${value}`);
	}

	/** An environment that begins with the same variables. */
	fork(): Environment {
		return new Environment(this.#variables);
	}
}

/** The name and the value of `NAME=value`; a value that is missing is empty. */
export function splitVariable(text: string): readonly [string, string] {
	const separator = text.indexOf('=');
	return separator === -1 ? [text, ''] : [text.slice(0, separator), text.slice(separator + 1)];
}
