import {writeFileSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import fastCheck, {type AsyncCommand} from 'fast-check';
import test from 'ava';
import {findCacheRecord, insertCacheRecord, useCacheRecord} from '../../snapshotter/cache-records.ts';
import {prune} from '../../snapshotter/prune.ts';
import type {ActiveSnapshot, SnapshotId} from '../../snapshotter/snapshotter.ts';
import {openStore, type Store} from '../../snapshotter/store.ts';
import {listUsage} from '../../snapshotter/usage.ts';
import {findStoreFaults} from '../support/check-whole.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

/*
Several sessions make, use, and prune snapshots at random; beside them, a few lines of plain maps say what must be there.
*/

type Model = {
	/** By the number of the command that made it: the parent's number. */
	readonly snapshots: Map<number, number | undefined>;
	/** Which sessions hold which snapshots. */
	readonly holds: Map<number, Set<number>>;
	/** What the active snapshots of the sessions stand on. */
	readonly active: Map<number, number | undefined>;
	made: number;
};

type Real = {
	readonly root: string;
	readonly sessions: Map<number, Store>;
	/** What the numbers of the model are called in the store. */
	readonly ids: Map<number, SnapshotId>;
	readonly active: Map<number, ActiveSnapshot>;
};

type Command = AsyncCommand<Model, Real>;

const sessionCount = 2;

/** The snapshots that must stay: held ones, what active ones stand on, and all below. */
function neededOf({snapshots, holds, active}: Model): ReadonlySet<number> {
	const needed = new Set<number>();
	const starts = active.values().filter(parent => parent !== undefined).toArray();
	for (const held of holds.values()) {
		starts.push(...held);
	}

	for (const start of starts) {
		for (let number: number | undefined = start; number !== undefined; number = snapshots.get(number)) {
			needed.add(number);
		}
	}

	return needed;
}

function chosen(numbers: Iterable<number>, choice: number): number | undefined {
	const all = Iterator.from(numbers).toArray();
	return all[choice % Math.max(1, all.length)];
}

function compare({snapshots}: Model, {sessions, ids}: Real): void {
	const [store] = sessions.values();
	if (store === undefined) {
		return;
	}

	const found = listUsage(store).filter(({isMutable}) => !isMutable).map(({id}) => Number(id)).toSorted((left, right) => left - right);
	const wanted = snapshots.keys().map(number => ids.get(number) as number).toArray().toSorted((left, right) => left - right);
	if (JSON.stringify(found) !== JSON.stringify(wanted)) {
		throw new Error(`the store has ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
	}
}

/** What one of the sessions does. */
abstract class SessionCommand implements Command {
	protected readonly session: number;

	constructor(session: number) {
		this.session = session;
	}

	/** Whether the session has begun, unless a command says otherwise. */
	check({holds}: Model): boolean {
		return holds.has(this.session);
	}

	toString(): string {
		return `${this.constructor.name} ${this.session}`;
	}

	abstract run(model: Model, real: Real): Promise<void>;
}

/** What one of the sessions does with one of the snapshots. */
abstract class ChoosingCommand extends SessionCommand {
	protected readonly choice: number;

	constructor(session: number, choice: number) {
		super(session);
		this.choice = choice;
	}

	override toString(): string {
		return `${super.toString()} ${this.choice}`;
	}
}

class Begin extends SessionCommand {
	override check({active}: Model): boolean {
		return !active.has(this.session);
	}

	override async run(model: Model, real: Real): Promise<void> {
		const store = real.sessions.get(this.session) ?? await openStore(real.root);
		real.sessions.set(this.session, store);
		model.holds.set(this.session, model.holds.get(this.session) ?? new Set());
		compare(model, real);
	}
}

class Prepare extends ChoosingCommand {
	override check({holds, active}: Model): boolean {
		return holds.has(this.session) && !active.has(this.session);
	}

	override async run(model: Model, real: Real): Promise<void> {
		// Only what a session holds may be built on: anything else may go at any time.
		const parent = this.choice % 3 === 0 ? undefined : chosen(model.holds.get(this.session)!, this.choice);
		const snapshot = await real.sessions.get(this.session)!.snapshotter.prepare(parent === undefined ? undefined : real.ids.get(parent));
		real.active.set(this.session, snapshot);
		model.active.set(this.session, parent);
		compare(model, real);
	}
}

class Commit extends SessionCommand {
	override check({active}: Model): boolean {
		return active.has(this.session);
	}

	override async run(model: Model, real: Real): Promise<void> {
		const number = ++model.made;
		const active = real.active.get(this.session)!;
		writeFileSync(path.join(active.changesDirectory, 'file'), `content ${number}`);
		const id = await active.commit({description: `step ${number}`});
		insertCacheRecord(real.sessions.get(this.session)!.metadata, {keys: [`key ${number}`], snapshot: id, description: ''});
		real.ids.set(number, id);
		real.active.delete(this.session);
		model.snapshots.set(number, model.active.get(this.session));
		model.holds.get(this.session)!.add(number);
		model.active.delete(this.session);
		compare(model, real);
	}
}

class Use extends ChoosingCommand {
	override check({holds, made}: Model): boolean {
		return holds.has(this.session) && made > 0;
	}

	override async run(model: Model, real: Real): Promise<void> {
		const number = (this.choice % model.made) + 1;
		const {metadata, session} = real.sessions.get(this.session)!;
		const record = findCacheRecord(metadata, `key ${number}`);
		const snapshot = record && useCacheRecord(metadata, record.id, {session: session.id});
		if ((snapshot !== undefined) !== model.snapshots.has(number)) {
			throw new Error(`the record of step ${number} gives ${String(snapshot)}`);
		}

		if (snapshot !== undefined) {
			model.holds.get(this.session)!.add(number);
		}
	}
}

class Prune extends SessionCommand {
	override async run(model: Model, real: Real): Promise<void> {
		await prune(real.sessions.get(this.session)!, {canRemoveShared: true, matches: () => true, signal: new AbortController().signal});
		const needed = neededOf(model);
		for (const number of model.snapshots.keys()) {
			if (!needed.has(number)) {
				model.snapshots.delete(number);
			}
		}

		compare(model, real);
	}
}

class End extends SessionCommand {
	/** Whether it has something unfinished or not. */
	override async run(model: Model, real: Real): Promise<void> {
		await real.sessions.get(this.session)![Symbol.asyncDispose]();
		real.sessions.delete(this.session);
		real.active.delete(this.session);
		model.active.delete(this.session);
		model.holds.delete(this.session);
		compare(model, real);
	}
}

const session = fastCheck.nat(sessionCount - 1);
const choice = fastCheck.nat(100);
const commands = fastCheck.commands([
	session.map(number => new Begin(number)),
	fastCheck.tuple(session, choice).map(([number, which]) => new Prepare(number, which)),
	session.map(number => new Commit(number)),
	session.map(number => new Commit(number)),
	fastCheck.tuple(session, choice).map(([number, which]) => new Use(number, which)),
	session.map(number => new Prune(number)),
	session.map(number => new End(number)),
], {maxCommands: 60, size: 'max'});

/** Also once everybody has gone. */
async function refuseFaults({root, ids}: Real): Promise<void> {
	const faults = ids.size === 0 ? [] : await findStoreFaults(root);
	if (faults.length > 0) {
		throw new Error(faults.join('\n'));
	}
}

test('whatever sessions make, use and prune, what one of them needs is there, and nothing that nobody needs survives a prune', async t => {
	t.timeout(300_000);
	await t.notThrowsAsync(fastCheck.assert(fastCheck.asyncProperty(commands, async sequence => {
		await using directory = await makeTemporaryDirectory();
		const real: Real = {
			root: path.join(directory.path, 'store'), sessions: new Map(), ids: new Map(), active: new Map(),
		};
		try {
			await fastCheck.asyncModelRun(() => ({
				model: {
					snapshots: new Map(), holds: new Map(), active: new Map(), made: 0,
				}, real,
			}), sequence);
		} finally {
			for (const store of real.sessions.values()) {
				await store[Symbol.asyncDispose]();
			}
		}

		await refuseFaults(real);
	}), {numRuns: Number(process.env.TSBUILD_MODEL_RUNS ?? 30)}));
});
