import {digestOf, type Digest} from './digest.ts';
import {errorCode, errorMessage} from './errors.ts';
import type {ProgressSink} from './progress-event.ts';

/** Tells how far a part of the work is. */
export type ReportStatus = (status: {readonly id: string; readonly current?: number; readonly total?: number; readonly started?: number; readonly completed?: boolean}) => void;

/** The name of a part that there is once, or a name with what tells its parts apart. */
export type InternalVertex = string | {readonly name: string; readonly key: string};

/** What the events of such a part name it by. */
export function internalVertexDigest(vertex: InternalVertex): Digest {
	return digestOf(typeof vertex === 'string' ? `internal ${vertex}` : `internal ${vertex.name} ${vertex.key}`);
}

/**
Shows a part of the build that is no step of the Dockerfile, such as `[internal] load .dockerignore`, as a vertex: begun, its statuses, ended or failed.

@returns what `work` returns; what it throws is thrown
*/
export async function withInternalVertex<Value>(progress: ProgressSink, part: InternalVertex, work: (report: ReportStatus) => Promise<Value>): Promise<Value> {
	const name = typeof part === 'string' ? part : part.name;
	const vertex = {
		type: 'vertex', digest: internalVertexDigest(part), name, inputs: [], started: Date.now(),
	} as const;
	progress(vertex);
	try {
		const value = await work(({id, current = 0, total = 0, started, completed = false}) => {
			const timestamp = Date.now();
			progress({
				type: 'status', vertex: vertex.digest, id, current, total, timestamp, ...(started !== undefined && {started}), ...(completed && {completed: timestamp}),
			});
		});
		progress({...vertex, completed: Date.now()});
		return value;
	} catch (error) {
		// Another part has failed, and this one was ended.
		const outcome = errorCode(error) === 'ERR_TSBUILD_CANCELED' ? {canceled: true} : {error: errorMessage(error)};
		progress({...vertex, completed: Date.now(), ...outcome});
		throw error;
	}
}
