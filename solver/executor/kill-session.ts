import {prepareCgroups} from './cgroup-hierarchy.ts';
import {readChosenCgroups} from './cgroup-parent.ts';
import {sweepCgroups} from './open-cgroups.ts';

/**
Ends the containers of a session whose process is dead.

@param session its id, with which the names of its cgroups begin
@param directory that of the session, which says where its cgroups are
*/
export async function killSession(session: string, directory: string): Promise<void> {
	for (const cgroups of [await prepareCgroups(), await readChosenCgroups(directory)]) {
		await sweepCgroups(cgroups, name => name.startsWith(`${session}-`));
	}
}
