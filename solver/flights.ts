import type {CacheKey} from './vertex.ts';

/*
Equal vertexes execute once, also those of other jobs and of other processes: who executes what a key stands for has a flight under that key. Another job that needs the same waits for the end of the flight, and then looks for the result. If there is none, because the first has failed, was canceled or died, the next takes off itself.

A flight is held only while its vertex executes, with all its inputs at hand. So nobody who has one waits for another, and two jobs never wait for each other.
*/

/** The executions that are under way in all processes that share a cache. */
export type Flights = {
	/**
	Begins one; disposing ends it, and so does the death of the process.

	@returns `undefined` while another job has one under this key
	*/
	tryBegin(key: CacheKey): Disposable | undefined;
	/**
	Waits for the end of another's flight; it may have ended long ago.

	@throws the reason of `signal`
	*/
	waitForOther(key: CacheKey, options: {readonly signal: AbortSignal}): Promise<void>;
};
