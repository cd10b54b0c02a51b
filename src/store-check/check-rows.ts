import {parseDigest} from '../kernel/digest.ts';
import {livingSessions, type CheckContext} from './check-context.ts';
import type {Problem} from './problem.ts';

// The columns that hold a digest, with the one that names the row to the user.
const digestColumns = [
	{table: 'layers', column: 'diff_id'},
	{table: 'layers', column: 'chain_id'},
	{table: 'layers', column: 'digest'},
	{table: 'blob_variants', column: 'source'},
	{table: 'blob_variants', column: 'digest'},
	{table: 'blob_sources', column: 'digest'},
	{table: 'image_resolutions', column: 'digest'},
	{table: 'nameless_images', column: 'config_digest'},
	{table: 'nameless_images', column: 'manifest_digest'},
	{table: 'http_files', column: 'url_digest'},
	{table: 'http_files', column: 'digest'},
] as const;

/** Checks cache records, their keys, leases, and the digests in all other tables. That no row names another which is not there is said by the check of the database. */
export function checkRows(context: CheckContext): readonly Problem[] {
	const {store: {metadata}, counts} = context;
	return metadata.transaction(() => {
		counts.records += countRows('cache_records', context);
		counts.keys += countRows('cache_keys', context);
		counts.leases += countRows('leases', context);
		counts.httpFiles += countRows('http_files', context);
		return [...findUselessRecords(context), ...findDeadLeases(context), ...findWrongDigests(context)];
	});
}

function countRows(table: string, {store: {metadata}}: CheckContext): number {
	return metadata.statement(`SELECT count(*) AS count FROM ${table}`).get()!.count as number;
}

function findUselessRecords({store: {metadata}}: CheckContext): readonly Problem[] {
	const rows = metadata.statement(`
		SELECT id, 'no key leads to it' AS reason FROM cache_records WHERE NOT EXISTS (SELECT 1 FROM cache_keys WHERE record = cache_records.id)
		UNION ALL SELECT cache_records.id, 'its snapshot ' || snapshot || ' is not finished' FROM cache_records JOIN snapshots ON snapshots.id = snapshot WHERE state <> 'committed'
	`).all();
	return rows.map(row => ({subject: `cache record ${String(row.id)}`, reason: String(row.reason), remedy: {kind: 'remove-record', record: row.id as number}}));
}

// A session that has died since the check began is left to the next sweep, and so is one that a process of a step has outlived. Read in this order: a session has its folder before it has leases.
function findDeadLeases({store: {metadata, root, session}, counts, others}: CheckContext): readonly Problem[] {
	const rows = metadata.statement('SELECT session, count(*) AS count FROM leases GROUP BY session').all();
	const living = livingSessions(root, session.id);
	counts.sessions += living.length + 1;
	const alive = new Set([...living, ...others, session.id]);
	return rows.filter(row => !alive.has(row.session as string)).map(row => ({
		subject: `leases of session ${String(row.session)}`,
		reason: `there are ${String(row.count)}, but no such session`,
		remedy: {
			kind: 'remove-rows', table: 'leases', column: 'session', value: row.session as string,
		},
	}));
}

function findWrongDigests({store: {metadata}}: CheckContext): readonly Problem[] {
	return digestColumns.flatMap(({table, column}) => {
		const rows = metadata.statement(`SELECT DISTINCT ${column} AS value FROM ${table} WHERE ${column} IS NOT NULL`).all();
		return rows.map(row => String(row.value)).filter(value => !isDigest(value)).map((value): Problem => ({
			subject: `table ${table}`,
			reason: `${JSON.stringify(value)} is no digest`,
			remedy: {
				kind: 'remove-rows', table, column, value,
			},
		}));
	});
}

function isDigest(text: string): boolean {
	try {
		return parseDigest(text) === text;
	} catch {
		return false;
	}
}
