// What the terminal display may use, and nothing else.
const functions = /\p{Control}(?:\[(?<parameters>[\d;?]*)(?<name>[A-Za-z]))?|\P{Control}+/gv;

/**
What a terminal shows of the text written to it. It knows the control functions that the terminal display uses, and throws at others.
*/
export class TerminalScreen {
	readonly #columns: number;
	readonly #rows: number;
	readonly #lines: string[] = [''];
	#row = 0;
	#column = 0;
	isCursorVisible = true;

	readonly write = (text: string): void => {
		for (const match of text.matchAll(functions)) {
			const {parameters = '', name} = match.groups!;
			if (name !== undefined) {
				this.#control(name, parameters);
			} else if (match[0] === '\n') {
				this.#moveTo(this.#row + 1);
				this.#column = 0;
			} else if (match[0] === '\r') {
				this.#column = 0;
			} else {
				this.#print(match[0]);
			}
		}
	};

	constructor({columns, rows}: {readonly columns: number; readonly rows: number}) {
		this.#columns = columns;
		this.#rows = rows;
	}

	#control(name: string, parameters: string): void {
		switch (`${parameters.startsWith('?') ? parameters : ''}${name}`) {
			case 'm': {
				break;
			}

			case 'A': {
				// The cursor stops at the top of what is in view.
				this.#row = Math.max(this.#row - Number(parameters), this.#lines.length - this.#rows, 0);
				break;
			}

			case 'K': {
				this.#lines[this.#row] = this.#lines[this.#row]!.slice(0, this.#column);
				break;
			}

			case 'J': {
				this.#lines[this.#row] = this.#lines[this.#row]!.slice(0, this.#column);
				this.#lines.fill('', this.#row + 1);
				break;
			}

			case '?25l': {
				this.isCursorVisible = false;
				break;
			}

			case '?25h': {
				this.isCursorVisible = true;
				break;
			}

			default: {
				throw new TypeError(`the terminal display used the control function ${parameters}${name}`);
			}
		}
	}

	#print(text: string): void {
		for (const character of text) {
			if (this.#column === this.#columns) {
				this.#moveTo(this.#row + 1);
				this.#column = 0;
			}

			const line = this.#lines[this.#row]!.padEnd(this.#column);
			this.#lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + character.length);
			this.#column += character.length;
		}
	}

	#moveTo(row: number): void {
		this.#row = row;
		if (row === this.#lines.length) {
			this.#lines.push('');
		}
	}

	/** All lines, also those that scrolled away, without spaces at their ends and empty lines at the end. */
	get text(): string {
		return this.#lines.map(line => line.trimEnd()).join('\n').trimEnd();
	}
}
