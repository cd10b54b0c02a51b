import type {Digest} from '../src/kernel/digest.ts';

type WithInputs<Vertex> = {readonly digest: Digest; readonly inputs: readonly Vertex[]};

/**
The vertexes that `targets` stand on, and the targets themselves, each once and after its inputs.

Without recursion, so that a long chain does not overflow the stack.

@param targets - where to begin
@param visited - digests that are left out, with all that is below them; what is yielded is added
@yields the vertexes
*/
export function * inputsFirst<Vertex extends WithInputs<Vertex>>(targets: readonly Vertex[], visited = new Set<Digest>()): Generator<Vertex, void> {
	const path: Array<{readonly vertex: Vertex; next: number}> = [];
	const enter = (vertex: Vertex) => {
		if (visited.has(vertex.digest)) {
			return;
		}

		visited.add(vertex.digest);
		path.push({vertex, next: 0});
	};

	for (const target of targets) {
		enter(target);
		for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
			const input = top.vertex.inputs[top.next++];
			if (input === undefined) {
				path.pop();
				yield top.vertex;
			} else {
				enter(input);
			}
		}
	}
}
