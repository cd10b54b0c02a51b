/**
Numbers the vertexes of a stage: `[build 2/5] RUN make`.
*/
export class StageNames {
	readonly #label: string;
	#total: number;
	#used = 0;

	/** `label` is empty for a stage that is alone; `total` is how many vertexes the stage is going to have, as far as known. */
	constructor(label: string, total: number) {
		this.#label = label;
		this.#total = total;
	}

	/** More vertexes will come. */
	expect(count: number): void {
		this.#total += count;
	}

	/** The name of the next vertex, which another one has as well. */
	peek(text: string): string {
		if (this.#total === 0) {
			return text;
		}

		const total = String(this.#total);
		return `[${this.#label === '' ? '' : `${this.#label} `}${String(this.#used + 1).padStart(total.length)}/${total}] ${text}`;
	}

	/** The name of the next vertex. */
	next(text: string): string {
		const name = this.peek(text);
		this.#used++;
		return name;
	}
}
