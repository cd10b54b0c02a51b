import type {UsageRecord} from '../../snapshotter/usage.ts';
import {formatAge, formatGoTime, formatHumanSize} from './human-units.ts';
import {formatTabbedTable, formatTable} from './table.ts';
import {recordType} from './usage-filter.ts';

// The forms are those of buildx: https://github.com/docker/buildx/blob/master/commands/du.go and prune.go there.

const header = ['ID', 'RECLAIMABLE', 'SIZE', 'LAST ACCESSED'];

// Of the labels of a long description, as wide as the longest and two blanks.
const labelWidth = 14;

/** The table of `du`: `*` marks what is still written to, and the size of what is part of an image. */
export function formatUsageTable(records: readonly UsageRecord[], now: number): string {
	return formatTable([header, ...records.map(record => [
		markedId(record),
		String(!record.isInUse),
		markedSize(record),
		formatAge(record.lastUsedAt, now),
	])]);
}

/** The sums below the table of `du`. */
export function formatUsageSums(records: readonly UsageRecord[]): string {
	const total = sumOf(records);
	const shared = sumOf(records.filter(({isShared}) => isShared));
	const reclaimable = sumOf(records.filter(({isInUse}) => !isInUse));
	return formatTabbedTable([
		...(shared > 0 ? [['Shared:', formatHumanSize(shared)], ['Private:', formatHumanSize(total - shared)]] : []),
		['Reclaimable:', formatHumanSize(reclaimable)],
		['Total:', formatHumanSize(total)],
	]);
}

/** The records one below the other, each fact on a line. */
export function formatUsageDetails(records: readonly UsageRecord[], now: number): string {
	return records.map(record => `${formatUsageFacts(record, now)}\n`).join('');
}

function formatUsageFacts(record: UsageRecord, now: number): string {
	const [id, ...others] = factsOf(record, now);
	const parents = record.parent === undefined ? '' : `Parents:\n - ${record.parent}\n`;
	const facts: readonly Fact[] = [...others, ['Type', recordType(record)]];
	return `${formatFact(id)}${parents}${facts.map(fact => formatFact(fact)).join('')}`;
}

function formatFact([label, value]: Fact): string {
	return `${`${label}:`.padEnd(labelWidth)}${value}\n`;
}

/** A record as JSON, with the fields of buildx. */
export function usageJson(record: UsageRecord, now: number) {
	return {
		CreatedAt: formatGoTime(record.createdAt),
		Description: record.description,
		ID: record.id,
		LastUsedAt: formatAge(record.lastUsedAt, now),
		Mutable: record.isMutable,
		Parents: record.parent === undefined ? null : [record.parent],
		Reclaimable: !record.isInUse,
		Shared: record.isShared,
		Size: formatHumanSize(record.size),
		Type: recordType(record),
		UsageCount: record.usageCount,
	};
}

const idWidth = 40;
const stateWidth = 5;
const sizeWidth = 10;

/** The list of `prune`. Unlike buildx's, its columns are aligned in all rows. */
export function formatPrunedTable(records: readonly UsageRecord[], now: number): string {
	return formatTabbedTable([header, ...records.map(record => [
		markedId(record).padEnd(idWidth),
		'true'.padEnd(stateWidth),
		markedSize(record).padEnd(sizeWidth),
		formatAge(record.lastUsedAt, now),
	])]);
}

/** The list of `prune --verbose`. */
export function formatPrunedDetails(records: readonly UsageRecord[], now: number): string {
	return records.map(record => {
		const [id, ...others] = factsOf(record, now);
		const parent: readonly Fact[] = record.parent === undefined ? [] : [['Parent', record.parent]];
		const rows = [id, ...parent, ...others].map(([label, value]) => [`${label}:`, value]);
		return `${formatTabbedTable(rows)}\n`;
	}).join('');
}

/** The last line of `prune`. */
export function formatPrunedSum(records: readonly UsageRecord[]): string {
	return formatTabbedTable([['Total:', formatHumanSize(sumOf(records))]]);
}

type Fact = readonly [label: string, value: string];

function factsOf(record: UsageRecord, now: number): readonly [Fact, ...Fact[]] {
	return [
		['ID', record.id],
		['Created at', formatGoTime(record.createdAt)],
		['Mutable', String(record.isMutable)],
		['Reclaimable', String(!record.isInUse)],
		['Shared', String(record.isShared)],
		['Size', formatHumanSize(record.size)],
		['Description', record.description],
		['Usage count', String(record.usageCount)],
		['Last used', formatAge(record.lastUsedAt, now)],
	];
}

function markedId({id, isMutable}: UsageRecord): string {
	return isMutable ? `${id}*` : id;
}

function markedSize({size, isShared}: UsageRecord): string {
	return `${formatHumanSize(size)}${isShared ? '*' : ''}`;
}

function sumOf(records: readonly UsageRecord[]): number {
	return records.reduce((sum, {size}) => sum + size, 0);
}
