import {checkStore} from '../../src/store-check/check-store.ts';

/** What is wrong with a store, each as one line; what dead sessions have left is swept first. */
export async function findStoreFaults(root: string): Promise<readonly string[]> {
	const {problems} = await checkStore(root, {shouldRepair: false, signal: new AbortController().signal});
	return problems.map(({subject, reason}) => `${subject}: ${reason}`);
}
