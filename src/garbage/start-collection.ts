import {spawn} from 'node:child_process';
import process from 'node:process';
import {isCollectionDue} from './collection-turn.ts';
import {isCollectionWanted} from './gc-settings.ts';

/**
Collects garbage in a process of its own, which nobody waits for, if it is time for it. Where no process can be started, the next build tries again.
*/
export function startCollection(root: string, environment: Readonly<Record<string, string | undefined>>): void {
	const [, program] = process.argv;
	if (program === undefined || !isCollectionWanted(environment) || !isCollectionDue(root, Date.now())) {
		return;
	}

	const child = spawn(process.execPath, [...process.execArgv, program, 'store', 'gc', '--root', root], {
		cwd: '/', detached: true, stdio: 'ignore', env: environment,
	});
	child.on('error', () => undefined);
	child.unref();
}
