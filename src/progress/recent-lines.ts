// Of the output of a step that runs at least this much is kept, in UTF-16 units: as much as BuildKit shows of a step at all.
const keptSize = 2 ** 21;

/** The last lines of a step's output: all of them, until they are too many to be kept. */
export class RecentLines {
	#older: readonly string[] = [];
	#newer: string[] = [];
	#newerSize = 0;
	/** How many lines were not kept. */
	dropped = 0;

	add(lines: readonly string[]): void {
		for (const line of lines) {
			this.#newer.push(line);
			this.#newerSize += line.length + 1;
			if (this.#newerSize <= keptSize) {
				continue;
			}

			this.dropped += this.#older.length;
			this.#older = this.#newer;
			this.#newer = [];
			this.#newerSize = 0;
		}
	}

	/** The last lines, at most so many. */
	last(count: number): readonly string[] {
		const newer = this.#newer.slice(-count);
		return newer.length === count ? newer : [...this.#older.slice(newer.length - count), ...newer];
	}

	/** All lines that were kept. */
	all(): readonly string[] {
		return [...this.#older, ...this.#newer];
	}

	clear(): void {
		this.#older = [];
		this.#newer = [];
		this.#newerSize = 0;
		this.dropped = 0;
	}
}
