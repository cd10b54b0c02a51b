import {prepareCgroups} from './cgroup-hierarchy.ts';
import {sweepCgroups} from './open-cgroups.ts';

/** Ends the containers of a session whose process is dead. */
export async function killSession(session: string): Promise<void> {
	await sweepCgroups(await prepareCgroups(), name => name.startsWith(`${session}-`));
}
