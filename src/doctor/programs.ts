import {findHostProgram} from '../linux/host-program.ts';
import type {Finding, Patient} from './finding.ts';

// Programs of the machine that some Dockerfiles need, and what for.
const programs = [
	{name: 'git', purpose: 'contexts and ADD from git repositories'},
	{name: 'ssh', purpose: 'git repositories over SSH'},
	{name: 'bzip2', purpose: 'ADD of archives that end with .bz2'},
	{name: 'xz', purpose: 'ADD of archives that end with .xz'},
] as const;

/** The programs of other people that tsbuild starts. */
export async function examinePrograms({environment}: Patient): Promise<readonly Finding[]> {
	const isMissing = ({name}: {readonly name: string}) => findHostProgram(name, environment.PATH) === undefined;
	const missing = programs.filter(program => isMissing(program));
	const present = programs.filter(program => !isMissing(program));
	const topic = 'programs';
	return [missing.length === 0
		? {status: 'ok', topic, summary: present.map(({name}) => name).join(', ')}
		: {
			status: 'warning',
			topic,
			summary: `${missing.map(({name}) => name).join(', ')} not found`,
			advice: `Install what you need: ${missing.map(({name, purpose}) => `${name} for ${purpose}`).join('; ')}.`,
		}];
}
