import {Buffer} from 'node:buffer';
import type {Outline, OutlineMount} from '../../frontend/dockerfile/outline.ts';
import type {Target} from '../../frontend/dockerfile/targets.ts';
import {stringifyAsGo} from '../kernel/go-json.ts';
import {cleanLine} from '../progress/clean-text.ts';
import {locationJson} from './check-report.ts';
import {formatAlignedTable} from './table.ts';

// https://github.com/moby/buildkit/blob/v0.32.2/frontend/subrequests/outline/outline.go (PrintOutline)
const outlinePadding = 3;

const titlePadding = 1;

/** What a target takes, as buildx prints it: tables of arguments, secrets and SSH sockets, those that are not empty. */
export function formatOutlineText({name, description, arguments: args, secrets, ssh}: Outline): string {
	const titles = [['TARGET:', name], ['DESCRIPTION:', cleanLine(description)]].filter(([, text]) => text !== '');
	return [
		formatAlignedTable(titles, titlePadding),
		table(['BUILD ARG', 'VALUE', 'DESCRIPTION'], args.map(argument => [argument.name, argument.value, argument.description])),
		table(['SECRET', 'REQUIRED'], mountRows(secrets)),
		table(['SSH', 'REQUIRED'], mountRows(ssh)),
	].filter(text => text !== '').map(text => `${text}\n`).join('');
}

/** What a target takes, as the JSON of buildx. */
export function formatOutlineJson({name, description, arguments: args, secrets, ssh}: Outline, content: Uint8Array): string {
	return format({
		name: optional(name),
		description: optional(description),
		args: optionalList(args.map(argument => ({
			name: argument.name, description: optional(argument.description), value: optional(argument.value), location: locationJson([argument.location]),
		}))),
		secrets: optionalList(secrets.map(mount => mountJson(mount))),
		ssh: optionalList(ssh.map(mount => mountJson(mount))),
		sources: [encode(content)],
	});
}

/** The stages that can be built, as buildx prints them. */
export function formatTargetsText(targets: readonly Target[]): string {
	const rows = targets.map(({name, isDefault, description}) => [`${name}${isDefault && name !== '' ? ' ' : ''}${isDefault ? '(default)' : ''}`, cleanLine(description)]);
	return formatAlignedTable([['TARGET', 'DESCRIPTION'], ...rows], titlePadding);
}

/** The stages that can be built, as the JSON of buildx. */
export function formatTargetsJson(targets: readonly Target[], content: Uint8Array): string {
	return format({
		targets: targets.map(({name, isDefault, description, base, platform, location}) => ({
			name: optional(name), default: isDefault || undefined, description: optional(description), base, platform, location: locationJson([location]),
		})),
		sources: [encode(content)],
	});
}

function table(titles: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
	return rows.length === 0 ? '' : formatAlignedTable([titles, ...rows.map(row => row.map(cell => cleanLine(cell)))], outlinePadding);
}

function mountRows(mounts: readonly OutlineMount[]): ReadonlyArray<readonly string[]> {
	return mounts.map(({name, isRequired}) => [name, isRequired ? 'true' : '']);
}

function mountJson({name, isRequired, location}: OutlineMount): unknown {
	return {name, required: isRequired || undefined, location: locationJson([location])};
}

function optional(text: string): string | undefined {
	return text === '' ? undefined : text;
}

function optionalList<Item>(items: readonly Item[]): readonly Item[] | undefined {
	return items.length === 0 ? undefined : items;
}

function encode(content: Uint8Array): string {
	return Buffer.from(content).toString('base64');
}

function format(report: unknown): string {
	return `${stringifyAsGo(report, '  ')}\n`;
}
