import {digestOf, type Digest} from './digest.ts';
import {errorCode, errorMessage} from './errors.ts';
import type {ProgressSink} from './progress-event.ts';

/** Tells how far a part of the work is. */
export type ReportStatus = (status: {readonly id: string; readonly current?: number; readonly total?: number; readonly started?: number; readonly completed?: boolean}) => void;

/** What the events of such a part name it by. */
export function internalVertexDigest(name: string): Digest {
	return digestOf(`internal ${name}`);
}

/**
Shows a part of the build that is no step of the Dockerfile, such as `[internal] load .dockerignore`, as a vertex: begun, its statuses, ended or failed.

@returns what `work` returns; what it throws is thrown
*/
export async function withInternalVertex<Value>(progress: ProgressSink, name: string, work: (report: ReportStatus) => Promise<Value>): Promise<Value> {
	const vertex = {
		type: 'vertex', digest: internalVertexDigest(name), name, inputs: [], started: Date.now(),
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
