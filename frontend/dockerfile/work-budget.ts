import {DockerfileError} from './errors.ts';

// Characters. A thousand times what real Dockerfiles need; the work of it takes a part of a second.
const defaultLimit = 16 * 1024 * 1024;

/**
Bounds what a small Dockerfile can make of itself: `ENV A=$A$A$A` on thirty lines would otherwise fill any memory.

Whoever makes text of a Dockerfile's variables spends its length here.
*/
export class WorkBudget {
	#left: number;

	constructor(limit = defaultLimit) {
		this.#left = limit;
	}

	/**
	Takes the characters that are read or made off what is left.

	@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_LIMIT` when nothing is left
	*/
	spend(characters: number): void {
		this.#left -= characters;
		if (this.#left < 0) {
			throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_LIMIT', 'failed to expand the variables of the Dockerfile: the text becomes too long', {
				hint: 'A variable that holds itself several times grows with every line.',
			});
		}
	}
}
