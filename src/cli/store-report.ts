import type {CheckReport} from '../store-check/check-store.ts';
import type {CheckCounts, CheckedProblem} from '../store-check/problem.ts';
import {formatHumanSize} from './human-units.ts';
import {formatAlignedTable} from './table.ts';

const padding = 2;

/** What `tsbuild store check` prints: what was looked at, and what is wrong. */
export function formatCheckReport({root, counts, livingSessions, problems}: CheckReport): string {
	const shared = livingSessions === 0 ? '' : `${count(livingSessions, 'other session')} used the store meanwhile: unfinished work was left out.\n`;
	return `Store ${root}\n${formatCounts(counts)}${shared}${problems.map(problem => formatProblem(problem)).join('')}${formatSum(problems)}`;
}

function formatCounts(counts: CheckCounts): string {
	return formatAlignedTable([
		['blobs', `${counts.blobs} (${formatHumanSize(counts.blobBytes)}), each read to its end`],
		['snapshots', `${counts.snapshots}, ${counts.comparedSnapshots} of them compared with their layer`],
		['layers', String(counts.layers)],
		['cache records', `${counts.records}, under ${count(counts.keys, 'key')}`],
		['leases', `${counts.leases}, of ${count(counts.sessions, 'session')}`],
		['images', String(counts.images)],
		['cache mounts', String(counts.cacheMounts)],
		['files of the web', String(counts.httpFiles)],
	], padding);
}

function formatProblem({subject, reason, outcome}: CheckedProblem): string {
	const result = outcome === undefined ? '' : `  ${outcome.isRepaired ? '' : 'not repaired: '}${outcome.text}\n`;
	return `${subject}: ${reason}\n${result}`;
}

function formatSum(problems: readonly CheckedProblem[]): string {
	if (problems.length === 0) {
		return 'Nothing is wrong.\n';
	}

	const found = `${count(problems.length, 'problem')} found`;
	const repaired = problems.filter(({outcome}) => outcome?.isRepaired === true).length;
	return problems.every(({outcome}) => outcome === undefined)
		? `${found}. 'tsbuild store check --repair' takes out what is damaged.\n`
		: `${found}, ${repaired} repaired.\n`;
}

function count(number: number, noun: string): string {
	return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** The same for programs. */
export function checkReportJson({root, databaseVersion, livingSessions, counts, problems}: CheckReport) {
	return {
		root,
		databaseVersion,
		livingSessions,
		counts,
		problems: problems.map(({subject, reason, remedy, outcome}) => ({
			subject,
			reason,
			remedy: remedy.kind,
			...(outcome !== undefined && {repaired: outcome.isRepaired, outcome: outcome.text}),
		})),
	};
}
