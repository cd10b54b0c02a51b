import {execFileSync} from 'node:child_process';
import path from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import type {TestFn} from 'ava';
import {checkStore, type CheckReport} from '../../src/store-check/check-store.ts';
import {makeProject, type Project} from './project.ts';
import {makeTemporaryDirectory} from './temporary-directory.ts';
import {tsbuild} from './tsbuild.ts';

/*
Snapshots of the store: 1 base, 2 `RUN echo tools`, then in any order what the second stage adds. `dockerfile` is made so that RUN, COPY, cache mounts and packed snapshots are in it.
*/
const dockerfile = `FROM base AS tools
RUN echo tools > /tools
FROM base
COPY a /a
RUN --mount=type=cache,target=/cache echo x > /cache/x; echo run > /run
COPY --from=tools /tools /tools
`;

/** A copy of a store that a build has made, to be damaged. */
export type DamagedStore = {
	readonly root: string;
	query(sql: string): ReadonlyArray<Record<string, unknown>>;
};

/** A damage, and what is found of it. */
export type DamageCase = {
	readonly damage: (store: DamagedStore) => void;
	/** What is found, as `subject: remedy`; `*` stands for any text. */
	readonly finds: readonly string[];
};

/** Checks a store, and repairs it if that is asked for. */
export async function check(root: string, shouldRepair = false): Promise<CheckReport> {
	return checkStore(root, {shouldRepair, signal: new AbortController().signal});
}

/** What a check has found, as `subject: remedy`. */
export function summarize({problems}: CheckReport): readonly string[] {
	return problems.map(({subject, remedy}) => `${subject}: ${remedy.kind}`);
}

function matches(found: readonly string[], wanted: readonly string[]): boolean {
	return found.length === wanted.length && wanted.every((pattern, place) => path.matchesGlob(found[place]!.replaceAll('/', '|'), pattern.replaceAll('/', '|')));
}

/**
Makes stores for a test file that damages them; it is called once.

`copyStore` copies the store that a build has made; `finds` is a macro: damages such a copy, checks and repairs it, and builds in it.
*/
export function prepareDamage(test: TestFn) {
	let project: Project;
	let template: string;

	test.before(async () => {
		project = await makeProject({Dockerfile: dockerfile, a: 'x'});
		const built = await project.build('-t', 'app:1');
		if (built.exitCode !== 0) {
			throw new Error(built.stderr);
		}

		template = project.root;
	});

	test.after.always(async () => {
		await project[Symbol.asyncDispose]();
	});

	function copyStore(root: string): DamagedStore {
		execFileSync('cp', ['-a', template, root]);
		return {
			root,
			query(sql) {
				using database = new DatabaseSync(path.join(root, 'metadata.db'), {enableForeignKeyConstraints: false});
				return database.prepare(sql).all();
			},
		};
	}

	const finds = test.macro({
		async exec(t, {damage, finds: wanted}: DamageCase) {
			await using directory = await makeTemporaryDirectory();
			const store = copyStore(path.join(directory.path, 'store'));
			damage(store);
			const found = summarize(await check(store.root));
			t.true(matches(found, wanted), JSON.stringify(found, undefined, 2));

			const {problems} = await check(store.root, true);
			t.deepEqual(problems.filter(({outcome}) => outcome?.isRepaired !== true), []);
			t.deepEqual(summarize(await check(store.root)), []);
			const again = await tsbuild(['build', '--root', store.root, '--progress', 'plain', '--build-context', `base=oci-layout://${project.base}`, '-t', 'app:1', '-o', `type=local,dest=${directory.path}/files`, project.context], {root: store.root});
			t.is(again.exitCode, 0, again.stderr);
			t.is(execFileSync('cat', ['a', 'run', 'tools'], {cwd: path.join(directory.path, 'files'), encoding: 'utf8'}), 'xrun\ntools\n');
			t.deepEqual(summarize(await check(store.root)), []);
		},
		title: title => `${title!} is found and repaired, and the next build is right`,
	});

	return {copyStore, finds};
}
