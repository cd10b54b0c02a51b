import type {ExecutionContext, MacroDeclarationOptions} from 'ava';
import {makeProject, type Project} from './project.ts';

/** One change of a project, and what the build after it has to say. */
export type Change = {
	/** What is changed, in a few words. */
	readonly what: string;
	readonly files?: Readonly<Record<string, string>>;
	/** For what writing files cannot do. */
	readonly change?: (project: Project) => Promise<void> | void;
	readonly flags?: readonly string[];
	readonly exitCode?: number;
	/** The lines below the title, without what stands before them: steps begin with `- `. Empty when nothing is executed. */
	readonly explained: readonly string[];
};

/** Builds a project after one change after the other, and compares each time what is executed, and why. */
export async function buildChanges(t: ExecutionContext, files: Readonly<Record<string, string>>, changes: readonly Change[]): Promise<void> {
	t.timeout(240_000);
	await using project = await makeProject(files);
	const first = await project.build();
	t.is(first.exitCode, 0, first.stderr);
	for (const {what, files: changed = {}, change, flags = [], exitCode = 0, explained} of changes) {
		await project.write(changed);
		await change?.(project);
		const build = await project.build('--explain', ...flags);
		t.is(build.exitCode, exitCode, build.stderr);
		t.deepEqual(readExplained(build.stderr), explained, what);
	}
}

/** `buildChanges` for `test.macro`; its titles go on with what is told. */
export const explaining: MacroDeclarationOptions<[files: Readonly<Record<string, string>>, changes: readonly Change[]]> = {
	exec: buildChanges,
	title: (title = '') => `--explain tells ${title}`,
};

/** What a build says after `--explain`, with `…` for the digits of digests. */
export function readExplained(stderr: string): readonly string[] {
	const section = /\n (?:No step was executed:.*|\d+ steps? (?:was|were) executed:)\n(?<lines>(?: {1,9}\S.*\n)*)/v.exec(stderr);
	if (section === null) {
		throw new Error(`nothing is explained:\n${stderr}`);
	}

	return section.groups!.lines!.replaceAll(/sha256:[\da-f]+/gv, 'sha256:…').split('\n').map(line => line.trim()).filter(line => line !== '');
}
